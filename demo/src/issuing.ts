/**
 * The issuer of this API: the library of `src/issuer` with the store, the keys and the claims of the application.
 */
import { createMiddleware } from 'hono/factory'
import { Failure } from 'rowpass'
import type { AccessToken, OwnClaims, Person } from 'rowpass/issuer'
import { type Accounts, createAccounts, createIssuer, createPostgresStore, type Issuer } from 'rowpass/issuer'
import type { ApiEnv } from './app-env.ts'
import { claimsFor } from './claims.ts'
import { connectAsIssuer, type IssuerDatabase, openIssuerDatabase } from './database.ts'
import type { Settings } from './env.ts'
import type { Hidden } from './hidden.ts'
import { createDelivery } from './mail.ts'
import { readBearer } from './middleware/require-bearer.ts'
import { people } from './people.ts'

/** What the routes of the issuer work with. */
export interface Issuing {
  readonly issuer: Issuer
  readonly accounts: Accounts
  /** Whether messages can be sent, without which nobody can sign up or reset a password. */
  readonly delivers: boolean
}

/** What they find in their context. */
export interface IssuingEnv extends ApiEnv {
  Variables: ApiEnv['Variables'] & { issuing: Issuing; address: string | undefined }
}

/** The same for who has signed in. */
export interface SignedInEnv extends ApiEnv {
  Variables: IssuingEnv['Variables'] & { by: AccessToken }
}

/** Whatever part of these it takes. */
const ownClaims: (person: Person, db: IssuerDatabase) => Promise<OwnClaims> = claimsFor

const known = new WeakMap<Settings, Issuing>()

function issuingOf(settings: Settings, issuerDatabaseUrl: Hidden): Issuing {
  const before = known.get(settings)
  if (before !== undefined) return before
  const store = createPostgresStore(connectAsIssuer(issuerDatabaseUrl.reveal()), { people })
  const db = openIssuerDatabase(issuerDatabaseUrl.reveal())
  const { issuer: url, audience, keys } = settings
  const deliver = createDelivery(settings)
  const made: Issuing = {
    issuer: createIssuer({
      issuer: url,
      audience,
      keys,
      store,
      claimsFor: (person) => ownClaims(person, db),
      emit: (event) => console.log(JSON.stringify(event)),
    }),
    accounts: createAccounts({ store, deliver: deliver ?? (async () => undefined) }),
    delivers: deliver !== undefined,
  }
  known.set(settings, made)
  return made
}

/**
 * Claims of the application for a person, as in every token of the issuer. Where this API issues no tokens there is no
 * database to ask, and there are none.
 */
export async function ownClaimsOf(settings: Settings, person: Person): Promise<OwnClaims> {
  const { issuerDatabaseUrl } = settings
  if (issuerDatabaseUrl === undefined) return {}
  return ownClaims(person, openIssuerDatabase(issuerDatabaseUrl.reveal()))
}

/** Forgets a person whose row is gone; where this API issues no tokens, there is nothing to forget. */
export async function forgetPerson(settings: Settings, userId: string): Promise<void> {
  const { issuerDatabaseUrl } = settings
  if (issuerDatabaseUrl !== undefined) await issuingOf(settings, issuerDatabaseUrl).accounts.forget(userId)
}

/** Sets `issuing`; where this API issues no tokens, its paths do not exist. */
export const onlyWhereIssuing = createMiddleware<IssuingEnv>(async (c, next) => {
  const settings = c.get('settings')
  if (settings.issuerDatabaseUrl === undefined) throw new Failure('path_unknown')
  c.set('issuing', issuingOf(settings, settings.issuerDatabaseUrl))
  c.set('address', settings.addressHeader === undefined ? undefined : c.req.header(settings.addressHeader))
  await next()
  c.header('Cache-Control', 'no-store')
})

/** Paths that end in a message. */
export const onlyWithDelivery = createMiddleware<IssuingEnv>(async (c, next) => {
  if (!c.get('issuing').delivers) throw new Failure('path_unknown')
  await next()
})

/** Sets `by` to who sends the request: a person with a token of ours whose session is alive. */
export const requirePerson = createMiddleware<SignedInEnv>(async (c, next) => {
  const by = await c.get('issuing').issuer.authenticate(readBearer(c))
  if (by === undefined || by.subject === by.clientId) throw new Failure('token_invalid')
  c.set('by', by)
  await next()
})
