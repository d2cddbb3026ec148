/**
 * Answers what the demo's page shows and a token does not tell, on this machine, while `rowpass dev` runs with DEMO: why, the
 * plan, the matrix; and what an operator does: rotate the signing key, end a session.
 *
 * Everything is asked for with a token that is verified as the gateway verifies it. Nothing is told of a hidden row but
 * that it is there.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from 'rowpass'
import {
  activate,
  addNewKey,
  type Cell,
  drawMatrix,
  explain,
  hintOf,
  type Line,
  loadParser,
  type Matrix,
  type PlanNode,
  planAs,
  prune,
  type RingStore,
  renderExplanation,
  toLabel,
  toSentence,
  type Verifier,
  withConnection,
} from 'rowpass/operate'
import * as z from 'zod'
import { type LoopbackAnswer, startLoopback } from './loopback.ts'
import { isPlain } from './plain-statement.ts'
import { verifyWith } from './verify-with.ts'

/** The endpoint. */
export interface Showcase {
  /** Bindings of the Worker that asks it. */
  readonly bindings: { readonly SHOWCASE_URL: string; readonly SHOWCASE_SECRET: string }
  close(): Promise<void>
}

/** What it needs. */
export interface ShowcaseOptions {
  /** URL of the tables' owner, or of a superuser. */
  readonly databaseUrl: string
  /** Verifies the tokens that come with the questions, as the gateway does. */
  readonly verifier: Verifier
  /** The key ring that signs; undefined where another key does. */
  readonly openRing: (() => Promise<RingStore>) | undefined
}

const timeoutMs = 2_000
/** Those of the application: neither the system's nor Rowpass's own. */
const ownSchemas = `select nspname as name from pg_namespace
  where nspname !~ '^(pg_|rowpass|information_schema$|issuer$|auth$|drizzle$)'`

const statement = z.strictObject({
  token: z.string(),
  query: z.string().max(16_384),
  params: z.array(z.union([z.string(), z.null()])).max(100),
})
const everybody = z.strictObject({
  people: z
    .array(z.strictObject({ name: z.string().min(1).max(80), token: z.string() }))
    .min(1)
    .max(4),
})
const bearer = z.strictObject({ token: z.string() })

/**
 * Starts to listen on a free port of 127.0.0.1. Connects to the database with each question.
 *
 * - `POST /why` `{token, query, params}`: `{says, summary, report, plan}`; 422 for more than a plain statement, see `isPlain`
 * - `POST /matrix` `{people: [{name, token}]}`: what each may do with each table, and somebody without a token
 * - `POST /rotate` `{token}`: `{from, to, waitedMs}`, when another key signs; 409 where there is no ring
 * - `POST /end-session` `{token}`: 204, when the session of the token is ended
 *
 * 400 for what is no such question, 401 for a token that is not valid, 503 when it is busy or fails.
 */
export async function startShowcase({ databaseUrl, verifier, openRing }: ShowcaseOptions): Promise<Showcase> {
  const answers = { '/why': why, '/matrix': matrix, '/rotate': rotate, '/end-session': endSession }
  const { url, secret, close } = await startLoopback({ answers, maxQuestions: 4 })
  return { bindings: { SHOWCASE_URL: url, SHOWCASE_SECRET: secret }, close }

  async function why(asked: unknown): Promise<LoopbackAnswer> {
    const question = statement.safeParse(asked)
    if (!question.success) return 400
    const { token, query, params } = question.data
    if (!isPlain(query, await loadParser())) return 422
    const identity = await verifyWith(verifier, token)
    if (identity === undefined) return 401
    const { role, claims } = identity
    return withConnection(databaseUrl, async (client) => {
      const sql = { identity: { role, claims }, sql: query, params, timeoutMs }
      try {
        const explanation = await explain(client, sql)
        // Where it is refused before it would run, there is no plan.
        const plan: PlanNode | undefined = await planAs(client, sql).catch(() => undefined)
        return {
          says: explanation.findings.map(({ says }) => says),
          summary: hintOf(explanation)?.summary,
          report: renderExplanation(explanation),
          plan,
        }
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        return { says: [error.detail ?? error.spec.says], report: '' }
      }
    })
  }

  async function matrix(asked: unknown): Promise<LoopbackAnswer> {
    const question = everybody.safeParse(asked)
    if (!question.success) return 400
    const subjects: object[] = []
    for (const { name, token } of question.data.people) {
      const identity = await verifyWith(verifier, token)
      if (identity === undefined) return 401
      subjects.push({ name, role: identity.role, claims: identity.claims })
    }
    return withConnection(databaseUrl, async (client) => {
      const { rows } = await client.query<{ name: string }>(ownSchemas)
      const schemas = rows.map(({ name }) => name)
      return toDrawing(await drawMatrix(client, { file: JSON.stringify(subjects), schemas, timeoutMs }))
    })
  }

  /** The page waits: what a rotation waits for is that every instance of the API has the new key. */
  async function rotate(asked: unknown): Promise<LoopbackAnswer> {
    const question = bearer.safeParse(asked)
    if (!question.success) return 400
    if ((await verifyWith(verifier, question.data.token)) === undefined) return 401
    if (openRing === undefined) return 409
    const ring = await openRing()
    const started = performance.now()
    await prune(ring, undefined, {})
    const { kid } = await addNewKey(ring, 'ES256')
    const { ring: before } = await ring.read()
    await delay(before.timing.lagSeconds * 1_000)
    // Sooner than `rowpass keys rotate`, which also waits for verifiers elsewhere to ask for the keys again: the only one here
    // asks at once when it meets a key that it does not know.
    const [, retired] = await activate(ring, kid, { force: true })
    return { from: retired?.kid, to: kid, waitedMs: performance.now() - started }
  }

  async function endSession(asked: unknown): Promise<LoopbackAnswer> {
    const question = bearer.safeParse(asked)
    if (!question.success) return 400
    const identity = await verifyWith(verifier, question.data.token)
    if (identity === undefined) return 401
    const { sid } = identity.claims
    if (typeof sid !== 'string') return 409
    await withConnection(databaseUrl, (client) => client.query('select rowpass.end_session($1)', [sid]))
    return 204
  }
}

/** As the page shows it: a label, a sentence and the evidence of each cell. */
function toDrawing({ tables, subjects, notes, seconds }: Matrix): object {
  const toCell = (cell: Cell, line: Line) => ({
    ...toLabel(cell, line),
    says: toSentence(cell, line),
    verdict: cell.verdict,
    crossTenant: cell.crossTenant,
    policies: cell.policies,
    attempts: cell.attempts,
    notes: cell.notes,
  })
  return {
    seconds,
    notes,
    subjects: subjects.map(({ name }) => name),
    tables: tables.map(({ name, rowSecurity, rows, lines, notes: ofTable }) => ({
      name,
      rowSecurity,
      rows,
      notes: ofTable,
      lines: lines.map((line) => ({
        subject: line.subject,
        cells: Object.fromEntries(Object.entries(line.cells).map(([command, cell]) => [command, toCell(cell, line)])),
      })),
    })),
  }
}
