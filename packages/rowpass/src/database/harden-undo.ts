/**
 * Puts back what hardening has changed.
 */
import pg from 'pg'
import { findRefusedFunction } from '../statement/functions.ts'
import {
  forget,
  type HardeningChange,
  inverse,
  limitOf,
  type Recorded,
  readRecord,
  settingOf,
  toSql,
} from './harden-changes.ts'
import { type HardenStepName, hardenPlans, hardenSettings } from './harden-steps.ts'

/** A step that was undone, or could not be. */
export interface UndoneStep {
  readonly name: string
  /** What was closed by it. */
  readonly says: string
  /** `open`: it is as it was before. `closed`: a dry run. `refused`: see `reason`; nothing of the step was put back. */
  readonly state: 'open' | 'closed' | 'refused'
  /** What puts it back; empty when that had been done by somebody else, or what it was on is gone. */
  readonly sql: readonly string[]
  readonly reason?: string
}

/** @see undoHardening of `harden.ts` */
export async function undoRecorded(
  client: pg.ClientBase,
  options: { login: string; dryRun?: boolean; steps?: readonly HardenStepName[]; onlyUnrecorded?: boolean },
): Promise<UndoneStep[]> {
  const { login, dryRun = false, steps, onlyUnrecorded = false } = options
  // Earlier than all that is recorded, so put back last.
  const all = [...(onlyUnrecorded ? [] : await readRecord(client)), ...(await earlierChanges(client, login))]
  const undone: UndoneStep[] = []
  for (const name of new Set(all.map(({ step }) => step))) {
    if (steps?.every((each) => each !== name)) continue
    undone.push(
      await undoStep(
        client,
        name,
        all.filter(({ step }) => step === name),
        { login, dryRun },
      ),
    )
  }
  return undone
}

async function undoStep(
  client: pg.ClientBase,
  name: string,
  recorded: readonly Recorded[],
  { login, dryRun }: { login: string; dryRun: boolean },
): Promise<UndoneStep> {
  const says = hardenPlans.find((plan) => plan.name === name)?.says ?? name
  const sql: string[] = []
  await client.query('begin')
  try {
    // One by one: whether a setting is still as one change left it depends on what was put back before.
    for (const each of recorded) {
      const statement = await undoOf(client, each, login)
      if (statement === undefined) continue
      sql.push(statement)
      await client.query(statement)
    }
    await forget(client, recorded)
    await client.query(dryRun ? 'rollback' : 'commit')
    return { name, says, state: dryRun ? 'closed' : 'open', sql }
  } catch (error) {
    await client.query('rollback')
    if (!(error instanceof pg.DatabaseError || error instanceof RangeError)) throw error
    return { name, says, state: 'refused', sql, reason: error.message }
  }
}

/**
 * The statement that puts a change back; undefined when there is nothing to put back.
 *
 * @throws RangeError when the record says what hardening never does: its writer is the owner, who might want to have a
 *   superuser run something
 */
async function undoOf(client: pg.ClientBase, { id, change }: Recorded, login: string): Promise<string | undefined> {
  const back = inverse(change)
  const { rows } = await client.query<{ database: string; owner: string }>(
    `select datname as database, pg_get_userbyid(datdba) as owner from pg_database where datname = current_database()`,
  )
  const { database = '', owner = '' } = rows[0] ?? {}
  const trusted = id === undefined
  switch (back.kind) {
    case 'setting': {
      if (!hardenSettings.some(([name]) => name === back.name) || back.role !== login) throw strange(change)
      return (await settingOf(client, login, back.name)) === back.before ? toSql(back, database) : undefined
    }
    case 'connection_limit': {
      if (back.role !== login || !Number.isInteger(back.after)) throw strange(change)
      return (await limitOf(client, login)) === back.before ? toSql(back, database) : undefined
    }
    case 'changes_not_counted':
      return toSql(back, database)
    case 'default_grant':
      if (!trusted && back.owner !== owner) throw strange(change)
      return toSql(back, database)
    case 'grant':
    case 'revoke': {
      if (!['temporary', 'create', 'execute'].includes(back.right)) throw strange(change)
      if (back.role !== 'public' && !(await roleExists(client, back.role))) return undefined
      if (back.kind === 'grant' && back.role !== 'public') throw strange(change)
      if (back.right !== 'execute') return toSql(back, database)
      const routine = await findRoutine(client, back.routine ?? '')
      if (routine === undefined) return undefined
      // PostgreSQL gives it to PUBLIC by itself: so the record cannot open what never was.
      if (!trusted && !(routine.builtIn && routine.forPublic)) throw strange(change)
      return toSql({ ...back, routine: routine.name }, database)
    }
    default:
      throw strange(change)
  }
}

function strange(change: HardeningChange): RangeError {
  return new RangeError(`the record has a change that hardening does not make: ${JSON.stringify(change)}`)
}

async function roleExists(client: pg.ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name])
  return rowCount === 1
}

async function findRoutine(
  client: pg.ClientBase,
  text: string,
): Promise<{ name: string; builtIn: boolean; forPublic: boolean } | undefined> {
  const { rows } = await client.query<{ name: string; builtIn: boolean; forPublic: boolean }>(
    `select ${routineName} as name, p.pronamespace = 'pg_catalog'::regnamespace and p.oid < 16384 as "builtIn",
            exists (select from aclexplode(${initialList}) a where a.grantee = 0) as "forPublic"
       from pg_proc p where p.oid = to_regprocedure($1)`,
    [text],
  )
  return rows[0]
}

