/**
 * What a policy needs to be granted, carried by the policy itself: drizzle-orm has no notion of privileges.
 */
import type { PgPolicy } from 'drizzle-orm/pg-core'

/** One privilege of one role on the table of a policy. */
export interface TableGrant {
  readonly role: string
  readonly command: 'select' | 'insert' | 'update' | 'delete'
  /** By name in the database; undefined is the whole table. */
  readonly columns: readonly string[] | undefined
}

/** Registered: a schema that is loaded beside this module may come with its own copy of it. */
const key = Symbol.for('rowpass.grant')

/** Notes what a policy needs. */
export function recordGrant(policy: PgPolicy, grant: TableGrant): void {
  Object.defineProperty(policy, key, { value: grant })
}

/** What was noted, if anything. */
export function grantOf(policy: PgPolicy): TableGrant | undefined {
  // Only recordGrant writes there, in whichever copy of this module.
  return (policy as { [key]?: TableGrant })[key]
}
