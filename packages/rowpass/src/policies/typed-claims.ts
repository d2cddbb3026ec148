/**
 * What policies ask about the caller, as SQL. The functions are in `packages/rowpass/src/seal/sql/typed_claims.sql`.
 *
 * Each is a scalar sub-select that reads no column, so PostgreSQL runs it once a statement (an InitPlan) and compares
 * the bare column with its result, which an index can serve; `(select f() = column)` runs for each row. A claim that is
 * missing or of another type is NULL, no comparison with it is true, and the policy denies.
 */
import { type SQL, sql } from 'drizzle-orm'

/**
 * A top-level claim that is a JSON string, as text.
 *
 * @example
 * const mine = rule(sql`owner_id = ${claimText('sub')}`)
 */
export function claimText(name: string): SQL<string | null> {
  return ask('claim_text', name)
}

/**
 * A top-level claim that is a string with a uuid in it, as uuid.
 *
 * @example
 * const mine = rule(sql`owner_id = ${claimUuid('sub')}`)
 */
export function claimUuid(name: string): SQL<string | null> {
  return ask('claim_uuid', name)
}

/**
 * A top-level claim that is a whole number of up to 18 digits, or a string of them, as bigint.
 *
 * @example
 * const mine = rule(sql`owner_id = ${claimInt('sub')}`)
 */
export function claimInt(name: string): SQL<string | null> {
  return ask('claim_int', name)
}

/**
 * A top-level claim that is JSON true or false, as boolean.
 *
 * @example
 * const verified = rule(sql`${claimBool('email_verified')}`)
 */
export function claimBool(name: string): SQL<boolean | null> {
  return ask('claim_bool', name)
}

/**
 * A top-level claim that is an array of uuids, for ``sql`${table.tenantId} = any(${claimUuids('tenants')})` ``.
 *
 * @example
 * const ours = rule(sql`tenant_id = any(${claimUuids('tenants')})`)
 */
export function claimUuids(name: string): SQL<string[] | null> {
  return sql`${ask('claim_uuids', name)}::uuid[]`
}

/**
 * A top-level claim that is an array of strings, for ``sql`'billing' = any(${claimTexts('roles')})` ``.
 *
 * @example
 * const billing = rule(sql`'billing' = any(${claimTexts('roles')})`)
 */
export function claimTexts(name: string): SQL<string[] | null> {
  return sql`${ask('claim_texts', name)}::text[]`
}

/** A value as an SQL literal, in either setting of `standard_conforming_strings`. */
export function literal(value: string): SQL {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return sql.raw(value.includes('\\') ? ` E${quoted}` : quoted)
}

function ask<T>(name: string, claim: string): SQL<T> {
  return sql`(select ${sql.raw(`auth.${name}`)}(${literal(claim)}))`
}
