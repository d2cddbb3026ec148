/**
 * In development with WHY=true, and only there: asks `rowpass dev` why a request was refused or found so little, and tells it in the
 * problem's `hint` and in `Server-Timing`. Nothing of this runs where the bindings WHY_URL and WHY_SECRET are not set.
 */
import type { Context } from 'hono'
import type { Hidden } from './hidden.ts'

/** Where to ask. */
export interface WhySettings {
  readonly url: string
  readonly secret: Hidden
}

/** The last statement of a request. */
export interface StatementRecorder {
  /** For Drizzle's `logger`. */
  logQuery(query: string, params: unknown[]): void
  last(): { readonly query: string; readonly params: readonly (string | null)[] } | undefined
}

const timeoutMs = 3_000

/** Remembers one statement; a batch is not explained. */
export function recordStatements(): StatementRecorder {
  let statement: ReturnType<StatementRecorder['last']>
  return {
    logQuery(query, params) {
      statement = { query, params: params.map(toText) }
    },
    last: () => statement,
  }
}

/**
 * Adds the reason to an answer that was refused or is a list: counts and names of policies, nothing of a row. That tells
 * the caller whether a hidden row exists, and is why nobody gets it unasked.
 *
 * Changes nothing where there is no reason; that nobody knows, or says so within 3 s, is in `Server-Timing` alone.
 *
 * @param token of the caller; whoever answers verifies it
 */
export async function addReason(
  c: Context,
  why: WhySettings,
  token: string,
  statements: StatementRecorder,
): Promise<void> {
  const { status } = c.res
  const isList = c.req.method === 'GET' && status === 200 && c.req.param('id') === undefined
  const statement = statements.last()
  if (statement === undefined || !(isList || status === 403 || status === 404)) return
  const started = Date.now()
  const reason = await ask(why, { token, ...statement })
  if (reason === undefined) return
  const hint = typeof reason === 'string' ? undefined : reason.hint
  const summary = typeof reason === 'string' ? reason : reason.summary
  // A header is ASCII, and a quotation mark would end the description.
  const description = summary.replace(/[^\w .,:;()-]/g, '?')
  c.header('Server-Timing', `why;dur=${Date.now() - started};desc="${description}"`)
  if (!isList && hint !== undefined) await replaceHint(c, hint)
}

/** @returns undefined where there is nothing to say; a text where there is no telling */
async function ask(
  why: WhySettings,
  question: unknown,
): Promise<{ hint: string; summary: string } | string | undefined> {
  try {
    const answer = await fetch(why.url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${why.secret.reveal()}` },
      body: JSON.stringify(question),
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (answer.status === 204) return undefined
    const body: unknown = answer.status === 200 ? await answer.json() : undefined
    return isReason(body) ? body : `not known: rowpass dev answers ${answer.status}`
  } catch {
    return 'not known: rowpass dev does not answer'
  }
}

function isReason(body: unknown): body is { hint: string; summary: string } {
  return (
    typeof body === 'object' &&
    body !== null &&
    'hint' in body &&
    typeof body.hint === 'string' &&
    'summary' in body &&
    typeof body.summary === 'string'
  )
}

async function replaceHint(c: Context, hint: string): Promise<void> {
  if (!c.res.headers.get('Content-Type')?.startsWith('application/problem+json')) return
  const problem = (await c.res.json()) as Record<string, unknown> // our own, see `problem.ts`
  const { status, headers } = c.res
  c.res = new Response(JSON.stringify({ ...problem, hint }), { status, headers })
}

function toText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? value : value instanceof Date ? value.toISOString() : String(value)
}
