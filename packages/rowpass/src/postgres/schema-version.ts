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
 * Two lists, each of which becomes another with every change and never again what it was: a new version of a trigger's row
 * has a new transaction, and the sum of the counts only grows. In no order, which would have to be sorted: the rows of a
 * table that nobody changes come as they came before. The triggers of others are among them, as telling them apart costs
 * more than reading the version anew.
 */
const triggerRows = 'array(select xmin from pg_catalog.pg_event_trigger)'
const changeCounts = 'array(select n from rowpass_ddl.changes)'
/** In another transaction the snapshot is older than the statement, and tells nothing of what was committed since. */
const seesNow = "pg_catalog.current_setting('transaction_isolation') = 'read committed'"

const running = 'array(select x::xid from pg_catalog.pg_snapshot_xip(pg_catalog.pg_current_snapshot()) as x)'
/**
 * False while a change that the counts have may be unknown to other sessions: PostgreSQL shows a transaction's rows a
 * moment before it tells the others that what they remember of the catalogs is out of date, and lets go of its locks after
 * that. A statement that is parsed in between has the types of before. On a standby nobody has those locks.
 */
const settled = `not pg_catalog.pg_is_in_recovery() and not exists (
  select from pg_catalog.pg_locks as l
   where l.locktype = 'relation' and l.relation = 'rowpass_ddl.changes'::regclass and l.mode = 'RowExclusiveLock'
     and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
     and not exists (
       select from pg_catalog.pg_locks as x
        where x.locktype = 'transactionid' and x.virtualtransaction = l.virtualtransaction
          and x.mode = 'ExclusiveLock' and x.transactionid = any (${running})))`

/**
 * Reads the version: one row with `version`, null where nothing counts or the transaction does not see what is new, and
 * `settled`: whether a statement that is parsed in a transaction after this one has the types of this version, or newer
 * ones. A trigger that was dropped, disabled or made again is another version, as no event trigger sees that. Fails with
 * 42P01 where nothing was ever set up to count.
 */
export const versionSql = `select case when ${seesNow} and (
  select pg_catalog.count(*) = 2 from pg_catalog.pg_event_trigger
   where evtname in ('${changeTriggers.end}', '${changeTriggers.drop}') and evtenabled = 'A'
) then ${triggerRows}::text || ' ' || ${changeCounts}::text end as version, ${settled} as settled`

const isCurrent = `${seesNow} and ${triggerRows} = $1::xid[] and ${changeCounts} = $2::int8[]`

/**
 * Fails (22012) unless the version is the one of {@link versionParams}. Runs last in the transaction, after the locks of its
 * statements were had, and in each request that uses a statement with parameters again: so there is no aggregate, no text
 * and hardly a function in it, as PostgreSQL checks the right to each of them every time.
 */
export const checkVersionSql = `select 1 / case when ${isCurrent} then 1 else 0 end`

/** Fails (22012) while the version is still the one of {@link versionParams}. */
export const checkChangedSql = `select 1 / case when ${isCurrent} then 0 else 1 end`

/** The parameters of both checks. */
export function versionParams(version: string): string[] {
  return version.split(' ')
}

/** What the connections of a pool know of the version together. */
export interface SchemaVersion {
  /** The newest that was read and had settled; undefined before that, and after it was found to be over. */
  readonly current: string | undefined
  /** False once reading it has failed or gave none: then nothing with parameters is kept. */
  readonly watched: boolean
  /** Whether the caller is to read it now, for all connections; it then calls {@link SchemaVersion.endReading}. */
  beginReading(): boolean
  /** @param version null where there is none; undefined where nothing was learnt, or it had not settled */
  endReading(version: string | null | undefined): void
  /** The catalogs were read under this version; undefined where there is none. */
  see(version: string | undefined): void
  /** A transaction found that this version is over. */
  end(version: string): void
}

/** Of servers on which no version settles: every statement with parameters is parsed anew. */
export const unwatchedSchema: SchemaVersion = {
  current: undefined,
  watched: false,
  beginReading: () => false,
  endReading() {},
  see() {},
  end() {},
}

/** @param onChange called when a version is over, or another one than before was read */
export function createSchemaVersion(onChange: () => void = () => {}): SchemaVersion {
  let current: string | undefined
  /** That anybody saw, until it is over. */
  let latest: string | undefined
  let watched = true
  let reading = false
  return {
    get current() {
      return current
    },
    get watched() {
      return watched
    },
    beginReading() {
      if (current !== undefined || !watched || reading) return false
      reading = true
      return true
    },
    endReading(version) {
      reading = false
      if (version === undefined) return
      watched = version !== null
      current = version ?? undefined
      if (latest !== undefined && latest !== current) onChange()
      latest = current
    },
    see(version) {
      watched = version !== undefined
      if (version !== current) current = undefined
      latest = version
    },
    end(version) {
      if (version !== current) return
      current = undefined
      latest = undefined
      onChange()
    },
  }
}
