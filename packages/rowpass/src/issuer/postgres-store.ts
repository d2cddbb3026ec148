/**
 * The issuer's store in PostgreSQL: functions of schema `issuer`, called as `rowpass_issuer`, with the people of the
 * application looked up in its own tables. Each method is one statement, so it is one transaction.
 */
import type { AccountStore } from './accounts.ts'
import { nobody, noNewcomer, type People, placeOf } from './people.ts'
import type { SqlDatabase, SqlRow } from './sql-database.ts'
import type { Attempt, IssuerStore, Person } from './store.ts'

/** What the store is made of. */
export interface PostgresStoreOptions {
  /** Where people live in the tables of the application. */
  readonly people: People
}

/** A bytea of a hash in hex; NULL where there is none. */
const bytes = (parameter: string): string => `decode(${parameter}, 'hex')`
const attemptOf = ({ account, pair, address }: Attempt) => [account ?? null, pair ?? null, address ?? null]

/**
 * Makes the store of `createIssuer` and of `createAccounts`.
 *
 * A token out of a message is good for an hour, that of an invite for a week. Does NOT reach the database before a method
 * is called, and passes on what the driver rejects with.
 *
 * @example
 * const { ISSUER_DATABASE_URL = '' } = process.env
 * const store = createPostgresStore(neon(ISSUER_DATABASE_URL), {
 *   people: { home: (userId) => `select id as user_id, tenant_id, role from users where id = ${userId}` },
 * })
 */
export function createPostgresStore(db: SqlDatabase, { people }: PostgresStoreOptions): IssuerStore & AccountStore {
  const first: First = async (text, parameters) => (await db.query(text, parameters))[0]
  return { ...sessions(first, people), ...accounts(first, people) }
}

type First = (text: string, parameters: unknown[]) => Promise<SqlRow | undefined>

