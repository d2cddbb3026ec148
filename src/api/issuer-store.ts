/**
 * The issuer's store over SQL: functions of schema `issuer`, called as `rowpass_issuer` through the gateway. Each method
 * is one statement, so it is one transaction.
 */
import { NeonDbError, type NeonQueryFunction, neon } from '@neondatabase/serverless'
import { Failure } from '../errors.ts'
import type { AccountStore } from '../issuer/accounts.ts'
import type { Attempt, IssuerStore, Person } from '../issuer/store.ts'
import { administered, homeOf, newcomers, placeOf } from './people.ts'

/** One row, by the names in the statement. */
type Row = Readonly<Record<string, unknown>>

/** A bytea of a hash in hex; NULL where there is none. */
const bytes = (parameter: string): string => `decode(${parameter}, 'hex')`
const attemptOf = ({ account, pair, address }: Attempt) => [account ?? null, pair ?? null, address ?? null]

/**
 * Opens the store.
 *
 * @param issuerDatabaseUrl URL of `rowpass_issuer`, with its password
 */
export function createIssuerStore(issuerDatabaseUrl: string): IssuerStore & AccountStore {
  const sql: NeonQueryFunction<false, false> = neon(issuerDatabaseUrl)
  const first: First = async (text, parameters) => {
    try {
      return (await sql.query(text, parameters))[0]
    } catch (error) {
      // The login that was refused is ours, not the caller's, and another try is refused too.
      if (!(error instanceof NeonDbError) || !error.code?.startsWith('28')) throw error
      throw new Failure('internal', { cause: error })
    }
  }
  return { ...sessions(first), ...accounts(first) }
}

type First = (text: string, parameters: unknown[]) => Promise<Row | undefined>

function sessions(first: First): IssuerStore {
  return {
    async findClient(clientId) {
      const row = await first(
        `select encode(secret_hash, 'hex') as secret_hash, grant_types, scopes, tenant_id, role from issuer.find_client($1)`,
        [clientId],
      )
      if (row === undefined) return undefined
      return {
        clientId,
        secretHash: textOf(row.secret_hash),
        grantTypes: row.grant_types as string[], // text[] not null
        scopes: row.scopes as string[], // text[] not null
        tenantId: textOf(row.tenant_id),
        role: textOf(row.role),
      }
    },
    async beginSignIn(email, attempt) {
      const row = await first(
        `select a.retry_after, c.password_hash, c.version, account.user_id, home.tenant_id, home.role
           from (select issuer.admit(${bytes('$1')}, ${bytes('$2')}, ${bytes('$3')}) as retry_after) as a
           left join lateral (select issuer.account_of($4) as user_id where a.retry_after = 0) as account on true
           left join lateral issuer.credential_of(account.user_id) as c on true
           left join lateral (${homeOf('account.user_id')}) as home on true`,
        [...attemptOf(attempt), email ?? null],
      )
      const person = toPerson(row)
      return {
        retryAfterSeconds: Number(row?.retry_after),
        ...(row?.password_hash != null && {
          credential: {
            userId: String(row.user_id),
            passwordHash: String(row.password_hash),
            version: Number(row.version),
          },
        }),
        ...(person && { person }),
      }
    },
    async openSession({ sid, credential, clientId, scope, refreshHash, attempt }, lifetimes) {
      const row = await first(
        `with home as materialized (${homeOf('$2::uuid')}),
              opened as materialized (
                select home.*, issuer.open_session($1, home.user_id, $3, $4, $5, ${bytes('$6')}, $7, $8, $9) as done from home
              ),
              forgiven as materialized (
                select issuer.forgive(${bytes('$10')}, ${bytes('$11')}, ${bytes('$12')}) from opened where done
              )
         select user_id, tenant_id, role from opened, forgiven where done`,
        [
          sid,
          credential.userId,
          credential.version,
          clientId,
          scope,
          refreshHash ?? null,
          lifetimes.idleSeconds,
          lifetimes.sessionSeconds,
          lifetimes.accessSeconds,
          ...attemptOf(attempt),
        ],
      )
      return toPerson(row)
    },
    async replaceHash({ userId, version }, passwordHash) {
      await first('select issuer.replace_hash($1, $2, $3)', [userId, version, passwordHash])
    },
    async findRefresh(hash) {
      const row = await first(
        `select r.sid, r.client_id, r.user_id, r.scope, r.used, floor(extract(epoch from r.expires_at))::float8 as expires_at,
                home.tenant_id, home.role
           from issuer.find_refresh(${bytes('$1')}) as r left join lateral (${homeOf('r.user_id')}) as home on true`,
        [hash],
      )
      if (row === undefined) return undefined
      return {
        sid: String(row.sid),
        clientId: String(row.client_id),
        userId: String(row.user_id),
        scope: String(row.scope),
        used: row.used === true,
        expiresAt: Number(row.expires_at),
        person: toPerson(row),
      }
    },
    async rotateRefresh(hash, clientId, newHash, { idleSeconds, accessSeconds }) {
      const row = await first(
        `select r.outcome, r.user_id, home.tenant_id, home.role
           from issuer.rotate_refresh(${bytes('$1')}, $2, ${bytes('$3')}, $4, $5) as r
           left join lateral (${homeOf('r.user_id')}) as home on true`,
        [hash, clientId, newHash, idleSeconds, accessSeconds],
      )
      if (row?.outcome === 'rotated') return { outcome: 'rotated', person: toPerson(row) }
      return { outcome: row?.outcome === 'reused' ? 'reused' : 'unknown' }
    },
    async findPerson(userId, tenantId) {
      if (!isUuid(userId)) return undefined
      return toPerson(await first(placeOf('$1::uuid', '$2::uuid'), [userId, tenantId]))
    },
    async extendSession({ sid, userId, clientId, tenantId }, { accessSeconds }) {
      if (!isUuid(sid)) return undefined
      const row = await first(
        `with place as materialized (${placeOf('$2::uuid', '$4::uuid')}),
              extended as materialized (
                select place.*, issuer.extend_session($1, place.user_id, $3, $5) as done from place
              )
         select user_id, tenant_id, role from extended where done`,
        [sid, userId, clientId, tenantId, accessSeconds],
      )
      return toPerson(row)
    },
    async extendService(clientId, { accessSeconds }) {
      const row = await first('select issuer.extend_service($1, $2) as sid', [clientId, accessSeconds])
      return textOf(row?.sid)
    },
    async findSession(sid) {
      if (!isUuid(sid)) return undefined
      const row = await first('select user_id, client_id from issuer.find_session($1)', [sid])
      return row && { userId: textOf(row.user_id), clientId: String(row.client_id) }
    },
    async endSession(sid) {
      await first('select issuer.end_session($1)', [sid])
    },
    async endService(clientId) {
      await first('select issuer.end_service($1)', [clientId])
    },
  }
}

