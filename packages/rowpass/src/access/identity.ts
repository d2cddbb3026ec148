/**
 * Takes on an identity in a transaction, as a request would have it, on any database: to try what it may do.
 * Only for whoever could do everything anyway: it needs a connection of the owner or a superuser.
 */
import pg from 'pg'
import { Failure } from '../errors.ts'
import { findMissingMembership } from './membership.ts'
import { attempt, isProblem } from './trial.ts'

/** Who somebody is to the database. */
export interface Identity {
  /** The database role of the request. */
  readonly role: string
  /** The claims of the token; empty for nobody. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** How the claims of a request reach the policies of a database. */
export type ClaimsCarrier =
  /** Rowpass: all claims as one setting, under a seal. */
  | { readonly kind: 'sealed' }
  /** PostgREST, Supabase and pg_session_jwt: all claims as JSON in one setting, such as `request.jwt.claims`. */
  | { readonly kind: 'json'; readonly setting: string }
  /** PostGraphile and policies made by hand: one setting for each claim, `<prefix><claim>`, such as `jwt.claims.sub`. */
  | { readonly kind: 'each'; readonly prefix: string }

const sealedSeconds = 3_600

/**
 * Finds out how claims reach the policies of a database.
 *
 * Looks for the seal of Rowpass, then for the settings that policies and functions name in `current_setting('…')`: the
 * usual names first, else the prefix that most of them have. A name that is put together at run time is not found.
 *
 * @returns undefined when nothing reads any claim
 */
export async function detectCarrier(client: pg.ClientBase): Promise<ClaimsCarrier | undefined> {
  // By name in the catalogs: to_regprocedure fails for a login without USAGE of the schema.
  const sealed = await client.query(
    `select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'rowpass' and p.proname = 'session' and p.pronargs = 0`,
  )
  if (sealed.rowCount === 1) return { kind: 'sealed' }
  const { rows } = await client.query<{ setting: string; uses: number }>(settingsSql)
  const names = rows.map(({ setting }) => setting)
  const json = names.find((name) => /^request\.jwt\.claims$|\.jwt$|\.claims$/.test(name))
  if (json !== undefined) return { kind: 'json', setting: json }
  // PostgREST before version 9 and PostGraphile: request.jwt.claim.sub, jwt.claims.user_id.
  const [first] = names
  return first === undefined ? undefined : { kind: 'each', prefix: first.slice(0, first.lastIndexOf('.') + 1) }
}

/** Settings with a dot in the texts of policies and of functions that are not the system's; the most used first. */
const settingsSql = `
  with texts as (
    select concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) as text from pg_policy
    union all
    select coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
     where n.nspname not in ('pg_catalog', 'information_schema') and l.lanname in ('sql', 'plpgsql')
  )
  select found[1] as setting, count(*)::int as uses
    from texts, regexp_matches(text, 'current_setting\\(\\s*''([A-Za-z_][A-Za-z0-9_$]*(?:\\.[A-Za-z_][A-Za-z0-9_$]*)+)''', 'g') found
   group by 1 order by 2 desc, 1`

/**
 * Takes on an identity until the transaction ends, or until {@link stepBack}.
 *
 * The settings are made before the role, as the role may not be allowed to. An owner who made the role but may not
 * become it (PostgreSQL 16 and later) gets that right for this transaction.
 *
 * Does NOT begin or end the transaction; the caller rolls it back.
 *
 * @throws Failure `owner_powerless` when the connection may not become the role, or cannot read the seal keys
 */
export async function become(
  client: pg.ClientBase,
  identity: Identity,
  carrier: ClaimsCarrier | undefined,
): Promise<void> {
  await makeReady(client, identity, carrier)
  await client.query(`set local role ${pg.escapeIdentifier(identity.role)}`)
}

/**
 * Sets the claims of an identity and makes sure that `set local role` to it will be allowed, and stays the connection's
 * own role: for who changes between the two.
 *
 * @throws Failure as {@link become}
 */
export async function makeReady(
  client: pg.ClientBase,
  identity: Identity,
  carrier: ClaimsCarrier | undefined,
): Promise<void> {
  await setClaims(client, identity, carrier)
  await allowRole(client, identity.role)
}

/**
 * Sets the claims and stays the connection's own role: to run with them what the identity may not run.
 *
 * @throws Failure `owner_powerless` when the connection cannot read the seal keys
 */
export async function lendClaims(
  client: pg.ClientBase,
  { claims }: Identity,
  carrier: ClaimsCarrier | undefined,
): Promise<void> {
  // A seal names its role, and this is what `current_setting('role')` says where none was set.
  await setClaims(client, { role: 'none', claims }, carrier)
}

async function setClaims(client: pg.ClientBase, identity: Identity, carrier: ClaimsCarrier | undefined): Promise<void> {
  for (const [name, value] of await toSettings(client, identity, carrier)) {
    await client.query('select set_config($1, $2, true)', [name, value])
  }
}

/** Is the connection's own role again, with the claims still set; for a look at what the identity cannot see. */
export async function stepBack(client: pg.ClientBase): Promise<void> {
  await client.query('set local role none')
}

async function toSettings(
  client: pg.ClientBase,
  identity: Identity,
  carrier: ClaimsCarrier | undefined,
): Promise<[string, string][]> {
  switch (carrier?.kind) {
    case undefined:
      return []
    case 'json':
      return [[carrier.setting, JSON.stringify(identity.claims)]]
    case 'each':
      return Object.entries(identity.claims).map(([claim, value]) => [
        `${carrier.prefix}${claim}`,
        typeof value === 'string' ? value : JSON.stringify(value),
      ])
    case 'sealed':
      return seal(client, identity)
  }
}

/** The seal is made of the pads, which the owner can read: no key leaves the database. */
async function seal(client: pg.ClientBase, { role, claims }: Identity): Promise<[string, string][]> {
  if (Object.keys(claims).length === 0) return []
  const text = JSON.stringify(claims)
  try {
    const { rows } = await client.query<{ seal: string }>(
      `with key as (
         select *, format(':%s:%s::', name, (extract(epoch from now()) + ${sealedSeconds})::bigint) as header
           from rowpass.seal_keys order by created_at desc, name limit 1
       )
       select format('x%s;%s', encode(sha256(outer_pad || sha256(
                inner_pad || convert_to($1 || ':' || header || $2, 'UTF8'))), 'hex'), header) as seal from key`,
      [role, text],
    )
    const [row] = rows
    if (row === undefined) throw new Failure('seal_key_unknown', { detail: 'the database has none' })
    return [
      ['rowpass.claims', text],
      ['rowpass.seal', row.seal],
    ]
  } catch (error) {
    throw asPowerless(error, 'read rowpass.seal_keys')
  }
}

async function allowRole(client: pg.ClientBase, role: string): Promise<void> {
  const name = pg.escapeIdentifier(role)
  const able = await canBecome(client, role)
  if (able === undefined) throw new Failure('input_invalid', { detail: `there is no database role ${name}` })
  if (able) return
  const refused = await attempt(client, () => client.query(`grant ${name} to current_user`), { keep: true })
  if (isProblem(refused)) throw await powerless(client, role)
}

/** Says which grant is missing, who may give it, and which logins need none. */
async function powerless(client: pg.ClientBase, role: string): Promise<Failure> {
  const { rows } = await client.query<{ member: string }>('select current_user as member')
  const member = rows[0]?.member ?? ''
  const { grant, by, logins } = await findMissingMembership(client, member, role)
  const others =
    logins.length > 0
      ? ` Or connect as a login that may, such as ${logins[0]} (--database-url): what policies hide from it is then not counted.`
      : ''
  const detail = `${member} may not become the role ${role} (SET ROLE). Have this run by ${by}: ${grant}${others}`
  return new Failure('owner_powerless', { detail })
}

/** Whether the connection's role may SET ROLE to this one; undefined where there is none of that name. */
export async function canBecome(client: pg.ClientBase, role: string): Promise<boolean | undefined> {
  const { rows } = await client.query<{ able: boolean | null }>(
    `select pg_has_role(current_user, to_regrole($1), case when current_setting('server_version_num')::int < 160000
            then 'MEMBER' else 'SET' end) as able`,
    [pg.escapeIdentifier(role)],
  )
  return rows[0]?.able ?? undefined
}

function asPowerless(error: unknown, what: string): unknown {
  return error instanceof pg.DatabaseError && error.code === '42501'
    ? new Failure('owner_powerless', { detail: `${what}: ${error.message}`, cause: error })
    : error
}
