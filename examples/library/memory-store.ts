/**
 * What `createIssuer` asks of a store, in memory: for tests, and as a pattern for one over your own database. Each method
 * is one step that nothing comes between; here none of them awaits, elsewhere it is a transaction.
 */
import type { Client, IssuerStore, Lifetimes, Person, Rotation } from 'rowpass/issuer'

/** Somebody who can sign in. */
export interface Account {
  readonly email: string
  readonly passwordHash: string
  /** What they are in each of their tenants; the first is their own. */
  readonly places: readonly [Person, ...Person[]]
}

interface Session {
  readonly sid: string
  readonly userId: string
  readonly clientId: string
  readonly scope: string
  readonly endsAt: number
  expiresAt: number
}

const freeFailures = 5

/** Makes a store. `now` is in milliseconds. */
export function createMemoryStore(
  clients: readonly Client[],
  accounts: readonly Account[],
  now: () => number = Date.now,
): IssuerStore {
  const sessions = new Map<string, Session>()
  const services = new Map<string, string>()
  const refreshTokens = new Map<string, { readonly sid: string; used: boolean }>()
  const attempts = new Map<string, { failures: number; until: number }>()
  const seconds = () => Math.floor(now() / 1000)
  const live = (sid: string | undefined): Session | undefined => {
    const session = sid === undefined ? undefined : sessions.get(sid)
    return session !== undefined && session.expiresAt > seconds() ? session : undefined
  }
  const placesOf = (userId: string) => accounts.find(({ places }) => places[0].userId === userId)?.places
  const placeOf = (userId: string, tenantId: string) => placesOf(userId)?.find((place) => place.tenantId === tenantId)

  /** A failure until the session is opened. Yours counts by account and by address too, and forgets in time. */
  function admit(bucket: string): number {
    const attempt = attempts.get(bucket) ?? { failures: 0, until: 0 }
    if (attempt.until > seconds()) return attempt.until - seconds()
    attempt.failures++
    if (attempt.failures >= freeFailures) {
      attempt.until = seconds() + Math.min(5 * 2 ** (attempt.failures - freeFailures), 900)
    }
    attempts.set(bucket, attempt)
    return 0
  }

  function rotate(hash: string, clientId: string, newHash: string, { idleSeconds }: Lifetimes): Rotation {
    const token = refreshTokens.get(hash)
    const session = live(token?.sid)
    if (token === undefined || session === undefined || session.clientId !== clientId) return { outcome: 'unknown' }
    if (token.used) {
      sessions.delete(session.sid)
      return { outcome: 'reused' }
    }
    token.used = true
    refreshTokens.set(newHash, { sid: session.sid, used: false })
    session.expiresAt = Math.min(session.endsAt, seconds() + idleSeconds)
    return { outcome: 'rotated', person: placesOf(session.userId)?.[0] }
  }

  return {
    findClient: async (clientId) => clients.find((client) => client.clientId === clientId),
    async beginSignIn(email, attempt) {
      const retryAfterSeconds = admit(attempt.pair ?? attempt.account ?? '')
      const account = accounts.find((each) => each.email === email)
      if (retryAfterSeconds > 0 || account === undefined) return { retryAfterSeconds }
      const [person] = account.places
      const credential = { userId: person.userId, passwordHash: account.passwordHash, version: 1 }
      return { retryAfterSeconds, person, credential }
    },
    async openSession({ sid, credential, clientId, scope, refreshHash, attempt }, { idleSeconds, sessionSeconds }) {
      attempts.delete(attempt.pair ?? attempt.account ?? '')
      const { userId } = credential
      const endsAt = seconds() + sessionSeconds
      const expiresAt = Math.min(endsAt, seconds() + idleSeconds)
      sessions.set(sid, { sid, userId, clientId, scope, endsAt, expiresAt })
      if (refreshHash !== undefined) refreshTokens.set(refreshHash, { sid, used: false })
      return placesOf(userId)?.[0]
    },
    async replaceHash() {
      // The accounts here are fixed.
    },
    async findRefresh(hash) {
      const token = refreshTokens.get(hash)
      const session = live(token?.sid)
      if (token === undefined || session === undefined) return undefined
      return { ...session, used: token.used, person: placesOf(session.userId)?.[0] }
    },
    rotateRefresh: async (...given) => rotate(...given),
    findPerson: async (userId, tenantId) => placeOf(userId, tenantId),
    async extendSession({ sid, userId, clientId, tenantId }) {
      const session = live(sid)
      const theirs = session?.userId === userId && session.clientId === clientId
      return theirs ? placeOf(userId, tenantId) : undefined
    },
    async extendService(clientId) {
      const sid = services.get(clientId) ?? crypto.randomUUID()
      services.set(clientId, sid)
      return sid
    },
    async findSession(sid) {
      const service = [...services].find(([, own]) => own === sid)
      return service === undefined ? live(sid) : { userId: undefined, clientId: service[0] }
    },
    async endSession(sid) {
      sessions.delete(sid)
    },
    async endService(clientId) {
      services.delete(clientId)
    },
  }
}