function accounts(first: First): Omit<AccountStore, 'endSession'> {
  return {
    async admit(attempt) {
      const text = `select issuer.admit(${bytes('$1')}, ${bytes('$2')}, ${bytes('$3')}) as retry_after`
      return Number((await first(text, attemptOf(attempt)))?.retry_after)
    },
    async forgive(attempt) {
      await first(`select issuer.forgive(${bytes('$1')}, ${bytes('$2')}, ${bytes('$3')})`, attemptOf(attempt))
    },
    async inviteAddress(email, hash, newcomer) {
      const row = await first(
        `with account as materialized (
           select (select home.user_id from (${homeOf('issuer.account_of($2)')}) as home) as user_id
         )
         select user_id is not null as known,
                case when user_id is not null then issuer.invite(${bytes('$1')}, $2, user_id, null, null, $5)
                     when $3::text is not null then issuer.invite(${bytes('$1')}, $2, null, $3, $4, $5) end as kept
           from account`,
        [hash, email, newcomer?.name ?? null, newcomer?.tenantName ?? null, mailedSeconds],
      )
      if (row?.known === true) return 'reset'
      return newcomer === undefined ? undefined : 'sign-up'
    },
    async invitePerson(by, userId, hash) {
      const row = await first(
        `with person as materialized (${administered('$1::uuid', '$2::uuid', '$3::uuid')})
         select email, free, case when free then issuer.invite(${bytes('$4')}, email, user_id, null, null, $5) end
           from (select *, not exists (${homeOf('issuer.account_of(person.email)')} and u.id <> person.user_id) as free
                   from person) as invited`,
        [userId, by.tenantId, by.userId, hash, invitedSeconds],
      )
      return row && { email: String(row.email), kept: row.free === true }
    },
    async acceptInvite(hash, passwordHash) {
      const row = await first(
        `with invite as materialized (select * from issuer.take_invite(${bytes('$1')})),
              ${newcomers('$2::uuid', '$3::uuid')}
         select issuer.set_password(coalesce(user_id, $3::uuid), email, $4, null, null) as done from invite`,
        [hash, crypto.randomUUID(), crypto.randomUUID(), passwordHash],
      )
      return row?.done === true
    },
    async findCredential(userId) {
      const row = await first('select password_hash, version from issuer.credential_of($1)', [userId])
      return row && { userId, passwordHash: String(row.password_hash), version: Number(row.version) }
    },
    async changePassword({ userId, version }, passwordHash, keepSid) {
      const text = 'select issuer.set_password($1, null, $2, $3, $4) as done'
      return (await first(text, [userId, passwordHash, version, keepSid]))?.done === true
    },
    async endSessions(userId) {
      return Number((await first('select issuer.end_sessions($1, null) as ended', [userId]))?.ended)
    },
    async forgetPerson(userId) {
      await first(`select issuer.forget_person($1::uuid) where not exists (${homeOf('$1::uuid')})`, [userId])
    },
    async endSessionsOf(by, userId) {
      const row = await first(
        `with person as materialized (${administered('$1::uuid', '$2::uuid', '$3::uuid')})
         select issuer.end_sessions(user_id, null) as ended from person`,
        [userId, by.tenantId, by.userId],
      )
      return row && Number(row.ended)
    },
  }
}

/** How long a token out of a mail is good: one that somebody waits for, and an invite. */
const mailedSeconds = 60 * 60
const invitedSeconds = 7 * 24 * 60 * 60

/** Our key may have signed tokens elsewhere, whose subjects and sessions are other texts: they are none of this store's. */
function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)
}

function toPerson(row: Row | undefined): Person | undefined {
  if (row?.user_id == null || row.tenant_id == null) return undefined
  return { userId: String(row.user_id), tenantId: String(row.tenant_id), role: String(row.role) }
}

function textOf(value: unknown): string | undefined {
  return value == null ? undefined : String(value)
}
