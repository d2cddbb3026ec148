/**
 * Has the database remember the seals of tokens that come again, so that it verifies each of them once.
 *
 * An admission is a transaction that writes, alone on a connection, and whoever holds many tokens could cause many. So an
 * owner has one at a time, and no more of them than a part of its answers; others go on with the whole seal.
 */
import { LRUCache } from 'lru-cache'
import type { Flight, GatewayIdentity, Work } from '../postgres/flight.ts'
import type { Pool } from '../postgres/pool.ts'

/** What is known of one token; made once for it. */
interface Guest {
  /** Answers that it got with its whole seal. */
  answers: number
  pending: boolean
  /** Milliseconds of the monotonic clock before which it is not tried again. */
  notBefore: number
}

/** What an owner may cause. */
interface Allowance {
  pending: boolean
  /** Admissions that it may have, in answers. */
  answers: number
}

const retryAfterMs = 60_000
/** Of all owners together. */
const maxPending = 4
/** With their whole seal, of one owner, for each admission. */
const answersPerAdmission = 4
/** What an owner begins with, and may save up: a page that opens with several new tokens. */
const maxAllowance = 8 * answersPerAdmission
/** One that is pushed out begins anew: it was silent for longest. */
const maxOwners = 10_000
/** The platform's SQL is of before, the role may not call the function, nothing can be written here. */
const inVain: ReadonlySet<string> = new Set(['42883', '42501', '3F000', '25006', '0A000'])
const admission: Pick<Work, 'statements' | 'begin' | 'exclusive' | 'reset'> = {
  statements: [
    {
      sql: 'select rowpass.admit_identity()',
      params: [],
      prepare: false,
      shape: { arrayMode: true, rawText: true },
    },
  ],
  begin: 'START TRANSACTION ISOLATION LEVEL READ COMMITTED',
  exclusive: true,
  reset: false,
}

/** Takes each answer of an identity, and has it admitted after the second one with its whole seal. */
export type Admissions = (identity: GatewayIdentity, owner: string, flight: Flight) => void

/**
 * Makes it. Whether an admission succeeds is no concern of anybody's: until then requests go on with the whole seal. After
 * one that failed, the token is not tried for a minute; after one that cannot succeed, no token of its role is.
 *
 * @param pool where admissions run, as requests of the owner
 */
export function createAdmissions(pool: Pick<Pool, 'run'>): Admissions {
  const guests = new WeakMap<GatewayIdentity, Guest>()
  /** By role; there are as many as the configuration has. */
  const closedUntil = new Map<string, number>()
  const allowances = new LRUCache<string, Allowance>({ max: maxOwners })
  let pending = 0

  function allowanceOf(owner: string): Allowance {
    const known = allowances.get(owner)
    if (known !== undefined) return known
    const allowance = { pending: false, answers: maxAllowance }
    allowances.set(owner, allowance)
    return allowance
  }

  async function admit(guest: Guest, identity: GatewayIdentity, owner: string, allowance: Allowance): Promise<void> {
    guest.pending = true
    allowance.pending = true
    allowance.answers -= answersPerAdmission
    pending++
    const { error } = await pool.run({ ...admission, identity }, { owner })
    pending--
    allowance.pending = false
    guest.pending = false
    guest.answers = 0
    if (error === undefined) {
      identity.remembered = true
      return
    }
    guest.notBefore = performance.now() + retryAfterMs
    if (error.kind === 'postgres' && inVain.has(error.error.code)) closedUntil.set(identity.role, guest.notBefore)
  }

  return (identity, owner, flight) => {
    if (flight.error !== undefined || flight.ticketed || identity.remembered === true) return
    let guest = guests.get(identity)
    if (guest === undefined) {
      guest = { answers: 0, pending: false, notBefore: 0 }
      guests.set(identity, guest)
    }
    guest.answers++
    const allowance = allowanceOf(owner)
    if (allowance.answers < maxAllowance) allowance.answers++
    if (guest.answers < 2 || guest.pending || allowance.pending || pending >= maxPending) return
    if (allowance.answers < answersPerAdmission) return
    const now = performance.now()
    if (now < guest.notBefore || now < (closedUntil.get(identity.role) ?? 0)) return
    void admit(guest, identity, owner, allowance)
  }
}
