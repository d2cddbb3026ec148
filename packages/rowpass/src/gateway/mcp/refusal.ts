/**
 * Refusals that a model can act on: what was refused, in the words that a driver would get, and what to do instead.
 */
import type { FailureCode } from '../../errors.ts'
import { failures } from '../../failures.ts'
import type { ToolResult } from './tool.ts'

/** An error as it is written for drivers, PostgreSQL's or ours. */
export interface ErrorBody {
  readonly message: string
  /** SQLSTATE. */
  readonly code: string
  readonly detail?: string | null
  readonly hint?: string | null
}

/** What to do about an error that brings no hint: by our code for it, by its SQLSTATE, or by the class of that. */
const instead: Readonly<Record<string, string>> = {
  statement_refused: 'Write it as the message says. "describe" lists what this identity may use.',
  request_invalid: 'Correct what the message names, and call the tool again.',
  timeout: 'Nothing was changed. Ask for less: fewer rows, a condition on a key.',
  response_too_large: 'Ask for fewer columns or rows, or for parts of long values: left(body, 1000).',
  '25006': 'This tool only reads. Use "change" for INSERT, UPDATE, DELETE and MERGE.',
  '42P01': 'Call "describe" for the tables that this identity may use, and name the schema too.',
  '42601': 'Send one statement in the syntax of PostgreSQL, with no other behind it.',
  '42703': 'Call "describe" for the columns of the table.',
  '42883': 'Check the name and the types of the arguments; cast parameters, as in $1::uuid.',
  '42804': 'Cast values to the type of the column; "describe" lists the types.',
  '42501': 'This identity may not do that. Call "describe" for what it may do.',
  '40001': 'Nothing was changed. Send the same again.',
  '40P01': 'Nothing was changed. Send the same again.',
  '57014': 'Nothing was changed. Ask for less: fewer rows, a condition on a key.',
  '22': 'Correct the value that the message names. Send values as params, not in the text.',
  '23': 'Nothing was changed. Another value is needed: the message names the constraint.',
  '42': 'Correct the statement where the message says. "describe" lists tables and columns.',
  '53': 'Nothing was changed. Wait a moment and send it again.',
}

/** What to do instead of what ended so. */
export function adviceOn({ code, hint }: Pick<ErrorBody, 'code' | 'hint'>): string {
  const [, own = '', says] = /^(\w+): (.*)$/s.exec(hint ?? '') ?? []
  const repeats = own in failures && failures[own as FailureCode].says === says
  const hinted = repeats ? undefined : (says ?? hint ?? undefined)
  return hinted ?? instead[own] ?? instead[code] ?? instead[code.slice(0, 2)] ?? 'Call "why" with the same statement.'
}

/** A refusal as the protocol wants it. */
export function toRefusal(error: ErrorBody): ToolResult {
  const detail = error.detail ? ` ${error.detail}.` : ''
  const text = `Refused (${error.code}): ${error.message}.${detail}\nDo instead: ${adviceOn(error)}`
  return { content: [{ type: 'text', text }], isError: true }
}
