/**
 * Answers the API's question why, on this machine, while `rowpass dev` runs with DEMO and WHY=true.
 */
import { explain, hintOf, type Verifier, withConnection } from 'rowpass/operate'
import * as z from 'zod'
import { type LoopbackAnswer, startLoopback } from './loopback.ts'
import { verifyWith } from './verify-with.ts'

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

const timeoutMs = 1_000

const question = z.strictObject({
  token: z.string(),
  query: z.string(),
  params: z.array(z.union([z.string(), z.null()])).max(100),
})

/**
 * Starts to listen on a free port of 127.0.0.1. Connects to the database with each question.
 *
 * `POST /` with the secret as bearer token and `{token, query, params}` answers a hint of `hintOf`, or 204 where there is
 * nothing to say; 403 without the secret, 400 for what is no question, 401 for a token that is not valid, 503 when it is
 * busy or fails, also to reach the keys of the token's issuer. No answer holds more than names and numbers.
 */
export async function startWhyEndpoint({ databaseUrl, verifier }: WhyEndpointOptions): Promise<WhyEndpoint> {
  const { url, secret, close } = await startLoopback({ answers: { '/': answer }, maxQuestions: 2 })
  return { bindings: { WHY_URL: url, WHY_SECRET: secret }, close }

  async function answer(asked: unknown): Promise<LoopbackAnswer> {
    const parsed = question.safeParse(asked)
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
