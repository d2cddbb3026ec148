/**
 * The table `users` and who may do what with its rows. Grants and FORCE are in `drizzle/0001_force_and_grants.sql`.
 */
import { sql } from 'drizzle-orm'
import { check, index, pgPolicy, pgTable, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import { authenticated } from './roles.ts'
import { callerId, callerRole, callerTenantId } from './session.ts'
import { tenants } from './tenants.ts'

/**
 * People. Each sees and renames their own row; the admin of a tenant sees, creates, renames and deletes its people.
 *
 * No other column can be updated: nobody moves a row to another tenant, nobody promotes themselves. The grants say so
 * first, the policy's WITH CHECK says so again for the day when a grant is widened.
 */
export const users = pgTable(
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
    const inTenant = sql`${table.tenantId} = ${callerTenantId}`
    const own = sql`${table.id} = ${callerId}`
    const isAdmin = sql`${callerRole} = 'admin'`
    const reachable = sql`${inTenant} and (${own} or ${isAdmin})`
    const administered = sql`${inTenant} and ${isAdmin}`
    return [
      // Per tenant: a global one would tell every admin who else's customer an address is.
      unique('users_tenant_id_email_key').on(table.tenantId, table.email),
      // Serves the policies and pages in the order of `id` within a tenant.
      index('users_tenant_id_id_idx').on(table.tenantId, table.id),
      check('users_email_form', sql`${table.email} ~ '^[^@[:space:][:upper:]]+@[^@[:space:][:upper:]]+$'`),
      check('users_email_length', sql`char_length(${table.email}) <= 254`),
      check('users_name_length', sql`char_length(${table.name}) between 1 and 200`),
      check('users_role_known', sql`${table.role} in ('member', 'admin')`),
      pgPolicy('users_select', { for: 'select', to: authenticated, using: reachable }),
      pgPolicy('users_insert', { for: 'insert', to: authenticated, withCheck: administered }),
      pgPolicy('users_update', {
        for: 'update',
        to: authenticated,
        using: reachable,
        withCheck: sql`${reachable} and (${table.role} = 'member' or ${isAdmin})`,
      }),
      pgPolicy('users_delete', { for: 'delete', to: authenticated, using: administered }),
    ]
  },
)
