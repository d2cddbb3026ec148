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
 * @returns status, body as JSON, and the challenge of a refusal (RFC 6750 §3)
 */
export async function get(path, token, signal) {
  const response = await fetch(path, { headers: { Authorization: `Bearer ${token}` }, signal })
  return { status: response.status, body: await response.json(), challenge: response.headers.get('WWW-Authenticate') }
}

async function readJson(response) {
  if (!response.ok) throw new Error(`${new URL(response.url).pathname} answered ${response.status}`)
  return response.json()
}
