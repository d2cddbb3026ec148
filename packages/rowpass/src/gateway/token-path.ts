/**
 * The path of a token holder's statements: verified, counted, judged, run. Whichever door they come through, there is no
 * other way to the database.
 */
import type { Failure } from '../errors.ts'
import type { Emit } from '../events.ts'
import { type Flight, isOtherTable, leadingSteps } from '../postgres/flight.ts'
import type { Pool } from '../postgres/pool.ts'
import type { FindType } from '../postgres/values.ts'
import type { SealKey } from '../seal/seal.ts'
import type { Verdict } from '../statement/classify.ts'
import { parseBearer } from '../token/bearer.ts'
import type { VerifiedToken } from '../token/verified-token.ts'
import type { Verifier } from '../token/verifier.ts'
import { createAdmissions } from './admission.ts'
import { type Answered, traceparentOf, type Who } from './audit.ts'
import { type Caller, createCallers } from './caller.ts'
import type { GatewayConfig } from './config.ts'
import { refuse, refuseStatement, tokenErrorResponse } from './contract/refuse.ts'
import type { BatchOptions, SqlBody } from './contract/request.ts'
import { lengthOfBody, respond } from './contract/respond.ts'
import type { SqlRequest } from './http/receive.ts'
import { holdToScopes, otherTable } from './narrowed.ts'
import type { Replicas } from './replicas/replicas.ts'
import { seenHeader } from './replicas/seen.ts'
import type { Heavy } from './threads/heavy.ts'
import type { Timing } from './timing.ts'
import type { Traffic } from './traffic.ts'
import { type Hold, held, holdAnswer, type UnderWay } from './under-way.ts'
import { type Terms, toTokenWork } from './work.ts'

/** What the path needs. */
export interface TokenPathParts {
  readonly config: Pick<GatewayConfig, 'identityLimit' | 'maxRequestBytes' | 'preparedStatements'>
  /** The key that seals now; it may be replaced while the gateway runs. */
  readonly sealKey: () => SealKey
  readonly verifier: Verifier
  readonly pool: Pick<Pool, 'run'>
  /** Undefined where there are none: then everything is the pool's. */
  readonly replicas: Replicas | undefined
  readonly heavy: Pick<Heavy, 'judge'>
  readonly underWay: UnderWay
  readonly traffic: Traffic
  readonly findType: FindType
  readonly emit: Emit
}

/** Who a request is from. */
export interface Identified {
  readonly token: VerifiedToken
  readonly caller: Caller
}

/** A request that counts for whom it is from. */
export interface Turn {
  readonly request: SqlRequest
  readonly caller: Caller
  readonly hold: Hold
  /** Hears when each step has ended. */
  readonly timing?: Timing | undefined
}

/** What statements have to be, for a door that takes less than SQL over HTTP does. */
export interface Rules extends Terms {
  /** Says what is wrong with a statement, by what was judged of it, where something is. */
  check?(verdict: Verdict): Failure | undefined
}

/** The path. */
export interface TokenPath {
  /** @throws Failure what is wrong with the token, rejected or thrown */
  identify(request: SqlRequest, timing?: Timing): Identified | Promise<Identified>
  /**
   * Counts the request for whom it is from.
   * @throws Failure `overloaded`
   */
  enter(caller: Caller, request: SqlRequest, timing?: Timing): Turn
  /**
   * Reads the body when its owner may move more bytes, and counts what has come of it, whether or not it was whole.
   * @throws Failure `overloaded`, `request_too_large`, `request_invalid`
   */
  receive(turn: Turn): Promise<Buffer>
  /** Judges and runs, and counts the bytes of the answer. Never rejects. */
  run(turn: Turn, body: SqlBody, batch: BatchOptions, rules?: Rules): Promise<Answered>
}

