/**
 * The tables of the application, and who may do what with their rows.
 */
import { sql } from 'drizzle-orm'
import { check, index, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import {
  both,
  either,
  everyRow,
  hasRole,
  inTenant,
  issuer,
  ownedBy,
  policies,
  protectedTable,
  rule,
  tenantAdmin,
} from 'rowpass/policies'

/**
 * The customers of the application. A tenant is visible to its own people; its admin renames or deletes it.
 *
 * An admin may also create the one row that their token names, hence `id` is theirs to give on INSERT.
 */
export const tenants = protectedTable(
  'tenants',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    name: text('name').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    check('tenants_name_length', sql`char_length(${table.name}) between 1 and 200`),
    ...policies(table, {
      all: tenantAdmin(table.id),
      select: inTenant(table.id),
      columns: { insert: [table.id, table.name], update: [table.name] },
    }),
    ...policies(table, { to: issuer, insert: everyRow, columns: { insert: [table.id, table.name] } }),
  ],
)

/**
 * People. Each sees and renames their own row; the admin of a tenant sees, creates, renames and deletes its people.
 *
 * No other column can be updated: nobody moves a row to another tenant, nobody promotes themselves. The grants say so
 * first, the policy's WITH CHECK says so again for the day when a grant is widened.
 */
export const users = protectedTable(
  'users',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    // Not CASCADE: PostgreSQL runs referential actions past row-level security, so the right to delete a tenant would
    // silently be the right to delete all of its people. An admin removes the people first, each under their policy.
    tenantId: uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'restrict' }),
    email: text('email').notNull(),
    name: text('name').notNull(),
    role: text('role', { enum: ['member', 'admin'] })
      .notNull()
      .default('member'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => {
    const isAdmin = hasRole('admin')
    const reachable = both(inTenant(table.tenantId), either(ownedBy(table.id), isAdmin))
    const noAdminMadeByOthers = either(rule(sql`${table.role} = 'member'`), isAdmin)
    return [
      // Per tenant: a global one would tell every admin who else's customer an address is.
      unique('users_tenant_id_email_key').on(table.tenantId, table.email),
      check('users_email_form', sql`${table.email} ~ '^[^@[:space:][:upper:]]+@[^@[:space:][:upper:]]+$'`),
      check('users_email_length', sql`char_length(${table.email}) <= 254`),
      check('users_name_length', sql`char_length(${table.name}) between 1 and 200`),
      check('users_role_known', sql`${table.role} in ('member', 'admin')`),
      ...policies(table, {
        all: tenantAdmin(table.tenantId),
        select: reachable,
        update: { of: reachable, into: both(reachable, noAdminMadeByOthers) },
        // Not `id` on INSERT: a choice of the caller's would answer, by a unique violation, whether a hidden row has it.
        // Not `email` on UPDATE: that would tell a member which colleagues exist, whose rows they cannot see.
        columns: {
          insert: [table.tenantId, table.email, table.name, table.role],
          update: [table.name],
        },
        pageBy: [table.id],
      }),
      ...policies(table, {
        to: issuer,
        select: everyRow,
        // Who signs up is the admin of a tenant of their own.
        insert: rule(sql`${table.role} = 'admin'`),
        columns: {
          select: [table.id, table.tenantId, table.email, table.role],
          insert: [table.id, table.tenantId, table.email, table.name, table.role],
        },
      }),
    ]
  },
)

/**
 * Further tenants of a person, besides the one of their row in `users`, each with a role of its own. The issuer gives a
 * token for a tenant only to somebody whose tenant it is by one of the two.
 *
 * People see all of their own memberships, in whichever tenant they are signed in, and may leave; an admin sees, grants,
 * changes and takes back those of the tenant. Whom an admin adds is named by id: without a right to see them, nobody can
 * be looked up here.
 */
export const memberships = protectedTable(
  'memberships',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'restrict' }),
    tenantId: uuid('tenant_id')
      .notNull()
      .references(() => tenants.id, { onDelete: 'restrict' }),
    role: text('role', { enum: ['member', 'admin'] })
      .notNull()
      .default('member'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => {
    const ownOrAdministered = either(ownedBy(table.userId), tenantAdmin(table.tenantId))
    return [
      primaryKey({ name: 'memberships_pkey', columns: [table.userId, table.tenantId] }),
      index('memberships_tenant_id_user_id_idx').on(table.tenantId, table.userId),
      check('memberships_role_known', sql`${table.role} in ('member', 'admin')`),
      ...policies(table, {
        all: tenantAdmin(table.tenantId),
        select: ownOrAdministered,
        delete: ownOrAdministered,
        columns: { insert: [table.userId, table.tenantId, table.role], update: [table.role] },
        // The primary key serves the one half, the index above the other.
        indexes: false,
      }),
      ...policies(table, {
        to: issuer,
        select: everyRow,
        columns: { select: [table.userId, table.tenantId, table.role] },
      }),
    ]
  },
)
