/**
 * Requests of the gateway's own that a connection runs between those of others, and what came of them.
 */
import type { Flight, Work } from './flight.ts'
import { errorCode } from './outgoing.ts'
import { versionSql } from './schema-version.ts'

/** What each of them has in common; nothing in it is anybody's. */
export const internalWork: Work = {
  identity: undefined,
  statements: [],
  begin: undefined,
  exclusive: true,
  reset: false,
}

const ask = (sql: string): Work => ({
  ...internalWork,
  statements: [{ sql, params: [], prepare: false, shape: { arrayMode: true, rawText: true } }],
})

/** Asks whether the server takes no writes. */
export const isReadOnlyWork = ask(
  `select pg_catalog.pg_is_in_recovery() or pg_catalog.current_setting('transaction_read_only') = 'on'`,
)

/** Whether it said so. */
export function saysReadOnly(flight: Flight): boolean {
  return flight.error === undefined && firstRow(flight)?.[0] === 't'
}

/** Reads the version of the schema. */
export const readVersionWork = ask(versionSql)

/** What a reading gave, as `SchemaVersion.endReading` takes it. */
export function versionIn(flight: Flight): string | null | undefined {
  if (flight.error !== undefined) return errorCode(flight) === undefined ? undefined : null
  const row = firstRow(flight)
  if (row === undefined) return undefined
  const [version, settled] = row
  return version === null || settled === 't' ? version : undefined
}

/** Whether the server's answer shows that a cancel request reached this request. */
export function wasCancelled(flight: Flight): boolean {
  return flight.error?.kind === 'postgres' && flight.error.error.code === '57014'
}

function firstRow(flight: Flight): (string | null)[] | undefined {
  const pieces = flight.sinks[0]?.finish()
  return Array.isArray(pieces) ? JSON.parse(String(Buffer.concat(pieces))).rows[0] : undefined
}
