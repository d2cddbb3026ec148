/**
 * Closes what PostgreSQL leaves open by default and Rowpass does not need: `rowpass db harden`, and its undo. What would
 * take something from a role that has it is named and left until it is asked for.
 */
import pg from 'pg'
import { Failure } from '../errors.ts'
import { withConnection } from './connect.ts'
import { record, toSql } from './harden-changes.ts'
import {
  type AskedStepName,
  type HardenContext,
  type HardenPlan,
  type HardenStepName,
  hardenPlans,
} from './harden-steps.ts'
import { earlierChanges, type UndoneStep, undoRecorded } from './harden-undo.ts'

/** What to harden. */
export interface HardenOptions {
  /** URL of a superuser in the database, or of its owner, who may do a part of it. */
  readonly url: string
  /** Name of the gateway's login. */
  readonly login: string
  /** Changes nothing; `open` steps say what would be done. Default `false`. */
  readonly dryRun?: boolean
  /** Steps that are done although they take something from somebody. Default: none. */
  readonly take?: readonly AskedStepName[]
  /** Connections that the gateways behind the login need, of `connectionsNeeded`; without it its limit is left alone. */
  readonly connections?: number
}

/** One step and how it went. */
export interface HardenStep {
  readonly name: HardenStepName | 'earlier_version'
  /** What is closed by it. */
  readonly says: string
  /**
   * `closed`: it was before. `done`: now. `open`: a dry run. `refused`: it could not be done; see `reason`. `asked`: it
   * takes what `takes` says, and waits to be named.
   */
  readonly state: 'closed' | 'done' | 'open' | 'refused' | 'asked'
  /** What does it; empty when it was closed before. */
  readonly sql: readonly string[]
  /** What the server said to that; only where it was refused. */
  readonly reason?: string
  /** What it means while it is open. */
  readonly risk: string
  /** What it takes away. */
  readonly takes?: string
  /** The roles that have that now. */
  readonly from?: readonly string[]
}

/**
 * Closes what may be closed, one step after the other; a step that fails has no effect and does not keep the next from
 * being tried. What it changes is recorded in `rowpass.hardening`.
 *
 * Idempotent. Takes nothing from a role that has it but what `take` names, and nothing at all from the owner.
 *
 * @throws Failure `database_unavailable`, `config_invalid`; `migration_failed` before `rowpass db migrate` has run
 */
export function hardenDatabase(options: HardenOptions): Promise<HardenStep[]> {
  const { url, login, connections, dryRun = false, take = [] } = options
  return withConnection(url, async (client) => {
    await requireRecord(client)
    const context = { client, login, connections }
    const steps: HardenStep[] = []
    const plans = hardenPlans.filter(({ name }) => name !== 'connection_limit' || connections !== undefined)
    for (const plan of plans) steps.push(await run(plan, context, { dryRun, take }))
    const earlier = await earlierVersion(client, login)
    return earlier === undefined ? steps : [...steps, earlier]
  })
}

/**
 * Closes what a migration closes: what nobody but the roles of Rowpass would miss, and the limit of the login. Has the
 * database count changes of its schema.
 *
 * @returns what stays open, and why: one line each
 */
export async function closeUnused(context: HardenContext): Promise<string[]> {
  const names: readonly HardenStepName[] = ['temporary_tables', 'schema_public', 'connection_limit', 'schema_changes']
  const lines: string[] = []
  for (const plan of hardenPlans.filter(({ name }) => names.includes(name))) {
    const { state, says, reason, from = [] } = await run(plan, context, { dryRun: false, take: [] })
    if (state === 'asked')
      lines.push(`not yet, as ${from.join(', ')} would lose by it: ${says}; see "rowpass db harden"`)
    if (state === 'refused') lines.push(`not yet: ${says} (${reason}); see "rowpass db harden"`)
  }
  return lines
}

/**
 * Puts back what migrations and hardening have changed, as the record has it, the newest first; of a database that a
 * version without a record has hardened, what that one took. Idempotent.
 *
 * What was changed by somebody else since then stays as it is.
 *
 * @param options.dryRun changes nothing. Default `false`
 * @param options.steps only what these steps have changed. Default: all
 * @param options.onlyUnrecorded only what a version without a record has changed. Default `false`
 * @throws as {@link hardenDatabase}
 */
export function undoHardening(options: {
  url: string
  login: string
  dryRun?: boolean
  steps?: readonly HardenStepName[]
  onlyUnrecorded?: boolean
}): Promise<UndoneStep[]> {
  return withConnection(options.url, async (client) => {
    await requireRecord(client)
    return undoRecorded(client, options)
  })
}

async function requireRecord(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('rowpass.hardening') is not null as found`,
  )
  if (rows[0]?.found === true) return
  const detail = 'this database has no record of what is hardened; run "npx rowpass db migrate" first'
  throw new Failure('migration_failed', { detail })
}

async function run(
  plan: HardenPlan,
  context: HardenContext,
  { dryRun, take }: { dryRun: boolean; take: readonly AskedStepName[] },
): Promise<HardenStep> {
  const { client } = context
  const { name, says, risk } = plan
  const { changes, takes, refused } = await plan.missing(context)
  if (changes.length === 0) return { name, says, state: 'closed', sql: [], risk }
  const database = await databaseName(client)
  const sql = changes.map((change) => toSql(change, database))
  const loss = takes && { takes: takes.what, from: takes.from }
  const step = { name, says, sql, risk, ...loss }
  if (takes !== undefined && !take.some((each) => each === name)) return { ...step, state: 'asked' }
  if (refused !== undefined) return { ...step, state: 'refused', reason: refused }
  if (dryRun) return { ...step, state: 'open' }
  try {
    await client.query('begin')
    for (const statement of sql) await client.query(statement)
    // A REVOKE of what another role has granted changes nothing, and is a warning only.
    const left = await plan.missing(context)
    if (left.changes.length > 0) {
      await client.query('rollback')
      return { ...step, state: 'refused', reason: 'another role owns it, or has granted it' }
    }
    await record(client, name, changes)
    await client.query('commit')
    return { ...step, state: 'done' }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    await client.query('rollback')
    return { ...step, state: 'refused', reason: error.message }
  }
}

async function earlierVersion(client: pg.ClientBase, login: string): Promise<HardenStep | undefined> {
  const changes = (await earlierChanges(client, login)).filter(({ step }) => step === 'default_functions')
  if (changes.length === 0) return undefined
  const owners = changes.flatMap(({ change }) => (change.kind === 'default_revoke' ? [change.owner] : []))
  return {
    name: 'earlier_version',
    says: `an earlier version took the new functions of ${owners.join(' and ')} from PUBLIC, those of extensions included`,
    state: 'asked',
    sql: [],
    risk: 'What was made since then, such as citext, works for no one else. "rowpass db harden --undo" gives it back.',
  }
}

async function databaseName(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name')
  return rows[0]?.name ?? ''
}