function sessions(first: First, people: People): IssuerStore {
  const { home } = people
  const place = placeOf(people)
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
        `select issuer_attempt.retry_after, c.password_hash, c.version, issuer_account.user_id as account_id, home.*
           from (select issuer.admit(${bytes('$1')}, ${bytes('$2')}, ${bytes('$3')}) as retry_after) as issuer_attempt
           left join lateral (
             select issuer.account_of($4) as user_id where issuer_attempt.retry_after = 0
           ) as issuer_account on true
           left join lateral issuer.credential_of(issuer_account.user_id) as c on true
           left join lateral (${home('issuer_account.user_id')}) as home on true`,
        [...attemptOf(attempt), email ?? null],
      )
      const person = toPerson(row)
      return {
        retryAfterSeconds: Number(row?.retry_after),
        ...(row?.password_hash != null && {
          credential: {
            userId: String(row.account_id),
            passwordHash: String(row.password_hash),
            version: Number(row.version),
          },
        }),
        ...(person && { person }),
      }
    },
    async openSession({ sid, credential, clientId, scope, refreshHash, attempt }, lifetimes) {
      const row = await first(
        `with issuer_home as materialized (${home('$2::uuid')}),
              issuer_opened as materialized (
                select h.*, issuer.open_session($1, h.user_id, $3, $4, $5, ${bytes('$6')}, $7, $8, $9) as done
                  from issuer_home h
              ),
              issuer_forgiven as materialized (
                select issuer.forgive(${bytes('$10')}, ${bytes('$11')}, ${bytes('$12')}) from issuer_opened where done
              )
         select user_id, tenant_id, role from issuer_opened, issuer_forgiven where done`,
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
        `select issuer_session.sid, issuer_session.client_id, issuer_session.user_id as owner_id, issuer_session.scope,
                issuer_session.used, floor(extract(epoch from issuer_session.expires_at))::float8 as expires_at, home.*
           from issuer.find_refresh(${bytes('$1')}) as issuer_session
           left join lateral (${home('issuer_session.user_id')}) as home on true`,
        [hash],
      )
      if (row === undefined) return undefined
      return {
        sid: String(row.sid),
        clientId: String(row.client_id),
        userId: String(row.owner_id),
        scope: String(row.scope),
        used: row.used === true,
        expiresAt: Number(row.expires_at),
        person: toPerson(row),
      }
    },
    async rotateRefresh(hash, clientId, newHash, { idleSeconds, accessSeconds }) {
      const row = await first(
        `select issuer_rotation.outcome, home.*
           from issuer.rotate_refresh(${bytes('$1')}, $2, ${bytes('$3')}, $4, $5) as issuer_rotation
           left join lateral (${home('issuer_rotation.user_id')}) as home on true`,
        [hash, clientId, newHash, idleSeconds, accessSeconds],
      )
      if (row?.outcome === 'rotated') return { outcome: 'rotated', person: toPerson(row) }
      return { outcome: row?.outcome === 'reused' ? 'reused' : 'unknown' }
    },
    async findPerson(userId, tenantId) {
      if (!isUuid(userId)) return undefined
      return toPerson(await first(place('$1::uuid', '$2::uuid'), [userId, tenantId]))
    },
    async extendSession({ sid, userId, clientId, tenantId }, { accessSeconds }) {
      if (!isUuid(sid)) return undefined
      const row = await first(
        `with issuer_place as materialized (${place('$2::uuid', '$4::uuid')}),
              issuer_extended as materialized (
                select p.*, issuer.extend_session($1, p.user_id, $3, $5) as done from issuer_place p
              )
         select user_id, tenant_id, role from issuer_extended where done`,
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

function accounts(first: First, people: People): Omit<AccountStore, 'endSession'> {
  const { home, administered = nobody, newcomer = noNewcomer } = people
  return {
    async admit(attempt) {
      const text = `select issuer.admit(${bytes('$1')}, ${bytes('$2')}, ${bytes('$3')}) as retry_after`
      return Number((await first(text, attemptOf(attempt)))?.retry_after)
    },
    async forgive(attempt) {
      await first(`select issuer.forgive(${bytes('$1')}, ${bytes('$2')}, ${bytes('$3')})`, attemptOf(attempt))
    },
    async inviteAddress(email, hash, asked) {
      const made = people.newcomer === undefined ? undefined : asked
      const row = await first(
        `with issuer_account as materialized (
           select (select home.user_id from (${home('issuer.account_of($2)')}) as home) as user_id
         )
         select user_id is not null as known,
                case when user_id is not null then issuer.invite(${bytes('$1')}, $2, user_id, null, null, $5)
                     when $3::text is not null then issuer.invite(${bytes('$1')}, $2, null, $3, $4, $5) end as kept
           from issuer_account`,
        [hash, email, made?.name ?? null, made?.tenantName ?? null, mailedSeconds],
      )
      if (row?.known === true) return 'reset'
      return made === undefined ? undefined : 'sign-up'
    },
    async invitePerson(by, userId, hash) {
      const row = await first(
        `with issuer_person as materialized (${administered('$1::uuid', '$2::uuid', '$3::uuid')})
         select email, free, case when free then issuer.invite(${bytes('$4')}, email, user_id, null, null, $5) end
           from (select user_id, email, not exists (
                          select from (${home('issuer.account_of(issuer_person.email)')}) as other
                           where other.user_id <> issuer_person.user_id
                        ) as free
                   from issuer_person) as invited`,
        [userId, by.tenantId, by.userId, hash, invitedSeconds],
      )
      return row && { email: String(row.email), kept: row.free === true }
    },
    async acceptInvite(hash, passwordHash) {
      const row = await first(
        `with issuer_invite as materialized (select * from issuer.take_invite(${bytes('$1')})),
              sign_up as materialized (select email, name, tenant_name from issuer_invite where user_id is null),
              ${newcomer}
         select issuer.set_password(coalesce(i.user_id, n.user_id), i.email, $2, null, null) as done
           from issuer_invite i left join newcomer n on i.user_id is null
          where coalesce(i.user_id, n.user_id) is not null`,
        [hash, passwordHash],
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
      await first(`select issuer.forget_person($1::uuid) where not exists (${home('$1::uuid')})`, [userId])
    },
    async endSessionsOf(by, userId) {
      const row = await first(
        `with issuer_person as materialized (${administered('$1::uuid', '$2::uuid', '$3::uuid')})
         select issuer.end_sessions(user_id, null) as ended from issuer_person`,
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

function toPerson(row: SqlRow | undefined): Person | undefined {
  if (row?.user_id == null) return undefined
  return { userId: String(row.user_id), tenantId: textOf(row.tenant_id), role: textOf(row.role) }
}

function textOf(value: unknown): string | undefined {
  return value == null ? undefined : String(value)
}
