/**
 * What an issuer asks of the place where it keeps things. `createPostgresStore` is one in PostgreSQL; others are as good. Each method is one atomic step: where two of them would have to be one, they are one here.
 *
 * Secrets arrive as SHA-256 hashes in hex, times are counted by the store.
 */
import type { SecretHash } from './secret.ts'

/** An application or a service that may ask for tokens. */
export interface Client {
  readonly clientId: string
  /** Undefined for a public client, which keeps no secret. */
  readonly secretHash: SecretHash | undefined
  /** Values of `grant_type`. */
  readonly grantTypes: readonly string[]
  /** The scopes that it may ask for; all of them when it names none. */
  readonly scopes: readonly string[]
  /** What a service is in its own tokens (`client_credentials`). */
  readonly tenantId: string | undefined
  readonly role: string | undefined
}

/** Somebody in one of their tenants, or in an application without tenants. */
export interface Person {
  readonly userId: string
  readonly tenantId: string | undefined
  /** Their role in this tenant. */
  readonly role: string | undefined
}

/** What a password is compared with. */
export interface Credential {
  readonly userId: string
  readonly passwordHash: string
  /** Changes with the password. */
  readonly version: number
}

/** Where attempts are counted. */
export interface Attempt {
  /** The account, by a hash of its name. */
  readonly account: SecretHash | undefined
  /** The account and the address together; undefined where the address is not known. */
  readonly pair: SecretHash | undefined
  readonly address: SecretHash | undefined
}

/** A session that is to begin. */
export interface NewSession {
  readonly sid: string
  readonly credential: Credential
  readonly clientId: string
  readonly scope: string
  /** Undefined for a client that may not refresh. */
  readonly refreshHash: SecretHash | undefined
  /** The attempt that has succeeded. */
  readonly attempt: Attempt
}

/** A session, by one of its refresh tokens. */
export interface RefreshSession {
  readonly sid: string
  readonly clientId: string
  readonly userId: string
  readonly scope: string
  /** Whether the token was used before. */
  readonly used: boolean
  /** Seconds since 1970. */
  readonly expiresAt: number
  /** Undefined when the person is gone. */
  readonly person: Person | undefined
}

/** A session that is alive. */
export interface LiveSession {
  /** Undefined for that of a service. */
  readonly userId: string | undefined
  readonly clientId: string
}

/** What became of a refresh token. */
export type Rotation =
  /** It was taken; `person` is undefined when they are gone. */
  | { readonly outcome: 'rotated'; readonly person: Person | undefined }
  /** It was used before: the session has ended with it. */
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' }

/** Lifetimes in seconds. */
export interface Lifetimes {
  /** Of an access token. */
  readonly accessSeconds: number
  /** Of a session that is not refreshed. */
  readonly idleSeconds: number
  /** Of a session, however often it is refreshed. */
  readonly sessionSeconds: number
}

/** The store. Every method may reject with whatever its medium reports; the issuer passes that on. */
export interface IssuerStore {
  /** Finds a client. */
  findClient(clientId: string): Promise<Client | undefined>
  /**
   * Counts an attempt as a failure, and looks an account up by its address. What is not admitted learns nothing of the
   * account. `email` is undefined where no account can have the name that was given.
   */
  beginSignIn(
    email: string | undefined,
    attempt: Attempt,
  ): Promise<{ retryAfterSeconds: number; credential?: Credential; person?: Person }>
  /**
   * Begins a session and takes the attempt back.
   *
   * @returns the person as they are in the same transaction; undefined when they are gone, or their password was changed
   */
  openSession(session: NewSession, lifetimes: Lifetimes): Promise<Person | undefined>
  /** Puts a hash with newer figures in the place of one that is still the same password's. */
  replaceHash(credential: Credential, passwordHash: string): Promise<void>
  /** Finds the session of a refresh token, if that session is alive. */
  findRefresh(hash: SecretHash): Promise<RefreshSession | undefined>
  /** Exchanges a refresh token of this client for a new one. Two uses of one family go one after the other. */
  rotateRefresh(hash: SecretHash, clientId: string, newHash: SecretHash, lifetimes: Lifetimes): Promise<Rotation>
  /** Finds out what somebody is in a tenant: theirs by their row, or by a membership. */
  findPerson(userId: string, tenantId: string): Promise<Person | undefined>
  /**
   * Notes one more access token of a session, for a tenant.
   *
   * @returns the person as they are in the same transaction; undefined when they are no member of the tenant, or the
   *   session has ended or is not of this person and client
   */
  extendSession(
    session: { sid: string; userId: string; clientId: string; tenantId: string },
    lifetimes: Lifetimes,
  ): Promise<Person | undefined>
  /** Notes one more access token of a service. Returns its `sid`; undefined when the client is gone. */
  extendService(clientId: string, lifetimes: Lifetimes): Promise<string | undefined>
  /** Finds a session that is alive, that of a service too. */
  findSession(sid: string): Promise<LiveSession | undefined>
  /** Ends a session. Its access tokens are refused from then on. */
  endSession(sid: string): Promise<void>
  /** Ends the tokens that a service has. */
  endService(clientId: string): Promise<void>
}
