/**
 * The table `users` and who may do what with its rows.
 */
import { sql } from 'drizzle-orm'
import { check, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import { policies } from '../policies/policies.ts'
import { issuer } from '../policies/roles.ts'
import { both, either, everyRow, rule } from '../policies/rule.ts'
import { hasRole, inTenant, ownedBy, tenantAdmin } from '../policies/rules.ts'
import { protectedTable } from '../policies/table.ts'
import { tenants } from './tenants.ts'

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
