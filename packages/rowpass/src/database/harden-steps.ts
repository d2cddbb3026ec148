/**
 * The steps of hardening: what each closes, what is missing of it, and whom it would take something from.
 */
import type pg from 'pg'
import { findRefusedFunction } from '../statement/functions.ts'
import { judgeLimit } from './exposure.ts'
import { type HardeningChange, limitOf, settingOf } from './harden-changes.ts'
import { issuerRole, requestRoles } from './roles.ts'
import { countsChanges } from './schema-changes.ts'

/** The steps, by name. Names are public: they are in JSON output, in events, and in the record. */
export type HardenStepName =
  | 'temporary_tables'
  | 'schema_public'
  | 'connection_limit'
  | 'temporary_files'
  | 'logged_parameters'
  | 'abandoned_statements'
  | 'schema_changes'
  | 'default_functions'
  | 'functions'

/** Steps that take something from whoever has it now, and are done only when they are named. */
export type AskedStepName = 'temporary_tables' | 'schema_public' | 'default_functions' | 'functions'

/** What a step takes away, and the roles that have it now. */
export interface Taking {
  readonly what: string
  readonly from: readonly string[]
}

/** What is missing of a step. */
export interface Missing {
  /** None when there is nothing to do. */
  readonly changes: readonly HardeningChange[]
  /** Set when somebody loses something by it: then it is done when it is asked for. */
  readonly takes?: Taking
  /** Why it cannot be done as things are. */
  readonly refused?: string
}

/** Where the steps look. */
export interface HardenContext {
  readonly client: pg.ClientBase
  /** Name of the gateway's login; undefined where there is none yet. */
  readonly login: string | undefined
  /** Connections that the gateways behind the login need; undefined leaves its limit alone. */
  readonly connections: number | undefined
}

/** A step. */
export interface HardenPlan {
  readonly name: HardenStepName
  readonly says: string
  readonly risk: string
  missing(context: HardenContext): Promise<Missing>
}

/** What the gateway itself calls: the envelope, and the cleaning behind a pooler. */
export const gatewayFunctions: ReadonlySet<string> = new Set(['set_config', 'pg_advisory_unlock_all'])

const temporaryFileLimit = '1GB'
const connectionCheckInterval = '1s'

/** The settings that the steps make, each with its values that are closed enough to be left as they are. */
const settings = {
  temp_file_limit: { value: temporaryFileLimit, isOpen: (value: string) => value === '-1' },
  log_parameter_max_length: { value: '0', isOpen: (value: string) => value !== '0' },
  log_parameter_max_length_on_error: { value: '0', isOpen: (value: string) => value !== '0' },
  client_connection_check_interval: { value: connectionCheckInterval, isOpen: (value: string) => /^0\D*$/.test(value) },
} as const

/** Names of the settings that the steps make. */
export type HardenSetting = keyof typeof settings

/** Each setting and the value that it gets. */
export const hardenSettings: readonly (readonly [HardenSetting, string])[] = Object.entries(settings).map(
  ([name, { value }]) => [name as HardenSetting, value],
)

/** The steps in their order. */
export const hardenPlans: readonly HardenPlan[] = [
  {
    name: 'temporary_tables',
    says: 'PUBLIC makes no temporary tables',
    risk: 'SQL that gets past the parser can leave tables in a session, which come before those of the same name.',
    missing: (context) => closeToPublic(context, 'temporary'),
  },
  {
    name: 'schema_public',
    says: 'PUBLIC creates nothing in the schema public',
    risk: 'SQL that gets past the parser can leave functions and tables that others call by mistake.',
    missing: (context) => closeToPublic(context, 'create'),
  },
  {
    name: 'connection_limit',
    says: 'the gateways open a bounded number of connections',
    risk: 'Statements that do not end when they are cancelled can take every connection of the server, those of other logins too.',
    missing: limitConnections,
  },
  {
    name: 'temporary_files',
    says: `a statement writes at most ${temporaryFileLimit} of temporary files`,
    risk: 'One SELECT can fill the disk of the server until its time is over.',
    missing: (context) => set(context, ['temp_file_limit']),
  },
  {
    name: 'logged_parameters',
    says: 'the server log holds no parameters of requests',
    risk:
      'Where log_statement or log_min_duration_statement is on, the server log holds the claims and the seal of each ' +
      'request, and the values that it brought.',
    missing: (context) => set(context, ['log_parameter_max_length', 'log_parameter_max_length_on_error']),
  },
  {
    name: 'abandoned_statements',
    says: 'a statement ends when its gateway is gone',
    risk: 'Statements of a gateway that was killed go on to their end.',
    missing: (context) => set(context, ['client_connection_check_interval']),
  },
  {
    name: 'schema_changes',
    says: 'the database counts changes of its schema',
    risk: 'A gateway keeps no statement that has parameters, as it cannot know when their types change. It is slower.',
    missing: async ({ client }) => ({
      changes: (await countsChanges(client)) ? [] : [{ kind: 'changes_counted' }],
    }),
  },
  {
    name: 'default_functions',
    says: 'new functions of the owner are not for PUBLIC until they are granted',
    risk: 'A token holder can call every new function of the owner, whether or not it was meant for them.',
    missing: closeNewFunctions,
  },
  {
    name: 'functions',
    says: 'only the owner calls the functions that no token holder may call',
    risk: 'SQL that gets past the parser can wait, lock, read statistics of others, write large objects, send notices.',
    missing: closeFunctions,
  },
]