const routineName = `format('%I.%I(%s)', p.pronamespace::regnamespace::text, p.proname, oidvectortypes(p.proargtypes))`

/** The rights of a routine as PostgreSQL, or its extension, has made it. */
const initialList = `coalesce((select i.initprivs from pg_init_privs i
  where i.classoid = 'pg_proc'::regclass and i.objoid = p.oid and i.objsubid = 0), acldefault('f', p.proowner))`

/**
 * What a version without a record has changed, as far as it can be told: such a version has run where the login has a
 * setting of hardening that is not recorded.
 *
 * It had also taken EXECUTE from PUBLIC for whatever the superuser and the owner made later, so the routines of extensions
 * and range types that were made since are among it. Other functions of the owner are not: they were made by somebody who
 * knew that they are closed.
 */
export async function earlierChanges(client: pg.ClientBase, login: string): Promise<Recorded[]> {
  const recorded = (await readRecord(client)).map(({ change }) => change)
  const known = new Set(recorded.flatMap((change) => (change.kind === 'setting' ? [change.name] : [])))
  const found: Recorded[] = []
  const add = (step: HardenStepName, change: HardeningChange): void => void found.push({ step, change })
  for (const [name, after] of hardenSettings) {
    if (known.has(name) || (await settingOf(client, login, name)) !== after) continue
    add(stepOf[name], { kind: 'setting', role: login, name, before: null, after })
  }
  if (!found.some(({ step }) => step === 'abandoned_statements')) return []
  const has = (kind: HardeningChange['kind'], right?: string): boolean =>
    recorded.some(
      (change) => change.kind === kind && (right === undefined || ('right' in change && change.right === right)),
    )
  if (!has('default_revoke')) await addDefaults(client, add)
  if (!has('revoke', 'temporary')) await addTemporary(client, add)
  if (!has('revoke', 'execute')) await addFunctions(client, login, add)
  return found
}

const stepOf = {
  temp_file_limit: 'temporary_files',
  log_parameter_max_length: 'logged_parameters',
  log_parameter_max_length_on_error: 'logged_parameters',
  client_connection_check_interval: 'abandoned_statements',
} as const satisfies Record<string, HardenStepName>

type Add = (step: HardenStepName, change: HardeningChange) => void

async function addDefaults(client: pg.ClientBase, add: Add): Promise<void> {
  const { rows: owners } = await client.query<{ oid: number; owner: string }>(
    `select r.oid, r.rolname as owner from pg_roles r join pg_default_acl d on d.defaclrole = r.oid
      where (r.rolsuper or r.oid = (select datdba from pg_database where datname = current_database()))
        and d.defaclnamespace = 0 and d.defaclobjtype = 'f'
        and not exists (select from aclexplode(d.defaclacl) a where a.grantee = 0)
      order by 2`,
  )
  for (const { owner } of owners) add('default_functions', { kind: 'default_revoke', owner })
  const { rows } = await client.query<{ routine: string }>(
    `select ${routineName} as routine from pg_proc p
      where p.proowner = any ($1::oid[]) and p.oid >= 16384 and p.proacl is not null
        and not exists (select from aclexplode(p.proacl) a where a.grantee <> p.proowner)
        and not exists (select from pg_init_privs i where i.classoid = 'pg_proc'::regclass and i.objoid = p.oid)
        and exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid
          and (d.deptype = 'e' and d.refclassid = 'pg_extension'::regclass
            or d.deptype = 'i' and d.refclassid = 'pg_type'::regclass))
      order by 1`,
    [owners.map(({ oid }) => oid)],
  )
  for (const { routine } of rows)
    add('default_functions', { kind: 'revoke', right: 'execute', routine, role: 'public' })
}

async function addTemporary(client: pg.ClientBase, add: Add): Promise<void> {
  const { rows } = await client.query<{ open: boolean }>(
    `select has_database_privilege('public', current_database(), 'TEMPORARY') as open`,
  )
  if (rows[0]?.open === false) add('temporary_tables', { kind: 'revoke', right: 'temporary', role: 'public' })
}

/** Of PostgreSQL's own functions: those that are refused, were for PUBLIC and are not, and whom they were granted to. */
async function addFunctions(client: pg.ClientBase, login: string, add: Add): Promise<void> {
  const { rows } = await client.query<{ name: string; routine: string; roles: string[] }>(
    `select p.proname as name, ${routineName} as routine,
            array(select pg_get_userbyid(a.grantee)::text from aclexplode(p.proacl) a
              where pg_get_userbyid(a.grantee) = $1
                 or a.grantee <> p.proowner
                   and a.grantee = (select datdba from pg_database where datname = current_database())) as roles
       from pg_proc p
      where p.pronamespace = 'pg_catalog'::regnamespace and p.oid < 16384 and p.prokind <> 'p'
        and not has_function_privilege('public', p.oid, 'EXECUTE')
        and exists (select from aclexplode(${initialList}) a where a.grantee = 0)
      order by 2`,
    [login],
  )
  for (const { name, routine, roles } of rows) {
    if (findRefusedFunction(name) === undefined) continue
    for (const role of roles) add('functions', { kind: 'grant', right: 'execute', routine, role })
    add('functions', { kind: 'revoke', right: 'execute', routine, role: 'public' })
  }
}
