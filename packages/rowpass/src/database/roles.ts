/**
 * The roles of Rowpass in a cluster: `authenticated` and `anonymous`, which own the rights of requests, the login of the
 * gateway, which has none but to become one of them, and the login of our own issuer, which may call its functions.
 *
 * Roles belong to the whole cluster, so another database may have made them, even at this moment.
 */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Failure } from '../errors.ts'
import { serverOf, sqlstateOf, withConnection } from './connect.ts'
import { scramVerifier } from './scram.ts'

/** Roles under which requests run. */
export const requestRoles = ['authenticated', 'anonymous'] as const

/**
 * Login of the issuer. Its name is fixed, because the platform SQL and the policies of the application name it; without
 * a password it cannot log in.
 */
export const issuerRole = 'rowpass_issuer'

/** How the gateway or the issuer logs in. */
export interface Login {
  /** URL with user and password of the login. */
  readonly url: URL
  /** Whether an existing login with another password gets this one. */
  readonly replacePassword: boolean
}

/** PostgreSQL 16 gave memberships options of their own, and CREATEROLE its limits. */
const firstWithMembershipOptions = 160000
const attempts = 20

/** The logins to make. */
export interface Logins {
  readonly gateway?: Login | undefined
  readonly issuer?: Login | undefined
}

/**
 * Creates what is missing and then checks that neither the request roles nor the logins have any power of their own.
 *
 * Idempotent: a second run writes nothing. Passwords go to the server as SCRAM verifiers; to Neon's in plain.
 *
 * @param client connected as the owner: a superuser, or a role with CREATEROLE
 * @param logins made or checked when they are given
 * @param withIssuer whether the issuer's role is there also without its login; it cannot log in then
 * @throws Failure `owner_powerless` when the owner may not create or grant them
 * @throws Failure `role_unsafe` when a role exists and has more rights than it must have; nothing is taken away
 * @throws Failure `login_exists` when the login exists with another password that is not to be replaced
 */
export async function createRoles(
  client: pg.ClientBase,
  logins: Logins = {},
  withIssuer = logins.issuer !== undefined,
): Promise<void> {
  await retryOnRace(async () => {
    for (const role of requestRoles) await createRole(client, role, 'nologin')
    if (withIssuer) await createRole(client, issuerRole, 'nologin noinherit')
  })
  for (const role of requestRoles) refuseUnsafe(role, await findPowers(client, role))
  if (withIssuer) await createIssuer(client, logins.issuer)
  if (logins.gateway !== undefined) await createGateway(client, logins.gateway)
}

async function createIssuer(client: pg.ClientBase, login: Login | undefined): Promise<void> {
  if (login !== undefined) {
    if (credentialsOf(login.url).name !== issuerRole) {
      throw new Failure('config_invalid', { detail: `the issuer logs in as ${issuerRole}` })
    }
    // A role that could not log in so far has no password that somebody might still use.
    const fresh = !(await hasLogin(client, issuerRole))
    await retryOnRace(() => createLogin(client, { ...login, replacePassword: login.replacePassword || fresh }))
  }
  refuseUnsafe(issuerRole, await findPowers(client, issuerRole))
  refuseUnsafe(issuerRole, await findBonds(client, issuerRole, []))
}

async function createGateway(client: pg.ClientBase, login: Login): Promise<void> {
  const { name } = credentialsOf(login.url)
  await refuseOwner(client, name)
  await retryOnRace(() => createLogin(client, login))
  await retryOnRace(() => grantRequestRoles(client, name))
  refuseUnsafe(name, await findPowers(client, name))
  refuseUnsafe(name, await findBonds(client, name, requestRoles))
  refuseUnsafe(name, await findRights(client, name))
}

function credentialsOf(url: URL): { name: string; password: string } {
  const name = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  if (name === '' || password === '') {
    throw new Failure('config_invalid', { detail: 'the URL of a login needs a user and a password' })
  }
  return { name, password }
}

async function refuseOwner(client: pg.ClientBase, name: string): Promise<void> {
  const { rowCount } = await client.query('select where current_user = $1 or session_user = $1', [name])
  if (rowCount !== 0) {
    throw new Failure('config_invalid', { detail: `the gateway must not log in as the owner, "${name}"` })
  }
}

async function createRole(client: pg.ClientBase, name: string, rights: string): Promise<void> {
  if (await roleExists(client, name)) return
  await asOwner(client, `create role ${quote(name)} ${rights}`, `create the role ${name}`)
}

async function createLogin(client: pg.ClientBase, login: Login): Promise<void> {
  const { name, password } = credentialsOf(login.url)
  if (!(await roleExists(client, name))) {
    const rights = 'login noinherit nosuperuser nobypassrls nocreatedb nocreaterole noreplication'
    const sql = `create role ${quote(name)} ${rights} password ${await secretFor(client, password)}`
    return asOwner(client, sql, `create the role ${name}`)
  }
  // Before a password is set: a role of that name may be somebody else's.
  refuseUnsafe(name, await findPowers(client, name))
  if (await canLogIn(login.url)) return
  if (!login.replacePassword) throw new Failure('login_exists', { detail: `${name} on ${serverOf(login.url.href)}` })
  const sql = `alter role ${quote(name)} login noinherit password ${await secretFor(client, password)}`
  await asOwner(client, sql, `change the password of ${name}`)
}

/**
 * A verifier, so that the server never reads the password. Neon hands the passwords of roles on to a service of its own,
 * which takes them in plain only.
 */
async function secretFor(client: pg.ClientBase, password: string): Promise<string> {
  const { rows } = await client.query<{ plain: boolean }>(
    `select current_setting('neon.forward_ddl', true) is not null as plain`,
  )
  return rows[0]?.plain === true ? pg.escapeLiteral(password) : `'${scramVerifier(password)}'`
}

