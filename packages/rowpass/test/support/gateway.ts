/**
 * A gateway over a test database, with an issuer of its own that publishes real keys.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RowpassEvent } from '../../src/events.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createGateway, type Gateway } from '../../src/gateway/server.ts'
import { issueToken } from '../../src/issuer/issue.ts'
import { toJwks } from '../../src/token/jwks.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/token/key.ts'
import { sealKeysText, type TestDatabase } from './pg.ts'

/** An issuer whose key set is served on loopback. */
export interface TestIssuer {
  readonly iss: string
  readonly jwksUrl: string
  readonly key: SigningKey
  /** A token for a subject; `claims` are added. */
  token(subject: string, claims?: Record<string, unknown>, ttlSeconds?: number): Promise<string>
  close(): Promise<void>
}

/** Starts an issuer. */
export async function startTestIssuer(): Promise<TestIssuer> {
  const { privateJwk } = await generateKey()
  const key = await importSigningKey(privateJwk)
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(JSON.stringify(toJwks([key.publicJwk])))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const iss = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    iss,
    jwksUrl: `${iss}/jwks.json`,
    key,
    token: (subject, claims = {}, ttlSeconds = 900) =>
      issueToken(key, { issuer: iss, audience: 'rowpass', subject, clientId: 'test', claims, ttlSeconds }),
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** An answer of `POST /sql`. */
export interface SqlAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever the gateway answered; each test says what it expects
  readonly body: any
}

/** A running gateway. */
export interface TestGateway {
  readonly url: string
  readonly gateway: Gateway
  readonly issuer: TestIssuer
  readonly database: TestDatabase
  /** Every event so far. */
  readonly events: RowpassEvent[]
  /** What a driver would be given: no password, a token goes beside it. */
  readonly connectionString: string
  /** Sends a body as it is. A header set to undefined is left out. */
  send(body: string, headers?: Record<string, string | undefined>): Promise<SqlAnswer>
  /** Runs one statement with a token, rows as objects of text. */
  sql(token: string, query: string, params?: unknown[], headers?: Record<string, string>): Promise<SqlAnswer>
  /** Runs a batch with a token. */
  batch(
    token: string,
    queries: (string | { query: string; params: unknown[] })[],
    headers?: Record<string, string>,
  ): Promise<SqlAnswer>
  close(): Promise<void>
}

/** @param settings `ROWPASS_*` settings that differ from the defaults */
export async function startTestGateway(
  database: TestDatabase,
  settings: Record<string, string> = {},
  issuerSettings: Record<string, unknown> = {},
): Promise<TestGateway> {
  const issuer = await startTestIssuer()
  const config = parseGatewayConfig({
    ROWPASS_DATABASE_URL: database.gatewayUrl,
    ROWPASS_SEAL_KEYS: sealKeysText,
    ROWPASS_ISSUERS: JSON.stringify([
      { iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass', ...issuerSettings },
    ]),
    ROWPASS_PORT: '0',
    ...settings,
  })
  const events: RowpassEvent[] = []
  const gateway = createGateway(config, { emit: (event) => events.push(event) })
  const url = (await gateway.listen()).href
  while (!gateway.ready()) await new Promise((resolve) => setTimeout(resolve, 10))
  const connectionString = `postgresql://authenticated@db.example.test/${database.name}`

  async function send(body: string, headers: Record<string, string | undefined> = {}): Promise<SqlAnswer> {
    const given = Object.entries({
      'neon-connection-string': connectionString,
      'neon-raw-text-output': 'true',
      ...headers,
    })
    const sent = given.filter((entry): entry is [string, string] => entry[1] !== undefined)
    const response = await fetch(url, { method: 'POST', body, headers: sent })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }

  return {
    url,
    gateway,
    issuer,
    database,
    events,
    connectionString,
    send,
    sql: (token, query, params = [], headers = {}) =>
      send(JSON.stringify({ query, params }), { authorization: `Bearer ${token}`, ...headers }),
    batch: (token, queries, headers = {}) =>
      send(
        JSON.stringify({
          queries: queries.map((query) => (typeof query === 'string' ? { query, params: [] } : query)),
        }),
        { authorization: `Bearer ${token}`, ...headers },
      ),
    async close() {
      await gateway.close()
      await issuer.close()
    },
  }
}

/** Waits until a condition holds, asking every 10 ms; fails after `timeoutMs`. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
