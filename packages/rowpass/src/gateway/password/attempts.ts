/**
 * Slows whoever guesses passwords: counts failed logins of a user from one address, of an address, and of a user.
 *
 * A guess is counted before the server is asked and given back if it was none, so that guesses sent together do not pass.
 * All is in the memory of this process: a restart forgets it, and each of several gateways counts for itself.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Failure } from '../../errors.ts'
import { toNetwork } from '../../network.ts'
import { createTally } from './tally.ts'

/** How many logins may fail within a time. */
export interface AttemptLimits {
  readonly windowMs: number
  /** Of one user from one address. */
  readonly perPair: number
  /** From one address, whoever the users are. */
  readonly perAddress: number
  /** Of one user, from wherever. */
  readonly perUser: number
}

/** A login that is asked for. */
export interface LoginAttempt {
  readonly user: string
  readonly password: string
  /** Of the client; undefined where it is not known, and then only the user counts. */
  readonly address: string | undefined
}

/**
 * What a login has shown of its password: that it is right; that it is wrong; nothing, although the server had it; or
 * nothing because the server was never asked or had another reason.
 */
export type LoginOutcome = 'accepted' | 'refused' | 'unclear' | 'void'

/** Whether a login may be tried. */
export type Admission =
  | { readonly kind: 'admitted'; end(outcome: LoginOutcome): void }
  /** The server refused the same password a moment ago. */
  | { readonly kind: 'repeated' }
  | { readonly kind: 'exceeded'; readonly limit: 'pair' | 'address' | 'user'; readonly retryAfterSeconds: number }

/** The counts of one gateway. */
export interface Attempts {
  /**
   * Waits where those under way decide whether there is room for one more.
   * @throws Failure `overloaded` when too many wait
   */
  admit(attempt: LoginAttempt): Promise<Admission>
}

const maxPairs = 10_000
const maxWaiting = 1_000
/** From where a user has logged in within this time, failures from elsewhere do not concern them. */
const provenMs = 24 * 3_600_000
/**
 * A password as long as this is not found by guessing over a network, so whoever has shown it may show it again at any time.
 * With a shorter one that would be an answer to every guess.
 */
const minUnguessableLength = 32
/** A program with an old password does not give up; it is no guess, and the server hears of it once in this time. */
const repeatMs = 1_000
const maxWrongPerPair = 16
/** Of a password that counts as a guess and of which the server has said nothing. */
const never = Number.NEGATIVE_INFINITY
/** PostgreSQL up to 18 cuts a longer name off: it would be another spelling of the same user. */
const maxNameBytes = 63

/** Makes the counts, all at zero. `now` is a clock in milliseconds that does not jump. */
export function createAttempts(limits: AttemptLimits, now: () => number = () => performance.now()): Attempts {
  const { windowMs } = limits
  const tallies = {
    pair: createTally(limits.perPair, windowMs),
    address: createTally(limits.perAddress, windowMs),
    user: createTally(limits.perUser, windowMs),
  }
  const key = randomBytes(32)
  /** By pair: when the server last refused a password, by its digest. */
  const wrong = new LRUCache<string, Map<string, number>>({ max: maxPairs })
  /** By pair: the last login that succeeded, and the digest of a password that cannot be guessed. */
  const proven = new LRUCache<string, { until: number; digest: string | undefined }>({ max: maxPairs })
  let waiting: (() => void)[] = []

  async function admit(attempt: LoginAttempt): Promise<Admission> {
    const place = toPlace(attempt)
    const digest = createHmac('sha256', key)
      .update(JSON.stringify([place.pair, attempt.password]))
      .digest('base64')
    for (;;) {
      if (provenAt(place)?.digest === digest) return begin(place, digest, attempt)
      const refusedAt = wrong.get(place.pair)?.get(digest)
      if (refusedAt !== undefined) return readmit(place, digest, attempt, refusedAt)
      const deciding = decidingFor(place)
      for (const { limit, of } of deciding) {
        const waitMs = tallies[limit].waitMs(of, now())
        if (waitMs > 0) return { kind: 'exceeded', limit, retryAfterSeconds: Math.ceil(waitMs / 1_000) }
      }
      if (deciding.every(({ limit, of }) => tallies[limit].hasRoom(of, now()))) return begin(place, digest, attempt)
      await nextEnd()
    }
  }

  /** A password that is known to be wrong is no guess: it tells nobody anything, unless it has become right. */
  function readmit(place: Place, digest: string, attempt: LoginAttempt, refusedAt: number): Admission {
    if (now() - refusedAt < repeatMs) return { kind: 'repeated' }
    if (refusedAt !== never) remember(place.pair, digest, now())
    return { kind: 'admitted', end: (outcome) => learn(place, digest, attempt, outcome) }
  }

  function begin(place: Place, digest: string, attempt: LoginAttempt): Admission {
    for (const { limit, of } of place.counts) tallies[limit].begin(of)
    return {
      kind: 'admitted',
      end(outcome) {
        const failed = outcome === 'refused' || outcome === 'unclear'
        const guessed = failed && wrong.get(place.pair)?.has(digest) !== true
        for (const { limit, of } of place.counts) tallies[limit].end(of, guessed, now())
        learn(place, digest, attempt, outcome)
        const woken = waiting
        waiting = []
        for (const wake of woken) wake()
      },
    }
  }

  function learn({ pair }: Place, digest: string, { password }: LoginAttempt, outcome: LoginOutcome): void {
    if (outcome === 'unclear') remember(pair, digest, never)
    if (outcome === 'refused') {
      remember(pair, digest, now())
      if (proven.get(pair)?.digest === digest) proven.delete(pair)
    }
    if (outcome === 'accepted') {
      wrong.get(pair)?.delete(digest)
      const unguessable = password.length >= minUnguessableLength
      proven.set(pair, { until: now() + provenMs, digest: unguessable ? digest : undefined })
    }
  }

  function remember(pair: string, digest: string, refusedAt: number): void {
    const known = wrong.get(pair) ?? new Map<string, number>()
    wrong.set(pair, known)
    known.set(digest, refusedAt)
    const [oldest] = known.keys()
    if (known.size > maxWrongPerPair && oldest !== undefined) known.delete(oldest)
  }

  /** Where the user has logged in from there lately, only what came from there may keep them waiting. */
  function decidingFor(place: Place): Place['counts'] {
    const [first] = place.counts
    return first.limit === 'pair' && provenAt(place) !== undefined ? [first] : place.counts
  }

  function provenAt({ pair }: Place): { digest: string | undefined } | undefined {
    const last = proven.get(pair)
    return last !== undefined && last.until > now() ? last : undefined
  }

  function nextEnd(): Promise<void> {
    if (waiting.length >= maxWaiting) throw new Failure('overloaded', { detail: 'too many logins under way' })
    return new Promise((resolve) => {
      waiting.push(resolve)
    })
  }

  return { admit }
}

/** Where an attempt counts. */
interface Place {
  readonly pair: string
  readonly counts: readonly [Counted, ...Counted[]]
}

interface Counted {
  readonly limit: 'pair' | 'address' | 'user'
  readonly of: string
}

function toPlace({ user, address }: LoginAttempt): Place {
  const name = Buffer.from(user).toString('latin1', 0, maxNameBytes)
  const byUser: Counted = { limit: 'user', of: name }
  if (address === undefined) return { pair: `\n${name}`, counts: [byUser] }
  const network = toNetwork(address)
  const pair = `${network}\n${name}`
  return { pair, counts: [{ limit: 'pair', of: pair }, { limit: 'address', of: network }, byUser] }
}
