/**
 * What `rowpass status` finds: a database of Rowpass as it is, and what is to be done about it. Changes nothing.
 */
import type pg from 'pg'
import { serverOf, sqlstateOf, withConnection } from '../database/connect.ts'
import { judgeLimit } from '../database/exposure.ts'
import { readAvailable, readSessions, type SeenSessions } from '../database/gateways.ts'
import { type HardenStep, hardenDatabase } from '../database/harden.ts'
import { limitOf } from '../database/harden-changes.ts'
import { compareInstalled, type InstalledSql } from '../database/platform.ts'
import { type RoleStatus, readRoles } from '../database/role-status.ts'
import { clockAhead, toldClockSeconds } from '../gateway/preparation.ts'
import { type KeyReport, reportKeys } from '../issuer/ring/steps.ts'
import { type Contract, compareContracts } from '../seal/contract.ts'
import { compareSealKeys, type SealKeyStatus } from '../seal/keys.ts'
import { openDatabaseRing } from './key-ring.ts'
import { type OpenDatabase, readSealKeys } from './project-database.ts'

/** What keeps requests from being served, or waits to be done. Codes are public: they are in JSON output. */
export interface Problem {
  readonly code:
    | 'not_installed'
    | 'sql_pending'
    | 'sql_newer'
    | 'role_missing'
    | 'role_unsafe'
    | 'seal_key_missing'
    | 'seal_key_differs'
    | 'signing_key_missing'
    | 'connection_limit'
    | 'clock_differs'
    | 'left_open'
  readonly says: string
  /** What to do. */
  readonly remedy: string
}

/** A database as it is; a part that this login may not see is null, and `unseen` says why. */
export interface DatabaseStatus {
  /** Host, port and name. */
  readonly database: string
  /** Of PostgreSQL. */
  readonly server: string
  readonly clockAheadSeconds: number
  readonly sql: InstalledSql | null
  /** Whether gateways of this version can work with the installed SQL; null where none is installed. */
  readonly serves: Contract | null
  readonly roles: readonly RoleStatus[]
  readonly sealKeys: readonly SealKeyStatus[] | null
  /** Of our own issuer; null where it is not installed. */
  readonly signingKeys: readonly KeyReport[] | null
  readonly connections: {
    readonly login: string
    /** -1 for none; null where there is no such login. */
    readonly limit: number | null
    /** By ROWPASS_GATEWAYS and ROWPASS_POOL_SIZE. */
    readonly needed: number
    /** What logins without privileges share. */
    readonly available: number
  }
  readonly sessions: SeenSessions | null
  /** The steps of hardening that are not closed. */
  readonly open: readonly HardenStep[]
  readonly problems: readonly Problem[]
  /** What could not be looked at, and why: one line each. */
  readonly unseen: readonly string[]
}

type Facts = Omit<DatabaseStatus, 'problems'>

/** What to look at. */
export interface StatusOptions {
  /** Whether the seal keys of `database` are those that gateways have; else they are listed, and not compared. Default `true` */
  readonly compareKeys?: boolean
  /** Whether what `rowpass db harden` would close is a problem. Default `false` */
  readonly strict?: boolean
}

/**
 * Looks at a database with the login that would migrate it: its owner without other rights sees all but what `unseen` names.
 *
 * @throws Failure `database_unavailable`, `config_invalid`
 */
export async function readStatus(database: OpenDatabase, options: StatusOptions = {}): Promise<DatabaseStatus> {
  const url = database.superuserUrl ?? database.ownerUrl
  const unseen: string[] = []
  const facts = await withConnection(url, (client) => readFacts(client, database, unseen))
  const { compareKeys = true, strict = false } = options
  const status = compareKeys ? facts : { ...facts, sealKeys: facts.sealKeys && withoutComparison(facts.sealKeys) }
  return { ...status, problems: [...findProblems(status), ...(strict ? toProblems(facts.open) : [])] }
}

async function readFacts(client: pg.ClientBase, database: OpenDatabase, unseen: string[]): Promise<Facts> {
  const { login, connections: needed } = database.gateways
  /** A part that needs a right; null without it. */
  const see = async <T>(what: string, read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read()
    } catch (error) {
      if (sqlstateOf(error) !== '42501') throw error
      unseen.push(`${what}: ${(error as Error).message}`)
      return null
    }
  }
  const clock = await readClock(client)
  const sql = await see('what is installed', () => compareInstalled(client))
  const installed = sql !== null && (await hasPlatform(client))
  const roles = await readRoles(client, { login, withIssuer: sql?.withIssuer === true })
  const keys = readSealKeys(database.sealKeys)
  const sealKeys = installed ? await see('seal keys', () => compareSealKeys(client, keys)) : null
  const sessions = await see('sessions of gateways', () => readSessions(client, login))
  if (sessions?.gateways.some(({ since }) => since === null) === true) {
    unseen.push('since when gateways are connected: it needs the rights of their login, or of pg_read_all_stats')
  }
  return {
    ...clock,
    database: serverOf(database.ownerUrl),
    sql,
    serves: installed ? compareContracts(await readContracts(client)) : null,
    roles,
    sealKeys,
    signingKeys: sql?.withIssuer === true ? await see('signing keys', () => readSigningKeys(database)) : null,
    connections: {
      login,
      limit: (await limitOf(client, login)) ?? null,
      needed,
      available: await readAvailable(client),
    },
    sessions,
    open: installed ? ((await see('what is left open', () => readOpen(database))) ?? []) : [],
    unseen,
  }
}