/** Logins that may become request roles and nothing else: gateways, of this database and of others. */
const isGateway = (alias: string) => `(${alias}.rolcanlogin and not ${alias}.rolinherit
  and exists (select from pg_auth_members m where m.member = ${alias}.oid)
  and not exists (select from pg_auth_members m
    where m.member = ${alias}.oid and m.roleid::regrole::text <> all ('{${requestRoles.join()}}')))`

/**
 * Roles that log in to this database, or that such a login may become, but for superusers and the roles of Rowpass: $1 and
 * gateways. `l` is the login, `r` the role.
 */
const rolesInUse = `
  pg_roles r where not r.rolsuper and not starts_with(r.rolname, 'pg_') and r.rolname <> all ($1) and not ${isGateway('r')}
    and exists (select from pg_roles l where l.rolcanlogin and not l.rolsuper and l.rolname <> all ($1)
      and has_database_privilege(l.oid, current_database(), 'CONNECT') and pg_has_role(l.oid, r.oid, 'MEMBER')
      and not ${isGateway('l')})`

function ownRoles({ login }: HardenContext): string[] {
  return [...requestRoles, issuerRole, ...(login === undefined ? [] : [login])]
}

const lists = {
  temporary: {
    open: `select coalesce(datacl, acldefault('d', datdba)) as list from pg_database where datname = current_database()`,
    what: 'the right to make temporary tables in this database',
  },
  create: {
    open: `select coalesce(nspacl, acldefault('n', nspowner)) as list from pg_namespace where nspname = 'public'`,
    what: 'the right to create in the schema public',
  },
} as const

/** Whoever has the right through PUBLIC alone keeps it by name; that is asked for, as whoever is made later goes without. */
async function closeToPublic(context: HardenContext, right: 'temporary' | 'create'): Promise<Missing> {
  const { open, what } = lists[right]
  const { rows } = await context.client.query<{ role: string; keeps: boolean }>(
    `with granted as (
       select grantee from (${open}) as lists, aclexplode(list) where privilege_type = upper($2)
     )
     select 'public' as role, false as keeps from granted where grantee = 0
     union all
     select r.rolname, not exists (select from pg_roles o where o.rolname = any ($1) and pg_has_role(o.oid, r.oid, 'MEMBER'))
       from ${rolesInUse} and exists (select from granted where grantee = 0)
        and not exists (select from granted where grantee <> 0 and pg_has_role(r.oid, grantee, 'USAGE'))
      order by 1`,
    [ownRoles(context), right],
  )
  if (!rows.some(({ role }) => role === 'public')) return { changes: [] }
  const users = rows.filter(({ role }) => role !== 'public')
  const changes: HardeningChange[] = [
    ...users.flatMap(({ role, keeps }) => (keeps ? [{ kind: 'grant', right, role } as const] : [])),
    { kind: 'revoke', right, role: 'public' },
  ]
  if (users.length === 0) return { changes }
  const from = users.map(({ role }) => role)
  return {
    changes,
    takes: { what: `${what}, from roles that are made later; these keep it, by a grant of their own`, from },
  }
}

