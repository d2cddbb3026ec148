/**
 * What policies ask about the caller, as SQL.
 *
 * Each is a scalar sub-select that reads no column, so PostgreSQL runs it once a statement (an InitPlan) and compares
 * the bare column with its result, which an index can serve. The demo's form, `(select f() = column)`, runs for each row.
 * Without claims each is NULL, no comparison with it is true, and the policy denies.
 */
import { sql } from 'drizzle-orm'

/** The claim `sub` as uuid; NULL when it is missing or no uuid. */
export const callerId = sql.raw('(select auth.uid())')

/**
 * The claim `tenant_id` as uuid; NULL when it is missing.
 *
 * The cast does not fail: the verifier refuses a token whose `tenant_id` is no uuid.
 */
export const callerTenantId = sql.raw("(select (auth.session() ->> 'tenant_id')::uuid)")

/** The application claim `role`, `member` or `admin`; NULL when it is missing. It does not select the database role. */
export const callerRole = sql.raw("(select auth.session() ->> 'role')")