async function readClock(client: pg.ClientBase): Promise<{ server: string; clockAheadSeconds: number }> {
  const askedAt = Date.now()
  const { rows } = await client.query<{ server: string; seconds: number }>(
    `select current_setting('server_version') as server, extract(epoch from clock_timestamp())::float8 as seconds`,
  )
  const { server = '', seconds = askedAt / 1000 } = rows[0] ?? {}
  return { server, clockAheadSeconds: clockAhead(seconds, askedAt, Date.now()) }
}

async function hasPlatform(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('rowpass.seal_keys') is not null and to_regclass('rowpass.hardening') is not null
              and to_regprocedure('rowpass.gateway_contracts()') is not null as found`,
  )
  return rows[0]?.found === true
}

async function readContracts(client: pg.ClientBase): Promise<readonly number[]> {
  const { rows } = await client.query<{ contracts: number[] }>('select rowpass.gateway_contracts() as contracts')
  return rows[0]?.contracts ?? []
}

async function readSigningKeys(database: OpenDatabase): Promise<KeyReport[]> {
  return reportKeys(await (await openDatabaseRing(database)).read())
}

async function readOpen({ superuserUrl, ownerUrl, gateways }: OpenDatabase): Promise<HardenStep[]> {
  const steps = await hardenDatabase({ url: superuserUrl ?? ownerUrl, ...gateways, dryRun: true })
  return steps.filter(({ state }) => state !== 'closed')
}

function withoutComparison(keys: readonly SealKeyStatus[]): SealKeyStatus[] {
  return keys.flatMap((key) => (key.since === null ? [] : [{ ...key, state: 'database_only', seals: false } as const]))
}

const migrate = 'npx rowpass db migrate, with --platform where it was made with it'

function findProblems(facts: Facts): Problem[] {
  return [
    ...findInstalled(facts),
    ...facts.roles.flatMap((role) => findRole(role)),
    ...(facts.sealKeys ?? []).flatMap((key) => findSealKey(key)),
    ...findSigning(facts),
    ...findLimit(facts),
    ...findClock(facts),
  ]
}

function findInstalled({ sql, serves }: Facts): Problem[] {
  if (sql === null) return []
  const { revision = 0, ours, pending } = sql
  if (revision > ours) {
    const than =
      serves === 'gateway_older' ? 'and gateways of this version are not served' : 'and serves this version too'
    const says = `the database is at revision ${revision}, this version at ${ours}, ${than}`
    return [
      { code: 'sql_newer', says, remedy: 'the version that has run "rowpass db migrate" here last, or a later one' },
    ]
  }
  if (serves === null) return [{ code: 'not_installed', says: 'Rowpass is not installed here', remedy: migrate }]
  if (pending.length === 0) return []
  return [{ code: 'sql_pending', says: `to be applied: ${pending.join(', ')}`, remedy: migrate }]
}

function findRole({ name, exists, faults }: RoleStatus): Problem[] {
  if (!exists) return [{ code: 'role_missing', says: `there is no role ${name}`, remedy: migrate }]
  if (faults.length === 0) return []
  return [{ code: 'role_unsafe', says: `${name} ${faults.join(', ')}`, remedy: 'npx rowpass explain role_unsafe' }]
}

function findSealKey({ name, state, seals }: SealKeyStatus): Problem[] {
  const what = seals ? `which seals: every request is refused` : 'which requests may be sealed with next'
  const remedy = 'npx rowpass db migrate with the ROWPASS_SEAL_KEYS of the gateways'
  if (state === 'configured_only')
    return [{ code: 'seal_key_missing', says: `the database does not have the seal key ${name}, ${what}`, remedy }]
  if (state !== 'differs') return []
  return [{ code: 'seal_key_differs', says: `the database has another seal key ${name}, ${what}`, remedy }]
}

function findSigning({ signingKeys }: Facts): Problem[] {
  if (signingKeys === null || signingKeys.some(({ state }) => state === 'active')) return []
  const says = 'no key of our own issuer signs'
  return [{ code: 'signing_key_missing', says, remedy: 'npx rowpass keys rotate, where tokens are to be signed by it' }]
}

function findLimit({ connections }: Facts): Problem[] {
  const { login, limit, needed, available } = connections
  const fault = limit === null ? undefined : judgeLimit(limit, { needed, available })
  if (fault === undefined) return []
  const says = {
    missing: `${login} has no CONNECTION LIMIT`,
    small: `the CONNECTION LIMIT of ${login} is ${limit}, and its gateways need ${needed}`,
    large: `the CONNECTION LIMIT of ${login} is ${limit}, and the server has ${available} connections for all logins`,
  }[fault]
  return [
    {
      code: 'connection_limit',
      says,
      remedy: 'npx rowpass db harden, with the ROWPASS_GATEWAYS and ROWPASS_POOL_SIZE that you run',
    },
  ]
}

function findClock({ clockAheadSeconds: ahead }: Facts): Problem[] {
  if (Math.abs(ahead) < toldClockSeconds) return []
  const says = `the clock of PostgreSQL is ${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'} that of this machine`
  return [{ code: 'clock_differs', says, remedy: 'set both by a time server (NTP)' }]
}

function toProblems(open: readonly HardenStep[]): Problem[] {
  return open
    .filter(({ state }) => state === 'open' || state === 'refused')
    .map(({ says }) => ({ code: 'left_open', says: `not yet: ${says}`, remedy: 'npx rowpass db harden' }))
}