async function limitConnections({ client, login, connections: needed }: HardenContext): Promise<Missing> {
  const before = login === undefined ? undefined : await limitOf(client, login)
  if (login === undefined || needed === undefined || before === undefined) return { changes: [] }
  const { rows } = await client.query<{ available: number; open: number }>(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
              - coalesce(current_setting('reserved_connections', true), '0')::int as available,
            (select count(*)::int from pg_stat_activity where usename = $1) as open`,
    [login],
  )
  const { available, open } = rows[0] ?? { available: 0, open: 0 }
  if (judgeLimit(before, { needed, available }) === undefined) return { changes: [] }
  // Twice, as old and new processes are there together while gateways are replaced.
  const after = Math.min(2 * needed, available - 1)
  const changes: HardeningChange[] = [{ kind: 'connection_limit', role: login, before, after }]
  if (after < needed) {
    return { changes, refused: `the gateways need ${needed} connections, and max_connections leaves ${available}` }
  }
  if (open <= needed) return { changes }
  const refused = `${open} connections of it are open, and ROWPASS_GATEWAYS, ROWPASS_WORKERS and ROWPASS_POOL_SIZE come to ${needed}`
  return { changes, refused }
}

async function set({ client, login }: HardenContext, names: readonly HardenSetting[]): Promise<Missing> {
  if (login === undefined) return { changes: [] }
  const changes: HardeningChange[] = []
  for (const name of names) {
    const before = await settingOf(client, login, name)
    const { value: after, isOpen } = settings[name]
    if (before === null || isOpen(before)) changes.push({ kind: 'setting', role: login, name, before, after })
  }
  return { changes }
}

async function closeNewFunctions(context: HardenContext): Promise<Missing> {
  // The entry with no schema is the one that counts: PUBLIC has EXECUTE unless it says otherwise.
  const { rows } = await context.client.query<{ owner: string; superuser: boolean }>(
    `select r.rolname as owner, r.rolsuper as superuser from pg_roles r
      where r.oid = (select datdba from pg_database where datname = current_database())
        and not exists (
          select from pg_default_acl d where d.defaclrole = r.oid and d.defaclnamespace = 0 and d.defaclobjtype = 'f'
            and not exists (select from aclexplode(d.defaclacl) a where a.grantee = 0))`,
  )
  const also = rows[0]?.superuser === true ? ', those of extensions and range types included,' : ''
  const what = `EXECUTE on each function that ${rows[0]?.owner} makes from then on${also} until it is granted`
  const takes = { what, from: await strangers(context) }
  return { changes: rows.map(({ owner }) => ({ kind: 'default_revoke', owner }) as const), takes }
}

async function closeFunctions(context: HardenContext): Promise<Missing> {
  const { client, login } = context
  const { rows } = await client.query<{ name: string; routine: string; owner: string; holders: string[] }>(
    `select p.proname as name,
            array(select pg_get_userbyid(a.grantee)::text from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
              where a.grantee <> 0) as holders,
            format('pg_catalog.%I(%s)', p.proname, oidvectortypes(p.proargtypes)) as routine,
            (select r.rolname from pg_database d join pg_roles r on r.oid = d.datdba where datname = current_database()) as owner
       from pg_proc p
      where p.pronamespace = 'pg_catalog'::regnamespace and p.oid < 16384 and p.prokind <> 'p'
        and has_function_privilege('public', p.oid, 'EXECUTE')
      order by 2`,
  )
  const open = rows.filter(({ name }) => findRefusedFunction(name) !== undefined)
  const changes = open.flatMap(({ name, routine, owner, holders }): HardeningChange[] => {
    const keep = [owner, ...(login !== undefined && gatewayFunctions.has(name) ? [login] : [])]
    return [
      ...keep
        .filter((role) => !holders.includes(role))
        .map((role) => ({ kind: 'grant', right: 'execute', routine, role }) as const),
      { kind: 'revoke', right: 'execute', routine, role: 'public' },
    ]
  })
  const what = `EXECUTE on ${open.length} functions of PostgreSQL, set_config() and those behind pg_stat_activity among them`
  return { changes, takes: { what, from: await strangers(context) } }
}

/** Roles in use that do not have the rights of the owner of the database. */
async function strangers(context: HardenContext): Promise<string[]> {
  const { rows } = await context.client.query<{ role: string }>(
    `select r.rolname as role from ${rolesInUse}
        and not pg_has_role(r.oid, (select datdba from pg_database where datname = current_database()), 'USAGE')
      order by 1`,
    [ownRoles(context)],
  )
  return rows.map(({ role }) => role)
}
