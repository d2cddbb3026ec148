/**
 * What a database leaves open to whoever gets past the parser, as the gateway's own login can see it.
 */
import type { Exposure } from '../events.ts'
import { policiesFirstVersions } from '../statement/facts.ts'

/**
 * Connections of one process of a gateway besides its pool: one that reads the catalogs, two that stand in for connections whose statement
 * does not end, and room for those that PostgreSQL is still closing. Cancel requests do not count, as they do not log in.
 */
const besidesPool = 5

/** How many connections the gateways behind one login need at most while each runs once. */
export function connectionsNeeded(settings: {
  /** Of each gateway, for all its workers. */
  readonly poolSize: number
  readonly gateways: number
  /** Processes of each gateway. */
  readonly workers: number
  /** Where there are any, one connection more asks the primary where it is; on each of them there are no more than here. */
  readonly replicas?: number
}): number {
  const { poolSize, gateways, workers, replicas = 0 } = settings
  return gateways * workers * (Math.floor(poolSize / workers) + besidesPool + Math.min(replicas, 1))
}

/**
 * What the gateway's login finds open, told from what any role may see: the version, a boolean for each exposure, the
 * limit of its connections, and how many all logins but superusers may have.
 */
export const exposureSql = `
  select
    current_setting('server_version_num')::int as version,
    rolsuper or rolinherit or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication as powers,
    has_database_privilege('public', current_database(), 'TEMPORARY') as temporary_tables,
    to_regnamespace('public') is not null and has_schema_privilege('public', 'public', 'CREATE') as schema_public,
    current_setting('temp_file_limit') = '-1' as temporary_files,
    current_setting('log_parameter_max_length') <> '0' as logged_parameters,
    rolconnlimit as connection_limit,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true), '0')::int as connections
  from pg_roles where rolname = session_user`

/**
 * The first minor versions with the corrections of CVE-2023-2455, CVE-2023-39418, CVE-2024-10976, CVE-2024-10978 and
 * CVE-2025-8713, all of which concern row-level security or SET ROLE.
 * @see https://www.postgresql.org/support/security/
 */
const soundVersions = [150014, 160010, 170006, 180000]

/** Corrections of row-level security that a server lacks. */
export interface MissingCorrections {
  /** The first version of the same major that has all. */
  readonly sound: number
  /** Whether it is about no more than the condition of ON CONFLICT DO UPDATE, which the gateway refuses there. */
  readonly onlyOnConflict: boolean
}

/**
 * What a server is known to lack.
 *
 * @param version `server_version_num`
 * @returns undefined when it lacks nothing, or is of another major
 */
export function missingCorrections(version: number): MissingCorrections | undefined {
  const isSame = (each: number) => Math.floor(each / 10_000) === Math.floor(version / 10_000)
  const sound = policiesFirstVersions.find(isSame)
  if (sound === undefined || version >= sound) return undefined
  return { sound, onlyOnConflict: !soundVersions.some((each) => isSame(each) && version < each) }
}

const flags = ['powers', 'temporary_tables', 'schema_public', 'temporary_files', 'logged_parameters'] as const

/**
 * Reads the row of {@link exposureSql}.
 *
 * @param needed connections that the gateways behind this login need, of {@link connectionsNeeded}
 */
export function parseExposures(row: Readonly<Record<string, unknown>>, needed: number): Exposure[] {
  const limit = judgeLimit(Number(row.connection_limit), { needed, available: Number(row.connections) })
  return [
    ...(missingCorrections(Number(row.version)) === undefined ? [] : (['server_version'] as const)),
    ...flags.filter((name) => row[name] === true),
    ...(limit === undefined ? [] : ([`connection_limit_${limit}`] as const)),
  ]
}

/**
 * What is wrong with the CONNECTION LIMIT of a login; undefined when nothing is.
 *
 * @param limit -1 for none
 * @param available connections that logins without privileges share
 */
export function judgeLimit(
  limit: number,
  { needed, available }: { needed: number; available: number },
): 'missing' | 'small' | 'large' | undefined {
  if (limit < 0) return 'missing'
  if (limit < needed) return 'small'
  return limit >= available ? 'large' : undefined
}
