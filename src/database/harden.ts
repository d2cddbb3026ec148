/**
 * Closes what PostgreSQL leaves open by default and Rowpass does not need: `rowpass db harden`.
 * What the migration of `provision.ts` must have to be safe is not here but there.
 */
import pg from 'pg'
import type { Exposure } from '../events.ts'
import { findRefusedFunction } from '../sql/functions.ts'
import { withConnection } from './connect.ts'

/** What to harden. */
export interface HardenOptions {
  /** URL of a superuser in the database, or of its owner, who may do a part of it. */
  readonly url: string
  /** Name of the gateway's login. */
  readonly login: string
  /** Changes nothing; `open` steps say what would be done. Default `false`. */
  readonly dryRun?: boolean
  /**
   * Also takes the functions that no token holder may call from PUBLIC and gives them to the owner of the database. Other
   * logins of the same database lose them too, so it is not done unasked. Default `false`.
   */
  readonly functions?: boolean
}

/** The steps, by name. Names are public: they are in JSON output and in events. */
export type HardenStepName =
  | 'temporary_tables'
  | 'schema_public'
  | 'default_functions'
  | 'temporary_files'
  | 'logged_parameters'
  | 'abandoned_statements'
  | 'functions'

/** One step and how it went. */
export interface HardenStep {
  readonly name: HardenStepName
  /** What is closed by it. */
  readonly says: string
  /** `closed`: it was before. `done`: now. `open`: a dry run. `refused`: it could not be done; see `reason`. */
  readonly state: 'closed' | 'done' | 'open' | 'refused'
  /** What does it; empty when it was closed before. */
  readonly sql: readonly string[]
  /** What the server said to that; only where it was refused. */
  readonly reason?: string
  /** What it means while it is open. */
  readonly risk: string
}

interface Plan {
  readonly name: HardenStepName
  readonly says: string
  readonly risk: string
  /** Statements that are missing; none when there is nothing to do. */
  missing(client: pg.ClientBase, login: string): Promise<string[]>
}

/**
 * Closes what may be closed, one step after the other; a step that fails does not keep the next from being tried.
 *
 * Idempotent. Takes nothing from the owner, and nothing but with `functions` that another login of the database is
 * likely to use.
 *
 * @throws Failure `database_unavailable`, `config_invalid`
 */
export function hardenDatabase(options: HardenOptions): Promise<HardenStep[]> {
  const { url, login, dryRun = false, functions = false } = options
  return withConnection(url, async (client) => {
    const steps: HardenStep[] = []
    for (const plan of functions ? [...plans, functionsPlan] : plans) {
      steps.push(await run(client, plan, login, dryRun))
    }
    return steps
  })
}

async function run(client: pg.ClientBase, plan: Plan, login: string, dryRun: boolean): Promise<HardenStep> {
  const { name, says, risk } = plan
  const sql = await plan.missing(client, login)
  if (sql.length === 0) return { name, says, state: 'closed', sql, risk }
  if (dryRun) return { name, says, state: 'open', sql, risk }
  try {
    for (const statement of sql) await client.query(statement)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    return { name, says, state: 'refused', sql, reason: error.message, risk }
  }
  // A REVOKE of what another role has granted changes nothing, and is a warning only.
  const left = await plan.missing(client, login)
  if (left.length === 0) return { name, says, state: 'done', sql, risk }
  return { name, says, state: 'refused', sql: left, reason: 'another role has granted it', risk }
}

const temporaryFileLimit = '1GB'
const connectionCheckInterval = '1s'

const plans: readonly Plan[] = [
  {
    name: 'temporary_tables',
    says: 'PUBLIC makes no temporary tables',
    risk: 'SQL that gets past the parser can leave tables in a session, which come before those of the same name.',
    missing: (client) =>
      select(
        client,
        `select format('revoke temporary on database %I from public', current_database())
          where has_database_privilege('public', current_database(), 'TEMPORARY')`,
      ),
  },
  {
    name: 'schema_public',
    says: 'PUBLIC creates nothing in the schema public',
    risk: 'SQL that gets past the parser can leave functions and tables that others call by mistake.',
    missing: (client) =>
      select(
        client,
        `select 'revoke create on schema public from public'
          where to_regnamespace('public') is not null and has_schema_privilege('public', 'public', 'CREATE')`,
      ),
  },
  {
    name: 'default_functions',
    says: 'new functions of the owner are not for PUBLIC until they are granted',
    risk: 'Whoever holds a token can call every new function of the owner, whether or not it was meant for them.',
    // The entry with no schema is the one that counts: PUBLIC has EXECUTE unless it says otherwise.
    missing: (client) =>
      select(
        client,
        `select format('alter default privileges for role %I revoke execute on functions from public', r.rolname)
           from pg_roles r
          where r.oid in ((select datdba from pg_database where datname = current_database()), current_user::regrole)
            and pg_has_role(current_user, r.oid, 'USAGE')
            and not exists (
              select from pg_default_acl d where d.defaclrole = r.oid and d.defaclnamespace = 0 and d.defaclobjtype = 'f'
                and not exists (select from aclexplode(d.defaclacl) a where a.grantee = 0))
          order by 1`,
      ),
  },
  {
    name: 'temporary_files',
    says: `a statement writes at most ${temporaryFileLimit} of temporary files`,
    risk: 'One SELECT can fill the disk of the server until its time is over.',
    missing: (client, login) => setForRole(client, login, 'temp_file_limit', temporaryFileLimit),
  },
  {
    name: 'logged_parameters',
    says: 'the server log holds no parameters of requests',
    risk:
      'Where log_statement or log_min_duration_statement is on, the server log holds the claims and the seal of each ' +
      'request, and the values that it brought.',
    missing: async (client, login) => [
      ...(await setForRole(client, login, 'log_parameter_max_length', '0')),
      ...(await setForRole(client, login, 'log_parameter_max_length_on_error', '0')),
    ],
  },
  {
    name: 'abandoned_statements',
    says: 'a statement ends when its gateway is gone',
    risk: 'Statements of a gateway that was killed go on to their end.',
    missing: (client, login) => setForRole(client, login, 'client_connection_check_interval', connectionCheckInterval),
  },
]

