/**
 * What each owner of requests has used of what all share. An owner is a tenant, or a person without one.
 */
import { LRUCache } from 'lru-cache'

/** Who may start what, as far as it depends on what the owner did before. */
export interface Owners {
  /** Takes note of a request that arrives. @param now milliseconds of the monotonic clock */
  arrive(owner: string, now: number): void
  /** Whether anybody else has sent a request lately. */
  hasCompany(owner: string): boolean
  /** Counts time on a connection that nobody could share. */
  use(owner: string, ms: number): void
  /** How far back its turn is; 0 for an owner that has used next to nothing lately. */
  rank(owner: string): number
  /** Counts time for which a request that was taken for a quick one kept others waiting. */
  holdUp(owner: string, ms: number): void
  /** Whether its requests may share connections: not for a while after it has held others up. */
  trusts(owner: string): boolean
  /** A statement of it did not end when it was cancelled. Returns what to call when it has. */
  stick(owner: string): () => void
  /** Whether such a statement still runs. */
  isStuck(owner: string): boolean
}

/** For how long an owner must have been alone to have all that there is. */
const companyMs = 60_000
const maxOwners = 10_000
/** Time used is forgotten by half in this time. */
const halfLifeMs = 5_000
/** Differences below this are none: whoever sends quick requests only is never behind another. */
const rankMs = 20
/** How long an owner may hold others up at once, and how much of the time in the long run. */
const holdUpBurstMs = 100
const holdUpShare = 0.01

interface Account {
  usedMs: number
  usedAt: number
  /** Milliseconds for which it may still hold others up. */
  credit: number
  creditAt: number
}

/** The newest request of an owner. */
interface Arrival {
  owner: string
  /** Milliseconds of the monotonic clock. */
  at: number
}

/** Makes the accounts. */
export function createOwners(): Owners {
  const accounts = new LRUCache<string, Account>({ max: maxOwners })
  const stuck = new Map<string, number>()
  let latest: Arrival = { owner: '', at: Number.NEGATIVE_INFINITY }
  /** The latest before it that was another's. */
  let latestOther: Arrival = { owner: '', at: Number.NEGATIVE_INFINITY }

  function open(owner: string): Account {
    const known = accounts.get(owner)
    if (known !== undefined) return known
    const at = performance.now()
    const account = { usedMs: 0, usedAt: at, credit: holdUpBurstMs, creditAt: at }
    accounts.set(owner, account)
    return account
  }

  return {
    arrive(owner, now) {
      // Only written to: nothing is made for each request.
      if (latest.owner !== owner) {
        const before = latestOther
        latestOther = latest
        latest = before
        latest.owner = owner
      }
      latest.at = now
    },
    hasCompany(owner) {
      const other = latest.owner === owner ? latestOther : latest
      return performance.now() - other.at < companyMs
    },
    use(owner, ms) {
      const account = open(owner)
      account.usedMs = usedNow(account) + ms
      account.usedAt = performance.now()
    },
    rank(owner) {
      const account = accounts.get(owner)
      return account === undefined ? 0 : Math.floor(usedNow(account) / rankMs)
    },
    holdUp(owner, ms) {
      const account = open(owner)
      account.credit = creditNow(account) - ms
      account.creditAt = performance.now()
    },
    trusts(owner) {
      const account = accounts.get(owner)
      return account === undefined || creditNow(account) >= 0
    },
    stick(owner) {
      stuck.set(owner, (stuck.get(owner) ?? 0) + 1)
      return () => {
        const left = (stuck.get(owner) ?? 1) - 1
        if (left === 0) stuck.delete(owner)
        else stuck.set(owner, left)
      }
    },
    isStuck: (owner) => stuck.has(owner),
  }
}

function usedNow({ usedMs, usedAt }: Account): number {
  return usedMs * 2 ** ((usedAt - performance.now()) / halfLifeMs)
}

function creditNow({ credit, creditAt }: Account): number {
  return Math.min(holdUpBurstMs, credit + (performance.now() - creditAt) * holdUpShare)
}
