/**
 * The table `tenants` and who may do what with its rows. Grants and FORCE are in `drizzle/0001_force_and_grants.sql`.
 */
import { sql } from 'drizzle-orm'
import { check, pgPolicy, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { authenticated } from './roles.ts'
import { callerRole, callerTenantId } from './session.ts'

/**
 * The customers of the application. A tenant is visible to its own people; its admin renames or deletes it.
 *
 * An admin may also create the one row that their token names, hence `id` is theirs to give on INSERT.
 */
export const tenants = pgTable(
  'tenants',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    name: text('name').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => {
    const own = sql`${table.id} = ${callerTenantId}`
    const administered = sql`${own} and ${callerRole} = 'admin'`
    return [
      check('tenants_name_length', sql`char_length(${table.name}) between 1 and 200`),
      pgPolicy('tenants_select', { for: 'select', to: authenticated, using: own }),
      pgPolicy('tenants_insert', { for: 'insert', to: authenticated, withCheck: administered }),
      pgPolicy('tenants_update', { for: 'update', to: authenticated, using: administered, withCheck: administered }),
      pgPolicy('tenants_delete', { for: 'delete', to: authenticated, using: administered }),
    ]
  },
)
