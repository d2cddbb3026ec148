/**
 * Writes answers in the shape that Neon's SQL over HTTP has and its driver reads: of statements that ran. Those that did not
 * are in `refuse.ts`.
 */
import type { BatchOptions } from './request.ts'

/** An HTTP answer, for any server. */
export interface SqlResponse {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: Buffer
}

const resultsOpen = Buffer.from('{"results":[')
const resultsClose = Buffer.from(']}')
const comma = Buffer.from(',')

/** The answer to a single query: the result object as it is. */
export function singleResponse(result: Buffer): SqlResponse {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: result }
}

/** The answer to a batch, with the transaction's options echoed. */
export function batchResponse(results: readonly Buffer[], batch: BatchOptions): SqlResponse {
  const separated = results.flatMap((result, index) => (index === 0 ? [result] : [comma, result]))
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(batch.isolationLevel === undefined ? {} : { 'neon-batch-isolation-level': batch.isolationLevel }),
      ...(batch.readOnly ? { 'neon-batch-read-only': 'true' } : {}),
      ...(batch.deferrable ? { 'neon-batch-deferrable': 'true' } : {}),
    },
    body: Buffer.concat([resultsOpen, ...separated, resultsClose]),
  }
}
