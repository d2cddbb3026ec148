/**
 * The requests of the page, all to its own origin.
 */

/** The seeded people. */
export async function listPersonas() {
  return (await readJson(await fetch('/api/personas'))).personas
}

/** A token for one of them. */
export async function signIn(id, signal) {
  return (await readJson(await fetch(`/api/token?as=${encodeURIComponent(id)}`, { signal }))).access_token
}

/**
 * What `GET path` answers to the bearer of a token.
 *
 * @returns status, body as JSON, the challenge of a refusal (RFC 6750 §3), and in development why there are no more rows
 */
export async function get(path, token, signal) {
  const response = await fetch(path, { headers: { Authorization: `Bearer ${token}` }, signal })
  const { status, headers } = response
  const why = /\bwhy;.*desc="([^"]*)"/.exec(headers.get('Server-Timing'))?.[1]
  return { status, body: await response.json(), challenge: headers.get('WWW-Authenticate'), why }
}

async function readJson(response) {
  if (!response.ok) throw new Error(`${new URL(response.url).pathname} answered ${response.status}`)
  return response.json()
}
