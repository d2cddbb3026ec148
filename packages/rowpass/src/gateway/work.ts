/**
 * What a request asks of PostgreSQL: the work of a token holder, whose statements were judged, and that of a password user.
 */
import type { GatewayIdentity, Work, WorkLimits } from '../postgres/flight.ts'
import type { FindType } from '../postgres/values.ts'
import type { Allowed } from '../statement/classify.ts'
import { type BatchOptions, type SqlBody, toBegin } from './contract/request.ts'

/** How statements are run, besides what the body and the batch headers say. */
export interface Terms extends Pick<Work, 'bounds' | 'ending'> {
  /** A single statement too has a transaction as the batch headers describe it. */
  readonly transaction?: true
  /** The text is the gateway's own, and nothing in it is the client's but values: what tables it reads is no concern of scopes. */
  readonly own?: true
}

/** A token holder's request, besides what was judged of it. */
export interface TokenRequest {
  readonly identity: GatewayIdentity
  readonly traceparent: string | undefined
  /** What its token is narrowed to. */
  readonly limits: WorkLimits | undefined
  readonly body: SqlBody
  readonly batch: BatchOptions
  /** Whether a pooler in transaction mode is between. */
  readonly pooled: boolean
  readonly findType: FindType
  readonly terms: Terms
  readonly hold: NonNullable<Work['hold']>
}

/** The work of a token holder: as its identity, with what each verdict asks for. */
export function toTokenWork(
  verdicts: readonly Allowed[],
  { identity, traceparent, limits, body, batch, pooled, findType, terms, hold }: TokenRequest,
): Work {
  const reset = verdicts.some(({ kind }) => kind === 'reset')
  const readOnly = verdicts.every((verdict) => verdict.readOnly)
  const { ending } = terms
  const counted = !readOnly && limits?.maxRows !== undefined && ending !== 'rollback'
  const opened = body.kind === 'batch' || terms.transaction === true
  const begin = opened ? toBegin(batch) : counted || (pooled && reset) ? 'START TRANSACTION' : undefined
  // Types of parameters are checked by what the transaction sees last: not where it sees one moment, or may change its mind.
  const checked = !reset && (batch.isolationLevel ?? 'ReadCommitted') === 'ReadCommitted'
  // A prepared statement keeps the table that a bare name stood for when it was parsed.
  const keeps = !counted && (limits === undefined || limits.names.size === 0)
  // Not `...query`: a spread into a literal with more members takes V8's slow way.
  const statements = body.queries.map(({ sql, params, shape }, index) => {
    const verdict = verdicts[index]
    const prepare = keeps && verdict?.kind === 'fast' && verdict.isVariant !== true && (checked || params.length === 0)
    return { sql: verdict?.sql ?? sql, params, shape, prepare, paceKey: verdict?.shape }
  })
  const exclusive = reset || begin !== undefined
  const bounds = terms.own === true ? terms.bounds : within(terms.bounds, limits)
  const work = {
    identity,
    statements,
    begin,
    exclusive,
    reset,
    readOnly,
    findType,
    bounds,
    ending,
    limits,
    counted,
    hold,
  }
  return traceparent === undefined ? work : { ...work, traceparent }
}

/** What is kept of a result, and no more of it than a token allows. */
function within(bounds: Terms['bounds'], limits: WorkLimits | undefined): Terms['bounds'] {
  if (bounds === undefined || limits?.maxRows === undefined) return bounds
  return { ...bounds, rows: Math.min(bounds.rows, limits.maxRows) }
}

/** The work of a password user, who has a connection of its own. */
export function toPasswordWork(
  body: SqlBody,
  batch: BatchOptions,
  { findType, hold }: Pick<TokenRequest, 'findType' | 'hold'>,
): Work {
  return {
    identity: undefined,
    statements: body.queries.map((query) => ({ ...query, prepare: false })),
    begin: body.kind === 'batch' ? toBegin(batch) : undefined,
    exclusive: true,
    reset: false,
    findType,
    hold,
  }
}