/** Makes it. */
export function createTokenPath(parts: TokenPathParts): TokenPath {
  const { config, verifier, pool, replicas, heavy, underWay, traffic, findType, emit } = parts
  const toCaller = createCallers(parts.sealKey)
  const admit = createAdmissions(pool)
  const pooled = config.preparedStatements === 0
  const toIdentified = (token: VerifiedToken, timing: Timing | undefined): Identified => {
    timing?.end('verify')
    const caller = toCaller(token)
    timing?.end('seal')
    return { token, caller }
  }

  function reportStuck(backendPid: number, requestId: string, { iss, sub, tenantId }: Who): void {
    const tenant = tenantId === undefined ? {} : { tenantId }
    emit({ type: 'statement_stuck', requestId, ...(iss === undefined ? {} : { iss }), sub, backendPid, ...tenant })
  }

  return {
    identify({ headers }, timing) {
      const verified = verifier.verify(parseBearer(headers.authorization))
      return verified instanceof Promise
        ? verified.then((token) => toIdentified(token, timing))
        : toIdentified(verified, timing)
    },
    enter: (caller, request, timing) => ({
      request,
      caller,
      timing,
      hold: underWay.enter(caller.owner, request, config.identityLimit),
    }),
    async receive({ request, caller: { owner }, hold }) {
      const announced = Math.min(Number(request.headers['content-length'] ?? 0) || 0, config.maxRequestBytes)
      const admitted = traffic.admit(owner, announced, request.signal)
      if (admitted !== undefined) await admitted
      let come = 0
      try {
        const bytes = await request.body((more) => {
          come += more
          return hold(more)
        })
        come = bytes.length
        return bytes
      } finally {
        traffic.moved(owner, come - announced)
      }
    },
    async run({ request, caller: { identity, owner, who, narrowing }, hold, timing }, body, batch, rules = {}) {
      const verdicts: Verdict[] = []
      let flight: Flight | undefined
      try {
        for (const { sql } of body.queries) {
          const judged = heavy.judge(sql, owner)
          const verdict = judged instanceof Promise ? await judged : judged
          verdicts.push(verdict)
          const failure = rules.check?.(verdict)
          if (failure !== undefined) throw failure
        }
        timing?.end('judge')
        const refused = verdicts.find((verdict) => verdict.kind === 'refused')
        if (refused !== undefined) return { who, verdicts, ending: refuseStatement(refused) }
        const allowed = verdicts.filter((verdict) => verdict.kind !== 'refused')
        const limits = holdToScopes(narrowing, allowed, rules.own)
        const traceparent = traceparentOf(request)
        const holding = holdAnswer(hold)
        const work = toTokenWork(allowed, {
          identity,
          traceparent,
          limits,
          body,
          batch,
          pooled,
          findType,
          terms: rules,
          hold: holding,
        })
        const { headers, signal } = request
        flight = await (replicas === undefined
          ? pool.run(work, { owner, signal })
          : replicas.run(work, { owner, signal, seen: headers[seenHeader] }))
        if (flight.startedAt > 0) timing?.end('queue', flight.startedAt)
        timing?.end('postgres')
        // A replica remembers nobody.
        if (flight.work.replayed === undefined) admit(identity, owner, flight)
        const wrote = replicas !== undefined && work.readOnly !== true
        const seen = wrote ? await replicas.seenBy(owner, parts.sealKey()) : undefined
        if (narrowing !== undefined && isOtherTable(flight)) throw otherTable(narrowing)
        if (flight.stuckIn !== undefined) reportStuck(flight.stuckIn, request.id, who)
        const writing = allowed[flight.step - leadingSteps(flight)]?.writing
        const ending = await respond(flight, {
          kind: body.kind,
          batch,
          toErrorResponse: (error) => tokenErrorResponse(error, writing),
        })
        traffic.moved(owner, lengthOfBody(ending.response))
        if (seen !== undefined) ending.response.headers[seenHeader] = seen
        timing?.end('answer')
        return { who, verdicts, narrowed: narrowing !== undefined, flight, ending: held(ending, holding) }
      } catch (error) {
        return { who, verdicts, flight, ending: refuse(error) }
      }
    },
  }
}
