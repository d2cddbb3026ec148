/**
 * The rows that a statement would meet if there were no policies: counted, and a bounded sample of them read, by the
 * connection's own role. They stay inside this process; nothing of them is shown unless asked for.
 */
import pg from 'pg'
import type { Relation } from '../access/catalog/catalog.ts'
import { isProblem, type SqlProblem, toProblem } from '../access/trial.ts'
import { safeText } from './explanation.ts'
import type { Reached } from './reach.ts'
import { rolledBack, type TrialIdentity } from './session.ts'

/** Rows of one relation. */
export interface MetRows {
  /** In the text form of PostgreSQL's records, at most {@link sampleSize}. */
  readonly sample: readonly string[]
  /** At most {@link countLimit} + 1. */
  readonly total: number
  /** Whether the statement's own conditions chose them, or they are all the rows there are. */
  readonly filtered: boolean
  /** How many of `total` the identity is given when it counts them itself; undefined where it may not ask. */
  readonly seen: number | undefined
}

/** Why no rows could be had. */
export interface NoRows {
  readonly reason: string
}

/** Rows that are looked at one by one. */
export const sampleSize = 1_000
/** Rows that are counted. */
export const countLimit = 100_000

/**
 * Reads the rows of a relation past its policies.
 *
 * An owner who is subject to the policies himself (FORCE) lifts FORCE inside the transaction, which locks the table for
 * these milliseconds; a superuser or a role with BYPASSRLS needs no lock.
 *
 * @param conditions SQL that chooses rows by the alias of the use; tried, and dropped where PostgreSQL does not take it
 */
export async function readRows(
  client: pg.ClientBase,
  setting: TrialIdentity,
  reached: Reached,
  conditions: readonly string[],
): Promise<MetRows | NoRows> {
  const tries = conditions.length > 0 ? [conditions, []] : [[]]
  let last: SqlProblem | undefined
  for (const each of tries) {
    const found = await peek(client, setting, reached, each)
    if (!isProblem(found)) {
      const filtered = each.length === conditions.length
      const { seen, rows } = await askAsIdentity(client, setting, reached, each)
      // Of a large table the first rows may all be of others: those that the identity sees are looked at as well.
      const more = found.total > sampleSize ? rows : []
      const sample = [...new Set([...more, ...found.sample])].slice(0, sampleSize)
      return { total: found.total, sample: more.length > 0 ? sample : found.sample, filtered, seen }
    }
    last = found
  }
  return { reason: last === undefined ? 'unknown' : safeText(last) }
}

/** @returns the rows, or what PostgreSQL said */
async function peek(
  client: pg.ClientBase,
  setting: TrialIdentity,
  reached: Reached,
  conditions: readonly string[],
): Promise<{ sample: string[]; total: number } | SqlProblem> {
  const from = fromClause(reached, conditions)
  const alias = pg.escapeIdentifier(reached.use.alias)
  try {
    return await rolledBack(client, setting, 'self', async () => {
      await unforce(client, reached.relation)
      // Rather an error than rows that are missing.
      await client.query('set local row_security = off')
      const counted = await client.query(`select count(*)::int as n from (select ${from} limit ${countLimit + 1}) x`)
      const read = await client.query(`select (${alias}.*)::text as row ${from} limit ${sampleSize}`)
      return { total: counted.rows[0].n, sample: read.rows.map(({ row }) => row) }
    })
  } catch (error) {
    return toProblem(error)
  }
}

/**
 * Makes the policies of a table not hold for the connection's own role until the transaction ends, where they do.
 * @throws the error of PostgreSQL when the role is not the owner
 */
export async function unforce(client: pg.ClientBase, { oid, sql }: Relation): Promise<void> {
  const { rows } = await client.query<{ active: boolean }>('select row_security_active($1::oid) as active', [oid])
  if (rows[0]?.active === true) await client.query(`alter table ${sql} no force row level security`)
}

/** What the identity is given itself: how many, and some of them where it may read all columns. */
async function askAsIdentity(
  client: pg.ClientBase,
  setting: TrialIdentity,
  reached: Reached,
  conditions: readonly string[],
): Promise<{ seen: number | undefined; rows: readonly string[] }> {
  if (reached.via.length > 0) return { seen: undefined, rows: [] }
  const from = fromClause(reached, conditions)
  const alias = pg.escapeIdentifier(reached.use.alias)
  try {
    return await rolledBack(client, setting, 'identity', async () => {
      const counted = await client.query(`select count(*)::int as n from (select ${from} limit ${countLimit + 1}) x`)
      if (!reached.database.access.onTable(reached.actor, 'select', reached.relation))
        return { seen: counted.rows[0].n, rows: [] }
      const read = await client.query(`select (${alias}.*)::text as row ${from} limit ${sampleSize / 2}`)
      return { seen: counted.rows[0].n, rows: read.rows.map(({ row }) => row) }
    })
  } catch (error) {
    toProblem(error)
    return { seen: undefined, rows: [] }
  }
}

/** How many rows the identity is given by the conditions; undefined where it may not ask. */
export async function countAsIdentity(
  client: pg.ClientBase,
  setting: TrialIdentity,
  reached: Reached,
  conditions: readonly string[],
): Promise<number | undefined> {
  return (await askAsIdentity(client, setting, reached, conditions)).seen
}

function fromClause({ relation, use }: Reached, conditions: readonly string[]): string {
  const where = conditions.length > 0 ? ` where ${conditions.map((each) => `(${each}\n)`).join(' and ')}` : ''
  return `from ${relation.sql} as ${pg.escapeIdentifier(use.alias)}${where}`
}
