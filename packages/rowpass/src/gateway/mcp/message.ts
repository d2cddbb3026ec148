/**
 * One message of JSON-RPC in the body of a request, and which of them are served at all.
 */
import { Failure } from '../../errors.ts'
import { isJsonObject } from '../../token/strict-json.ts'
import { findExcess } from '../contract/request.ts'
import type { SqlResponse } from '../contract/respond.ts'

/** A JSON-RPC message. */
export type Message = Readonly<Record<string, unknown>>

/**
 * Reads it. Several in one body are not taken.
 * @throws Failure `content_type_unknown`; `request_invalid`
 */
export function readMessage(contentType: string | undefined, text: string): Message {
  if (!/^application\/json(?:\s*;|$)/i.test(contentType ?? '')) throw new Failure('content_type_unknown')
  const message = findExcess(text) === undefined ? parseJson(text) : undefined
  if (isJsonObject(message)) return message
  throw new Failure('request_invalid', { detail: 'The body is not one message of JSON-RPC' })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a message asks for something that there is. */
export function isServed({ method }: Message): boolean {
  return methods.has(method)
}

/** What is not served: a notification is taken note of, an answer to nothing that was asked too. */
export function notServed({ id, method }: Message): SqlResponse {
  if (id === undefined || method === undefined) return { status: 202, headers: {}, body: [] }
  const known = typeof id === 'string' || typeof id === 'number' ? id : null
  return jsonResponse(200, { jsonrpc: '2.0', id: known, error: { code: -32_601, message: 'Method not found' } })
}

/** An answer in JSON. */
export function jsonResponse(status: number, body: object): SqlResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: [Buffer.from(JSON.stringify(body))] }
}

/** All that a client without a session can ask of a server that has tools and nothing else. */
const methods: ReadonlySet<unknown> = new Set(['initialize', 'server/discover', 'ping', 'tools/list', 'tools/call'])
