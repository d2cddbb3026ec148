/**
 * Measures what a slow policy costs on the rows of this database, against its better form: `doctor --measure`.
 */
import type pg from 'pg'
import { become, detectCarrier } from '../access/identity.ts'
import { attempt, inTrial, isProblem } from '../access/trial.ts'
import type { Model } from './analysis/model.ts'
import type { Finding } from './finding.ts'

/** How to measure. */
export interface MeasureOptions {
  /** Claims of whoever asks; rows of nobody cost less than those of somebody. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Longest time of one run, 1–60,000 ms. Default 10,000. */
  readonly timeoutMs?: number
}

/** What came of one finding. */
export interface Measurement {
  readonly key: string
  /** Medians in milliseconds; undefined where a run took longer than the limit, or failed. */
  readonly beforeMs: number | undefined
  readonly afterMs: number | undefined
  /** Why there is no figure. */
  readonly reason?: string
}

const rounds = 5
const maxFindings = 20
const defaultTimeoutMs = 10_000

/**
 * Counts the rows of each table by the policy's expression and by the better one, in turns, and takes the medians.
 *
 * Runs in a read-only transaction that is rolled back, as the connection's own role, with the claims in place. Takes no
 * lock that keeps others from reading or writing. Only for a role that policies of the table do not hold for: the
 * expression would be applied twice otherwise.
 *
 * Does NOT change a policy to measure it: that would keep everybody from the table.
 */
export async function measureFindings(
  client: pg.ClientBase,
  model: Model,
  findings: readonly Finding[],
  options: MeasureOptions = {},
): Promise<Measurement[]> {
  const slow = findings.filter(({ measure }) => measure !== undefined).slice(0, maxFindings)
  const isMeasurable = ({ measure }: Finding): boolean => {
    const table = measure && model.catalog.relations.get(measure.relation)
    return table !== undefined && model.access.bypasses(model.catalog.database.reader, table)
  }
  const reader = model.catalog.roles.get(model.catalog.database.reader)?.name ?? ''
  // Only a login with such rights can look for the seal and its keys.
  const carrier = slow.some(isMeasurable) ? await detectCarrier(client) : undefined
  const measured: Measurement[] = []
  for (const finding of slow) {
    if (!isMeasurable(finding)) {
      measured.push({ key: finding.key, beforeMs: undefined, afterMs: undefined, reason: tooWeak })
      continue
    }
    const limits = { readOnly: true, statementMs: options.timeoutMs ?? defaultTimeoutMs }
    const measurement = await inTrial(client, limits, async () => {
      await become(client, { role: reader, claims: options.claims ?? {} }, carrier)
      return measureOne(client, model, finding)
    })
    measured.push(measurement)
  }
  return measured
}

const tooWeak = 'policies hold for this login: measure as a superuser or a BYPASSRLS role'

async function measureOne(client: pg.ClientBase, model: Model, { key, measure }: Finding): Promise<Measurement> {
  const table = measure && model.catalog.relations.get(measure.relation)
  if (measure === undefined || table === undefined) throw new TypeError('nothing to measure')
  const times = { before: [] as number[], after: [] as number[] }
  let reason: string | undefined
  for (let round = 0; round < rounds && reason === undefined; round++) {
    // The order changes, so that neither always finds the other's rows in memory.
    const order = round % 2 === 0 ? (['before', 'after'] as const) : (['after', 'before'] as const)
    for (const side of order) {
      const time = await explain(client, `select count(*) from ${table.sql} where ${measure[side]}`)
      if (typeof time === 'number') times[side].push(time)
      else reason = `${side === 'before' ? 'the policy' : 'its better form'}: ${time}`
    }
  }
  return { key, beforeMs: median(times.before), afterMs: median(times.after), ...(reason !== undefined && { reason }) }
}

/** The time in milliseconds, or what the server said; a failed run leaves the transaction as it was. */
async function explain(client: pg.ClientBase, query: string): Promise<number | string> {
  const ran = await attempt(client, () =>
    client.query<{ 'QUERY PLAN': readonly { 'Execution Time': number }[] }>(
      `explain (analyze, timing off, format json) ${query}`,
    ),
  )
  if (!isProblem(ran)) return ran.rows[0]?.['QUERY PLAN'][0]?.['Execution Time'] ?? 'no answer'
  // Messages of PostgreSQL may hold values of rows; its code does not.
  return ran.sqlstate === '57014' ? 'it took longer than the limit' : `it failed with ${ran.sqlstate}`
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
