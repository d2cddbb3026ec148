/**
 * What a request asks of PostgreSQL: the work of a token holder, whose statements were judged, and that of a password user.
 */
import type { GatewayIdentity, Work } from '../postgres/flight.ts'
import type { FindType } from '../postgres/values.ts'
import type { Allowed } from '../statement/classify.ts'
import { type BatchOptions, type SqlBody, toBegin } from './contract/request.ts'

/** How statements are run, besides what the body and the batch headers say. */
export interface Terms extends Pick<Work, 'bounds' | 'ending'> {
  /** A single statement too has a transaction as the batch headers describe it. */
  readonly transaction?: true
}

/** A token holder's request, besides what was judged of it. */
export interface TokenRequest {
  readonly identity: GatewayIdentity
  readonly traceparent: string | undefined
  readonly body: SqlBody
  readonly batch: BatchOptions
  /** Whether a pooler in transaction mode is between. */
  readonly pooled: boolean
  readonly findType: FindType
  readonly terms: Terms
}

/** The work of a token holder: as its identity, with what each verdict asks for. */
export function toTokenWork(
  verdicts: readonly Allowed[],
  { identity, traceparent, body, batch, pooled, findType, terms }: TokenRequest,
): Work {
  const reset = verdicts.some(({ kind }) => kind === 'reset')
  const opened = body.kind === 'batch' || terms.transaction === true
  const begin = opened ? toBegin(batch) : pooled && reset ? 'START TRANSACTION' : undefined
  // Types of parameters are checked by what the transaction sees last: not where it sees one moment, or may change its mind.
  const checked = !reset && (batch.isolationLevel ?? 'ReadCommitted') === 'ReadCommitted'
  // Not `...query`: a spread into a literal with more members takes V8's slow way.
  const statements = body.queries.map(({ sql, params, shape }, index) => {
    const verdict = verdicts[index]
    const prepare = verdict?.kind === 'fast' && verdict.isVariant !== true && (checked || params.length === 0)
    return { sql: verdict?.sql ?? sql, params, shape, prepare, paceKey: verdict?.shape }
  })
  const readOnly = verdicts.every((verdict) => verdict.readOnly)
  const exclusive = reset || begin !== undefined
  const { bounds, ending } = terms
  const work = { identity, statements, begin, exclusive, reset, readOnly, findType, bounds, ending }
  return traceparent === undefined ? work : { ...work, traceparent }
}

/** The work of a password user, who has a connection of its own. */
export function toPasswordWork(body: SqlBody, batch: BatchOptions, findType: FindType): Work {
  return {
    identity: undefined,
    statements: body.queries.map((query) => ({ ...query, prepare: false })),
    begin: body.kind === 'batch' ? toBegin(batch) : undefined,
    exclusive: true,
    reset: false,
    findType,
  }
}
