/**
 * Answers the API's question why, on this machine, while `rowpass dev` runs with DEMO and WHY=true: on loopback, at a port
 * and with a secret of this run alone.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Failure } from 'rowpass'
import {
  explain,
  type Hint,
  hintOf,
  TokenRefusal,
  type VerifiedToken,
  type Verifier,
  withConnection,
} from 'rowpass/operate'
import * as z from 'zod'

/** The endpoint. */
export interface WhyEndpoint {
  /** Bindings of the Worker that asks it. */
  readonly bindings: { readonly WHY_URL: string; readonly WHY_SECRET: string }
  close(): Promise<void>
}

/** What the endpoint asks. */
export interface WhyEndpointOptions {
  /** URL of the tables' owner, or of a superuser. */
  readonly databaseUrl: string
  /** Verifies the tokens that come with the questions, as the gateway does. */
  readonly verifier: Verifier
}

const maxBodyBytes = 64 * 1024
/** Questions under way; a further one is answered with 503 at once. */
const maxQuestions = 2
const timeoutMs = 1_000

const question = z.strictObject({
  token: z.string(),
  query: z.string(),
  params: z.array(z.union([z.string(), z.null()])).max(100),
})

/**
 * Starts to listen on a free port of 127.0.0.1. Connects to the database with each question.
 *
 * `POST /` with the secret as bearer token and `{token, query, params}` answers a {@link Hint}, or 204 where there is
 * nothing to say; 403 without the secret, 400 for what is no question, 401 for a token that is not valid, 503 when it is
 * busy or fails, also to reach the keys of the token's issuer. No answer holds more than names and numbers.
 */
export async function startWhyEndpoint({ databaseUrl, verifier }: WhyEndpointOptions): Promise<WhyEndpoint> {
  const secret = randomBytes(32).toString('base64url')
  let questions = 0
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    if (request.method !== 'POST' || !isSame(request.headers.authorization ?? '', `Bearer ${secret}`)) {
      return end(response, 403)
    }
    if (questions >= maxQuestions) return end(response, 503)
    questions++
    answer(request)
      .then(
        (result) => (typeof result === 'number' ? end(response, result) : end(response, 200, result)),
        () => end(response, 503),
      )
      .finally(() => questions--)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    bindings: { WHY_URL: `http://127.0.0.1:${port}/`, WHY_SECRET: secret },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }

  async function answer(request: IncomingMessage): Promise<Hint | number> {
    const parsed = question.safeParse(await readJson(request))
    if (!parsed.success) return 400
    const { token, query, params } = parsed.data
    const verified = await verifyWith(verifier, token)
    if (verified === undefined) return 401
    const { role, claims } = verified
    const explanation = await withConnection(databaseUrl, (client) =>
      explain(client, { identity: { role, claims }, sql: query, params, timeoutMs, parts: false }),
    )
    return hintOf(explanation) ?? 204
  }
}

/** @returns undefined for a token that is not valid */
async function verifyWith(verifier: Verifier, token: string): Promise<VerifiedToken | undefined> {
  try {
    return await verifier.verify(token)
  } catch (error) {
    const refusal = error instanceof Failure ? error.cause : undefined
    if (refusal instanceof TokenRefusal && refusal.reason !== 'keys_unavailable') return undefined
    throw error
  }
}

function end(response: ServerResponse, status: number, body?: Hint): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(text)
}

/** @returns undefined for what is too long or no JSON */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return undefined
  }
}

/** Takes as long for any text: hashes of equal length are compared. */
function isSame(given: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given), hash(expected))
}
