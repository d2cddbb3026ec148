/**
 * The clients of the issuer, as its operator keeps them: applications that sign people in, and services.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { ClientBase } from 'pg'
import { sqlstateOf } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { isOwnScope, parseScopes } from '../token/narrowing.ts'
import { TokenRefusal } from '../token/refusal.ts'

/** Values of `grant_type` by the short names of the command line. */
export const grantTypes = {
  password: 'password',
  refresh: 'refresh_token',
  service: 'client_credentials',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const

/** Short name of a grant. */
export type GrantName = keyof typeof grantTypes

/** A client to add. */
export interface NewClient {
  /** 1–64 letters, digits, `.`, `_` or `-`. */
  readonly clientId: string
  /** Without a secret, for what runs on other people's machines. */
  readonly isPublic: boolean
  readonly grants: readonly GrantName[]
  /** Those it may ask for. Of `sql:`, `table:` and `rows:` they are what its exchanged tokens are narrowed to at most. */
  readonly scopes: readonly string[]
  /** The tenant of a service, and its role there. */
  readonly tenantId?: string | undefined
  readonly role?: string | undefined
}

/** A client as it is listed; its secret is nowhere. */
export interface ClientEntry {
  readonly clientId: string
  readonly isPublic: boolean
  readonly grants: readonly string[]
  readonly scopes: readonly string[]
  readonly tenantId: string | null
  readonly role: string | null
}

/**
 * Adds a client.
 *
 * @param client connected as the owner, platform SQL applied
 * @returns its secret, which is shown this once; undefined for a public client
 * @throws Failure `client_exists`, `input_invalid` when it cannot be one or a scope is misspelt
 */
export async function addClient(client: ClientBase, added: NewClient): Promise<string | undefined> {
  checkScopes(added.scopes)
  const made = added.isPublic ? undefined : createSecret()
  const { secret, hash } = made ?? { secret: undefined, hash: null }
  const types = [...new Set(added.grants)].map((grant) => grantTypes[grant])
  try {
    await client.query(
      `insert into issuer.clients (client_id, secret_hash, grant_types, scopes, tenant_id, role)
       values ($1, $2, $3, $4, $5, $6)`,
      [added.clientId, hash, types, added.scopes, added.tenantId ?? null, added.role ?? null],
    )
  } catch (error) {
    const state = sqlstateOf(error)
    if (state === '23505') throw new Failure('client_exists', { detail: added.clientId })
    if (state === '23514' || state?.startsWith('22')) {
      const detail =
        'a name has 1 to 64 letters, digits, ".", "_" or "-"; a service has a secret; a role needs a tenant'
      throw new Failure('input_invalid', { detail, cause: error })
    }
    throw error
  }
  return secret
}

/** A misspelt one would be found when the first token is asked for, by whoever did not write it. */
function checkScopes(scopes: readonly string[]): void {
  const own = scopes.filter(isOwnScope)
  try {
    if (own.length === 0 || parseScopes(own).access !== 'none') return
  } catch (error) {
    if (!(error instanceof TokenRefusal)) throw error
    throw new Failure('input_invalid', { detail: error.message, cause: error })
  }
  throw new Failure('input_invalid', { detail: 'table: and rows: allow nothing without sql:read or sql:write' })
}

/**
 * Gives a client another secret: the old one is refused from then on, and so are the tokens that the client got for
 * itself. People who have signed in with it stay signed in.
 *
 * @returns the secret, which is shown this once; undefined when there is no such client, or a public one
 */
export async function renewSecret(client: ClientBase, clientId: string): Promise<string | undefined> {
  const { secret, hash } = createSecret()
  const { rowCount } = await client.query(
    `with renewed as (
       update issuer.clients set secret_hash = $2 where client_id = $1 and secret_hash is not null returning client_id
     )
     select issuer.end_service(client_id) from renewed`,
    [clientId, hash],
  )
  return rowCount === 1 ? secret : undefined
}

/** The clients that there are, by name. */
export async function listClients(client: ClientBase): Promise<ClientEntry[]> {
  const { rows } = await client.query<ClientEntry>(
    `select client_id as "clientId", secret_hash is null as "isPublic", grant_types as grants, scopes,
            tenant_id as "tenantId", role from issuer.clients order by client_id`,
  )
  return rows
}

/**
 * Removes a client, and ends the sessions and tokens that it has.
 *
 * @returns whether there was one
 */
export async function removeClient(client: ClientBase, clientId: string): Promise<boolean> {
  await client.query('begin')
  try {
    // Whoever signs in with it now waits, and finds it gone.
    await client.query('select from issuer.clients where client_id = $1 for update', [clientId])
    await client.query('select issuer.end_service($1)', [clientId])
    await client.query('select issuer.end_session(sid) from issuer.sessions where client_id = $1', [clientId])
    const { rowCount } = await client.query('delete from issuer.clients where client_id = $1', [clientId])
    await client.query('commit')
    return rowCount === 1
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

/** 256 random bits, and the SHA-256 of their text, as `packages/rowpass/src/issuer/secret.ts` has it. */
function createSecret(): { secret: string; hash: Buffer } {
  const secret = randomBytes(32).toString('base64url')
  return { secret, hash: createHash('sha256').update(secret).digest() }
}
