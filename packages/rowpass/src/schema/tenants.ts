/**
 * The table `tenants` and who may do what with its rows.
 */
import { sql } from 'drizzle-orm'
import { check, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { policies } from '../policies/policies.ts'
import { issuer } from '../policies/roles.ts'
import { everyRow } from '../policies/rule.ts'
import { inTenant, tenantAdmin } from '../policies/rules.ts'
import { protectedTable } from '../policies/table.ts'

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
