/**
 * The version of the schema: PostgreSQL fixes the types of a statement's parameters when it parses the statement and goes
 * on using them after a migration, so a statement with parameters is used again only while the version is the same.
 *
 * `rowpass db harden`, or `db migrate` where the owner may, has the database count each transaction that changes its
 * schema; see `database/schema-changes.ts`. The version is that count, and which event triggers make it.
 */

/** The event triggers that count; both must be there, and enabled always. */
export const changeTriggers = { end: 'rowpass_ddl_end', drop: 'rowpass_ddl_drop' } as const

/**
 * The version, as text; null where nothing counts, and in a transaction whose snapshot is older than the statement. A
 * trigger that was dropped, disabled or made again is another version, as no event trigger sees that.
 */
const versionExpression = `case when pg_catalog.current_setting('transaction_isolation') = 'read committed' then (
  select pg_catalog.string_agg(evtname || ' ' || oid || ' ' || xmin, ' ' order by evtname)
    from pg_catalog.pg_event_trigger
   where evtname in ('${changeTriggers.end}', '${changeTriggers.drop}') and evtenabled = 'A'
  having pg_catalog.count(*) = 2
) || ' ' || (select pg_catalog.sum(n) from rowpass_ddl.changes) end`

/** Reads the version: one row, one column, `version`. Fails with 42P01 where nothing was ever set up to count. */
export const versionSql = `select ${versionExpression} as version`

/** Fails (22012) unless the version is `$1`. Runs last in the transaction, after the locks of its statements were had. */
export const checkVersionSql = `select 1 / (${versionExpression} is not distinct from $1::text)::int`

/** Fails (22012) while the version is still `$1`. */
export const checkChangedSql = `select 1 / (${versionExpression} is distinct from $1::text)::int`

/** What the connections of a pool know of the version together. */
export interface SchemaVersion {
  /** The newest that was read; undefined before that, and after it was found to be over. */
  readonly current: string | undefined
  /** False once reading it has failed or gave none: then nothing with parameters is kept. */
  readonly watched: boolean
  /** A version was read; undefined when there is none. */
  see(version: string | undefined): void
  /** A transaction found that this version is over. */
  end(version: string): void
}

/** @param onChange called when a version is over, or another one than before was read */
export function createSchemaVersion(onChange: () => void = () => {}): SchemaVersion {
  let current: string | undefined
  let watched = true
  return {
    get current() {
      return current
    },
    get watched() {
      return watched
    },
    see(version) {
      const changed = current !== undefined && version !== current
      current = version
      watched = version !== undefined
      if (changed) onChange()
    },
    end(version) {
      if (version !== current) return
      current = undefined
      onChange()
    },
  }
}