async function canLogIn(url: URL): Promise<boolean> {
  try {
    return await withConnection(url.href, async () => true)
  } catch (error) {
    // Anything but a refused login (class 28) says nothing of the password: the server is full, or cannot be reached.
    if (error instanceof Failure && sqlstateOf(error.cause)?.startsWith('28') === true) return false
    throw error
  }
}

async function grantRequestRoles(client: pg.ClientBase, login: string): Promise<void> {
  const modern = (await serverVersion(client)) >= firstWithMembershipOptions
  // The cast lets one text run on servers without these columns: to_jsonb has the members that exist.
  const { rows } = await client.query<{ role: string }>(
    `select m.roleid::regrole::text as role from pg_auth_members m
      where m.member = $1::text::regrole
        and (not $2 or (to_jsonb(m)->>'set_option')::boolean and not (to_jsonb(m)->>'inherit_option')::boolean)`,
    [quote(login), modern],
  )
  const missing = requestRoles.filter((role) => !rows.some((row) => row.role === role))
  if (missing.length === 0) return
  const options = modern ? ' with inherit false, set true' : ''
  await asOwner(client, `grant ${missing.join(', ')} to ${quote(login)}${options}`, `grant ${missing.join(', ')}`)
}

/** Attributes of the role itself and of every role that it could become. */
export async function findPowers(client: pg.ClientBase, name: string): Promise<string[]> {
  const { rows } = await client.query<{ power: string }>(
    `with reachable as (
       select r.*, r.rolname = $1 as itself from pg_roles r where pg_has_role($1, r.oid, 'MEMBER')
     )
     select case when itself then '' else 'through ' || rolname || ' ' end || power as power
       from reachable, lateral (values
         ('is a superuser', rolsuper), ('has BYPASSRLS', rolbypassrls), ('has CREATEROLE', rolcreaterole),
         ('has CREATEDB', rolcreatedb), ('has REPLICATION', rolreplication),
         ('may log in', rolcanlogin and itself and rolname = any($2)),
         ('has the rights of a predefined role', starts_with(rolname, 'pg_')),
         ('has the rights of the owner', rolname = current_user and not itself)
       ) as powers(power, held)
      where held order by itself desc, rolname, power limit 5`,
    [name, requestRoles],
  )
  return rows.map(({ power }) => power)
}

/** Memberships but the ones that it is to have, and anything that it owns, in this database or another. */
export async function findBonds(client: pg.ClientBase, name: string, roles: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ power: string }>(
    `select 'is a member of ' || m.roleid::regrole as power from pg_auth_members m
      where m.member = $1::text::regrole and m.roleid <> all ($2::regrole[])
     union all
     select 'may grant ' || m.roleid::regrole from pg_auth_members m
      where m.member = $1::text::regrole and m.admin_option
     union all
     select 'inherits rights' from pg_roles where oid = $1::text::regrole and rolinherit
     union all
     select 'owns ' || pg_describe_object(d.classid, d.objid, d.objsubid) from pg_shdepend d
      where d.refclassid = 'pg_authid'::regclass and d.refobjid = $1::text::regrole and d.deptype = 'o'
        and d.dbid in (0, (select oid from pg_database where datname = current_database()))
     union all
     select 'owns something in the database ' || b.datname from pg_shdepend d join pg_database b on b.oid = d.dbid
      where d.refclassid = 'pg_authid'::regclass and d.refobjid = $1::text::regrole and d.deptype = 'o'
        and b.datname <> current_database()
     limit 5`,
    [quote(name), roles],
  )
  return rows.map(({ power }) => power)
}

export async function findRights(client: pg.ClientBase, name: string): Promise<string[]> {
  const { rows } = await client.query<{ power: string }>(
    `-- But for the functions that the gateway itself calls, once 'db harden --functions' has taken them from PUBLIC.
     select 'has rights on ' || pg_describe_object(d.classid, d.objid, d.objsubid) as power from pg_shdepend d
      where d.refclassid = 'pg_authid'::regclass and d.refobjid = $1::text::regrole and d.deptype = 'a'
        and d.dbid = (select oid from pg_database where datname = current_database())
        and not (d.classid = 'pg_proc'::regclass
          and d.objid in ('pg_catalog.set_config'::regproc, 'pg_catalog.pg_advisory_unlock_all'::regproc))
     limit 5`,
    [quote(name)],
  )
  return rows.map(({ power }) => power)
}

function refuseUnsafe(name: string, powers: readonly string[]): void {
  if (powers.length === 0) return
  const detail = `${name} ${[...new Set(powers)].join(', ')}. Take that away, or choose another name for the login`
  throw new Failure('role_unsafe', { detail })
}

async function roleExists(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name])
  return rowCount === 1
}

async function hasLogin(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1 and rolcanlogin', [name])
  return rowCount === 1
}

async function serverVersion(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version_num') as version")
  return Number(rows[0]?.version)
}

async function asOwner(client: pg.ClientBase, sql: string, what: string): Promise<void> {
  try {
    await client.query(sql)
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error
    const detail = `${what}: it needs CREATEROLE and, from PostgreSQL 16 on, to have made the roles itself`
    throw new Failure('owner_powerless', { detail, cause: error })
  }
}

/** Another database of the cluster may make the same role in the same instant; advisory locks do not reach that far. */
async function retryOnRace(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const raced =
        ['42710', '23505'].includes(sqlstateOf(error) ?? '') ||
        (error instanceof pg.DatabaseError && error.message.startsWith('tuple concurrently'))
      if (!raced || attempt === attempts) throw error
      await delay(5 * attempt)
    }
  }
}

function quote(name: string): string {
  return pg.escapeIdentifier(name)
}
