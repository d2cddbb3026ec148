/**
 * The table `memberships` and who may do what with its rows.
 */
import { sql } from 'drizzle-orm'
import { check, index, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { policies } from '../policies/policies.ts'
import { issuer } from '../policies/roles.ts'
import { either, everyRow } from '../policies/rule.ts'
import { ownedBy, tenantAdmin } from '../policies/rules.ts'
import { protectedTable } from '../policies/table.ts'
import { tenants } from './tenants.ts'
import { users } from './users.ts'

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