const functionsPlan: Plan = {
  name: 'functions',
  says: 'only the owner calls the functions that no token holder may call',
  risk: 'SQL that gets past the parser can wait, lock, read statistics of others, write large objects, send notices.',
  async missing(client, login) {
    const { rows } = await client.query<{ name: string; signature: string; owner: string }>(
      `select p.proname as name,
              format('pg_catalog.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as signature,
              (select datdba::regrole::text from pg_database where datname = current_database()) as owner
         from pg_proc p
        where p.pronamespace = 'pg_catalog'::regnamespace and p.oid < 16384 and p.prokind <> 'p'
          and has_function_privilege('public', p.oid, 'EXECUTE')
        order by 2`,
    )
    const open = rows.filter(({ name }) => findRefusedFunction(name) !== undefined)
    return open.flatMap(({ name, signature, owner }) => [
      `grant execute on function ${signature} to ${owner}${
        gatewayFunctions.has(name) ? `, ${pg.escapeIdentifier(login)}` : ''
      }`,
      `revoke execute on function ${signature} from public`,
    ])
  },
}

/** What the gateway itself calls: the envelope, and the cleaning behind a pooler. */
const gatewayFunctions: ReadonlySet<string> = new Set(['set_config', 'pg_advisory_unlock_all'])

/** A setting that every session of a role in this database starts with. */
async function setForRole(client: pg.ClientBase, role: string, name: string, value: string): Promise<string[]> {
  const { rows } = await client.query<{ database: string; found: boolean }>(
    `select quote_ident(d.datname) as database, exists (
       select from pg_db_role_setting s, unnest(s.setconfig) as setting
        where s.setrole = to_regrole($1) and s.setdatabase = d.oid and setting = $2) as found
     from pg_database d where d.datname = current_database()`,
    [pg.escapeIdentifier(role), `${name}=${value}`],
  )
  return rows
    .filter(({ found }) => !found)
    .map(({ database }) => `alter role ${pg.escapeIdentifier(role)} in database ${database} set ${name} = '${value}'`)
}

async function select(client: pg.ClientBase, sql: string): Promise<string[]> {
  const { rows } = await client.query<[string]>({ text: sql, rowMode: 'array' })
  return rows.map(([statement]) => statement)
}

/** What the gateway's login finds open, told from what any role may see: the version, and a boolean for each exposure. */
export const exposureSql = `
  select
    current_setting('server_version_num')::int as version,
    (select rolsuper or rolinherit or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication
       from pg_roles where rolname = session_user) as powers,
    has_database_privilege('public', current_database(), 'TEMPORARY') as temporary_tables,
    to_regnamespace('public') is not null and has_schema_privilege('public', 'public', 'CREATE') as schema_public,
    current_setting('temp_file_limit') = '-1' as temporary_files,
    current_setting('log_parameter_max_length') <> '0' as logged_parameters`

/**
 * The first minor versions with the corrections of CVE-2023-2455, CVE-2023-39418, CVE-2024-10976, CVE-2024-10978 and
 * CVE-2025-8713, all of which concern row-level security or SET ROLE.
 * @see https://www.postgresql.org/support/security/
 */
const soundVersions = [150014, 160010, 170006, 180000]

/**
 * Whether a server is known to lack these corrections.
 *
 * @param version `server_version_num`
 * @returns the first version of the same major that has them; undefined when it has them, or is of another major
 */
export function missingCorrections(version: number): number | undefined {
  const sound = soundVersions.find((each) => Math.floor(each / 10_000) === Math.floor(version / 10_000))
  return sound !== undefined && version < sound ? sound : undefined
}

/** Reads the row of {@link exposureSql}. */
export function parseExposures(row: Readonly<Record<string, unknown>>): Exposure[] {
  const flags: readonly Exposure[] = [
    'powers',
    'temporary_tables',
    'schema_public',
    'temporary_files',
    'logged_parameters',
  ]
  const outdated = missingCorrections(Number(row.version)) !== undefined
  return [...(outdated ? (['server_version'] as const) : []), ...flags.filter((name) => row[name] === true)]
}
