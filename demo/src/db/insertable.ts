/**
 * The tables as INSERT may fill them. `db.insert(users)` names every column, even those left to their default, and
 * PostgreSQL asks for the privilege on each; the grants give only these. Not read by drizzle-kit.
 *
 * Every column of a table that is declared twice has its name spelled out: drizzle-orm looks the others up by table
 * name, and finds those of the first declaration only.
 */
import { pgTable, text, uuid } from 'drizzle-orm/pg-core'

/** Columns of `tenants` that a caller gives. */
export const newTenants = pgTable('tenants', {
  id: uuid('id').notNull(),
  name: text('name').notNull(),
})

/** Columns of `users` that a caller gives; `id` and `created_at` come from the database. */
export const newUsers = pgTable('users', {
  tenantId: uuid('tenant_id').notNull(),
  email: text('email').notNull(),
  name: text('name').notNull(),
  role: text('role', { enum: ['member', 'admin'] }).notNull(),
})
