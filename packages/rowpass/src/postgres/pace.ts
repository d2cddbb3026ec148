/**
 * How long requests take, learnt from those with the same text: who may share a connection, and who runs for long.
 */
import { LRUCache } from 'lru-cache'
import type { Lane, Statement, Work } from './flight.ts'

/** A request that usually takes less than this may have others behind it on its connection. */
export const quickMs = 5
/** The oldest request of a connection that takes longer than this holds up those behind it. */
export const crowdedMs = 50
/** A request that takes longer than this is slow: few may run at once. */
export const slowMs = 100

/**
 * What one request weighs in the usual time for its text. A slower one weighs less: on a busy machine a quick request
 * often waits for the processor, and must not be taken for a slow one, because those do not share a connection.
 */
const quickerWeight = 0.2
const slowerWeight = 0.02
/** Of a request that is slow even where a busy machine makes any of them wait. */
const clearlySlowMs = 3 * slowMs
const maxTexts = 5_000
/** Sum of the texts, in UTF-16 units. */
const maxLength = 4 * 1024 * 1024
const maxTextLength = 64 * 1024
/** Times that are kept, of an owner with a text each. */
const maxTimes = 50_000
const maxVotes = 32

/** What is known of a text, whoever sends it. */
interface TextFacts {
  readonly id: number
  /** Owners for whom it was quick, and owners for whom it was not, of late. */
  quick: number
  other: number
}

/** What a request is known by. */
export interface Paced {
  readonly owner: string
  /** See {@link paceKeyOf}. */
  readonly paceKey: string
  readonly work: Work
  /** Number of the text that `timeKey` is of; 0 for none. */
  textId: number
  /** What its usual time is found by: made once, as it is looked for at its beginning and at its end. */
  timeKey: string
  /** What it usually takes, as was known when its lane was last chosen; undefined where nothing was. */
  usual: Usual | undefined
}

/** What requests with a text usually take, of one owner. */
export interface Usual {
  ms: number
  /** Whether it was ever measured by the server's clock, without its way there and back. */
  exact: boolean
}

/** The key of a statement, or the keys of a batch; `''` for one too long to be remembered. */
export function paceKeyOf({ statements }: Work): string {
  const [first] = statements
  if (statements.length === 1 && first !== undefined) return keyOf(first).length > maxTextLength ? '' : keyOf(first)
  const length = statements.reduce((sum, statement) => sum + keyOf(statement).length, 0)
  return length > maxTextLength ? '' : statements.map(keyOf).join(';\n')
}

function keyOf({ paceKey, sql }: Statement): string {
  return paceKey ?? sql
}

/** What is known of texts. */
export interface Pace {
  /** @param trusted whether the owner may share connections at all */
  laneOf(request: Paced, trusted: boolean): Lane
  /**
   * Takes account of a request that has ended, or was ended, after some milliseconds as the oldest on its connection.
   * @param heldUp whether it was taken for a quick one and kept another owner's waiting
   * @param exact whether the time is the server's
   */
  learn(request: Paced, tookMs: number, heldUp: boolean, exact: boolean): void
}

/**
 * Knows nothing at first: the first request with a text has a connection for itself.
 *
 * Times are learnt for each owner by itself, so that nobody makes another's requests appear slow. What owners have in
 * common decides only whether the first request of a further one shares a connection.
 */
export function createPace(): Pace {
  const texts = new LRUCache<string, TextFacts>({
    max: maxTexts,
    maxSize: maxLength,
    sizeCalculation: (_, text) => text.length + 1,
  })
  /** Usual milliseconds, by number of the text and owner. */
  const times = new LRUCache<string, Usual>({ max: maxTimes })
  let lastId = 0

  function vote(facts: TextFacts, before: number | undefined, after: number): void {
    const isQuick = after < quickMs
    if (before !== undefined) {
      if (before < quickMs === isQuick) return
      // Its vote of before was for the other side.
      if (isQuick) facts.other = Math.max(0, facts.other - 1)
      else facts.quick = Math.max(0, facts.quick - 1)
    }
    if (facts.quick + facts.other >= maxVotes) {
      facts.quick /= 2
      facts.other /= 2
    }
    if (isQuick) facts.quick++
    else facts.other++
  }

  return {
    laneOf(request, trusted) {
      const { work } = request
      const facts = texts.get(request.paceKey)
      const known = facts && times.get(timeKeyOf(request, facts.id))
      request.usual = known
      const usual = known?.ms
      if (usual !== undefined && usual >= slowMs) return 'slow'
      // It cannot be sent again when it turns out to be slow, so it begins where it may go on.
      if (facts === undefined && work.reset) return 'slow'
      if (facts === undefined || work.exclusive || !trusted) return 'alone'
      return (usual === undefined ? facts.quick > facts.other : usual < quickMs) ? 'shared' : 'alone'
    },
    learn(request, tookMs, heldUp, exact) {
      const { paceKey } = request
      if (paceKey === '') return
      let facts = texts.get(paceKey)
      if (facts === undefined) {
        facts = { id: ++lastId, quick: 0, other: 0 }
        texts.set(paceKey, facts)
      }
      const key = timeKeyOf(request, facts.id)
      const known = times.get(key)
      const before = known?.ms
      const after = blend(before ?? Math.min(tookMs, slowMs / 2), tookMs, heldUp)
      if (known === undefined) times.set(key, { ms: after, exact })
      else {
        known.ms = after
        known.exact ||= exact
      }
      vote(facts, before, after)
    },
  }
}

function timeKeyOf(request: Paced, id: number): string {
  if (request.textId !== id) {
    request.textId = id
    request.timeKey = `${id} ${request.owner}`
  }
  return request.timeKey
}

/** One that held others up counts whatever cheap ones came before it, and so does one that is slow by far. */
function blend(before: number, tookMs: number, heldUp: boolean): number {
  const blended = before + (tookMs - before) * (tookMs < before ? quickerWeight : slowerWeight)
  if (tookMs > clearlySlowMs) return Math.max(blended, tookMs)
  return heldUp ? Math.max(blended, Math.min(tookMs, slowMs / 2)) : blended
}
