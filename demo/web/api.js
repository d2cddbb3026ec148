/**
 * The requests of the page, all to its own origin.
 */

/** The seeded people. */
export async function listPersonas() {
  return (await readJson(await fetch('/api/personas'))).personas
}

/**
 * A token for one of them.
 *
 * @param options `sid` goes on with a session, `expired` asks for a token whose time is over
 */
export async function signIn(id, { sid, expired, signal } = {}) {
  const query = new URLSearchParams({ as: id, ...(sid && { sid }), ...(expired && { expired: 'true' }) })
  return (await readJson(await fetch(`/api/token?${query}`, { signal }))).access_token
}

/** The keys that tokens are verified with, as every verifier gets them. */
export async function readKeys() {
  return (await readJson(await fetch('/.well-known/jwks.json', { cache: 'no-cache' }))).keys
}

/**
 * Runs one statement as the bearer of a token.
 *
 * @returns `ok`, `columns` and `rows` as text, `count` of rows; or `error` with PostgreSQL's `message` and `code` and the name
 *   of the `failure` where the gateway gave one; `steps`, the milliseconds of each step by name; `totalMs` as seen from here
 */
export async function runSql(token, query, params = [], signal) {
  for (let tries = 1; ; tries += 1) {
    const answer = await runOnce(token, query, params, signal)
    // Nothing was run. A gateway that has just started needs a moment for its first statements.
    if (answer.error?.failure !== 'overloaded' || tries === maxTries) return answer
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

const maxTries = 6

async function runOnce(token, query, params, signal) {
  const started = performance.now()
  const response = await post('/demo/sql', { query, params }, { signal, token })
  const body = await readBody(response)
  const totalMs = performance.now() - started
  const steps = parseTiming(response.headers.get('Server-Timing'))
  if (!response.ok) return { ok: false, error: toError(body), steps, totalMs }
  const columns = body.fields.map(({ name }) => name)
  return { ok: true, columns, rows: body.rows, count: body.rowCount, command: body.command, steps, totalMs }
}

let before = Promise.resolve()

/**
 * Asks `rowpass dev` what a token does not tell; one question at a time.
 *
 * @returns its answer, `{}` where it has none to give; undefined where nobody answers such questions, or not now
 */
export function ask(about, question) {
  const mine = before.then(() => askNow(about, question)).catch(() => undefined)
  before = mine
  return mine
}

/** Where an assistant connects; undefined where that door is closed. */
export async function findAgentsDoor() {
  const response = await fetch('/demo/agents')
  return response.ok ? ((await response.json()).url ?? undefined) : undefined
}

async function askNow(about, question) {
  const response = await post(`/demo/ask/${about}`, question)
  if (response.status === 204) return {}
  return response.ok ? response.json() : undefined
}

function post(path, body, { signal, token } = {}) {
  return fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    signal,
  })
}

/** The gateway names its own failures at the beginning of the hint; the API's problems have a title (RFC 9457). */
function toError({ message, title, code, hint, detail }) {
  const failure = title === undefined ? /^([a-z_]+):/.exec(hint ?? '')?.[1] : code
  return { message: message ?? title, code, failure, hint: hint?.replace(/^[a-z_]+: /, '') ?? detail }
}

function parseTiming(header) {
  const entries = (header ?? '').matchAll(/(\w+);dur=([\d.]+)/g)
  return Object.fromEntries([...entries].map(([, name, ms]) => [name, Number(ms)]))
}

/** What is no JSON did not come from the API. */
async function readBody(response) {
  try {
    return await response.json()
  } catch {
    throw new TypeError(`no answer, but status ${response.status}`)
  }
}

async function readJson(response) {
  if (!response.ok) {
    throw Object.assign(new Error(`${new URL(response.url).pathname} answered ${response.status}`), {
      status: response.status,
    })
  }
  return response.json()
}
