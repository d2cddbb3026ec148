/**
 * Answers in the shape that Neon's SQL over HTTP has and its driver reads: what came of the statements that ran. Errors are
 * written in `refuse.ts`.
 */
import { Failure } from '../../errors.ts'
import type { SqlAnswered } from '../../events.ts'
import { type Flight, leadingSteps } from '../../postgres/flight.ts'
import type { PostgresError } from '../../postgres/messages.ts'
import type { BatchOptions, SqlBody } from './request.ts'

/** An HTTP answer, for any server. */
export interface SqlResponse {
  readonly status: number
  readonly headers: Record<string, string>
  /** In pieces, as a large one was written. */
  readonly body: readonly Buffer[]
}

/** Bytes of an answer's body. */
export function lengthOfBody({ body }: SqlResponse): number {
  const [first, ...others] = body
  return others.reduce((sum, { length }) => sum + length, first?.length ?? 0)
}

/** How a request ended: what the client is told, and what is kept of it. */
export interface Ending extends Pick<SqlAnswered, 'outcome' | 'sqlstate' | 'cause'> {
  readonly response: SqlResponse
}

/** What the answer to a flight depends on. */
export interface Responding {
  readonly kind: SqlBody['kind']
  readonly batch: BatchOptions
  /** What the client may see of an error in its own SQL. */
  toErrorResponse(error: PostgresError): SqlResponse
}

/**
 * Turns a flight that has ended into its answer.
 * @throws Failure of the flight; `session_revoked`; `response_too_large` of what JSON makes larger
 * @throws Error when the session could not be prepared
 */
export async function respond(flight: Flight, { kind, batch, toErrorResponse }: Responding): Promise<Ending> {
  if (flight.error?.kind === 'failure') {
    const { code, detail, cause } = flight.error
    throw new Failure(code, { cause, ...(detail === undefined ? {} : { detail }) })
  }
  if (flight.error !== undefined) {
    const { error } = flight.error
    throwOurFault(flight, error)
    return { response: toErrorResponse(error), outcome: 'postgres', sqlstate: error.code }
  }
  const results: Buffer[][] = []
  for (const sink of flight.sinks) {
    const result = sink.finish()
    results.push(result instanceof Promise ? await result : result)
  }
  const [first] = results
  const response = kind === 'single' && first !== undefined ? singleResponse(first) : batchResponse(results, batch)
  return { response, outcome: 'ok' }
}

/** An error that is not one of the caller's SQL: nobody but us is to hear what the server said. */
function throwOurFault(flight: Flight, { code, message, schema, constraint }: PostgresError): void {
  const cause = new Error(message)
  if (code === '28000' && schema === 'rowpass' && constraint === 'session_revoked') {
    throw new Failure('session_revoked', { cause })
  }
  if (flight.step < leadingSteps(flight)) throw new Error('the session could not be prepared', { cause })
}

const resultsOpen = Buffer.from('{"results":[')
const resultsClose = Buffer.from(']}')
const comma = Buffer.from(',')

/** The result object as it is. */
function singleResponse(result: readonly Buffer[]): SqlResponse {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: result }
}

/** With the transaction's options echoed. */
function batchResponse(results: readonly Buffer[][], batch: BatchOptions): SqlResponse {
  const separated = results.flatMap((result, index) => (index === 0 ? result : [comma, ...result]))
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(batch.isolationLevel === undefined ? {} : { 'neon-batch-isolation-level': batch.isolationLevel }),
      ...(batch.readOnly ? { 'neon-batch-read-only': 'true' } : {}),
      ...(batch.deferrable ? { 'neon-batch-deferrable': 'true' } : {}),
    },
    body: [resultsOpen, ...separated, resultsClose],
  }
}
