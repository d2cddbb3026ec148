/**
 * Whether a database is prepared for this gateway: what `rowpass db migrate` brings, the seal key, the roles of tokens.
 */
import pg from 'pg'
import type { Preparation } from '../events.ts'
import { connectServer } from '../postgres/servers.ts'
import { compareContracts } from '../seal/contract.ts'
import { type SealKey, sealSession } from '../seal/seal.ts'

/** What a gateway expects of its database. */
export interface Expected {
  /** The key that it seals with. */
  readonly sealKey: SealKey
  /** Every database role that a token may get. */
  readonly roles: readonly string[]
}

/** What is missing, in the order in which to mend it; nothing when all is there. */
export interface Lack {
  readonly missing: readonly Preparation[]
  /** Roles that do not exist, or that the login is no member of. */
  readonly roles: readonly string[]
}

/** What one look at a database has found. */
export interface Preparedness extends Lack {
  /**
   * By how many whole seconds the server's clock is ahead of the gateway's, negative where it is behind; 0 where the time of
   * the answer's way explains the difference.
   */
  readonly clockAheadSeconds: number
}

const factsSql = `select
  extract(epoch from clock_timestamp())::float8 as "serverSeconds",
  exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'rowpass' and p.proname = 'gateway_contracts') as platform,
  array(select name from unnest($1::text[]) name
         where not exists (select from pg_roles r
                            where r.rolname = name and pg_has_role(session_user, r.oid, 'MEMBER'))
         order by name) as lacking`

interface Facts {
  readonly serverSeconds: number
  readonly platform: boolean
  readonly lacking: string[]
}

/** A seal of an unknown key or a wrong one, and one that this version of the platform cannot read. */
const sealRefusals: ReadonlySet<string | undefined> = new Set(['28000', '22P02'])
/** Nothing is known of the seal then: no resources, a time limit, a server that goes away, an error of its system. */
const interrupted = /^5[378]/
const probeSeconds = 60
/** Clocks that are set by a time server differ by less. */
export const toldClockSeconds = 5

/**
 * Looks what is missing.
 *
 * Does NOT look at grants and policies; that is what `rowpass doctor` is for. A seal that could not be tried, as no role
 * may call `auth.session()`, is not reported.
 *
 * @param client the gateway's login, outside of a transaction
 * @throws the error of node-postgres when the server cannot be reached or refuses to say
 */
export async function findLack(client: pg.ClientBase, { sealKey, roles }: Expected): Promise<Preparedness> {
  const askedAt = Date.now()
  const { rows } = await client.query<Facts>(factsSql, [roles])
  const answeredAt = Date.now()
  const { serverSeconds = answeredAt / 1000, platform = false, lacking = [] } = rows[0] ?? {}
  const contract = compareContracts(platform ? await readContracts(client) : undefined)
  const role = roles.find((name) => !lacking.includes(name))
  const missing: Preparation[] = []
  if (contract === 'database_older') missing.push('platform')
  else if (contract === 'gateway_older') missing.push('gateway')
  else if (role !== undefined && !(await acceptsSeal(client, sealKey, role, serverSeconds))) missing.push('seal_key')
  if (lacking.length > 0) missing.push('roles')
  return { missing, roles: lacking, clockAheadSeconds: clockAhead(serverSeconds, askedAt, answeredAt) }
}

/**
 * By how many whole seconds a server's clock is ahead, negative where it is behind; 0 where the time of the answer's way
 * explains the difference.
 *
 * @param serverSeconds what the server said, in seconds since the epoch
 * @param askedAt, answeredAt by the clock of this process, in milliseconds
 */
export function clockAhead(serverSeconds: number, askedAt: number, answeredAt: number): number {
  const [earliest, latest] = [serverSeconds - answeredAt / 1000, serverSeconds - askedAt / 1000]
  // `+ 0`: no minus zero, which is not equal to zero everywhere.
  return Math.trunc(earliest > 0 ? earliest : Math.min(latest, 0)) + 0
}

async function readContracts(client: pg.ClientBase): Promise<readonly number[] | undefined> {
  const { rows } = await client.query<{ contracts: number[] }>('select rowpass.gateway_contracts() as contracts')
  return rows[0]?.contracts
}

/**
 * Looks what is missing over a connection of its own, as a gateway does before it takes another key or other roles.
 * @throws the error of node-postgres when the server cannot be reached, does not answer in time, or refuses to say
 */
export async function askForLack(server: URL, timeoutMs: number, expected: Expected): Promise<Preparedness> {
  const settings = { connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs, application_name: 'rowpass reload' }
  const client = await connectServer(server, settings)
  try {
    return await findLack(client, expected)
  } finally {
    await client.end()
  }
}

/**
 * Seals an identity without a subject, and asks who it is: the way of every request. It expires by the server's clock, so
 * that a clock that differs is not taken for another key.
 */
async function acceptsSeal(client: pg.ClientBase, key: SealKey, role: string, serverSeconds: number): Promise<boolean> {
  const exp = Math.floor(serverSeconds) + probeSeconds
  const { claims, seal } = sealSession(key, { role, exp, claimsJson: JSON.stringify({ exp }) })
  await client.query('start transaction read only')
  try {
    await client.query(
      `select set_config('role', $1, true), set_config('rowpass.claims', $2, true), set_config('rowpass.seal', $3, true)`,
      [role, claims, seal],
    )
    await client.query('select auth.session()')
    return true
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || interrupted.test(error.code ?? '')) throw error
    return !sealRefusals.has(error.code)
  } finally {
    await client.query('rollback')
  }
}
