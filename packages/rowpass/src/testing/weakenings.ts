/**
 * Every way in which the row-level security of a database could be weakened by one slip, as SQL.
 */
import pg from 'pg'
import { findOperands } from './operands.ts'

/** One slip. */
export interface Weakening {
  /** `schema.table`, without the schema `public`. */
  readonly table: string
  /** Undefined where it is about the table as a whole. */
  readonly policy: string | undefined
  /** What was done, in a few words. */
  readonly says: string
  /** Statements that do it, for the owner of the table. */
  readonly sql: readonly string[]
}

interface TableRow {
  readonly schema: string
  readonly name: string
  readonly enabled: boolean
  readonly forced: boolean
}

interface PolicyRow {
  readonly schema: string
  readonly table: string
  readonly name: string
  readonly permissive: boolean
  readonly command: string
  readonly roles: readonly string[]
  readonly using: string | null
  readonly check: string | null
}

/** Schemas that belong to PostgreSQL, to Rowpass and to drizzle-kit. */
const notTheirs = `n.nspname not in ('pg_catalog', 'information_schema', 'rowpass', 'rowpass_ddl', 'auth', 'issuer', 'drizzle')
  and n.nspname !~ '^pg_'`

const tablesSql = `
  select n.nspname as schema, c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p') and ${notTheirs} and (c.relrowsecurity or c.relforcerowsecurity)
   order by 1, 2`

const policiesSql = `
  select n.nspname as schema, c.relname as "table", p.polname as name, p.polpermissive as permissive,
         case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
              else 'all' end as command,
         array(select case role when 0 then 'public' else quote_ident(role::regrole::text) end
                 from unnest(p.polroles) role) as roles,
         pg_get_expr(p.polqual, p.polrelid) as "using", pg_get_expr(p.polwithcheck, p.polrelid) as "check"
    from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
   where ${notTheirs}
   order by 1, 2, 3`

/**
 * Lists the weakenings of a database, in the order of its tables and policies.
 *
 * Of each policy: dropped; each condition true, and each part of it; WITH CHECK left out; for everybody; restrictive
 * instead of permissive, and the other way. Of each table: not forced, not enabled. What would change nothing is left out.
 *
 * Does NOT change anything.
 */
export async function listWeakenings(client: pg.ClientBase): Promise<Weakening[]> {
  const tables = await client.query<TableRow>(tablesSql)
  const policies = await client.query<PolicyRow>(policiesSql)
  return [...tables.rows.flatMap(ofTable), ...policies.rows.flatMap(ofPolicy)]
}

function ofTable({ schema, name, enabled, forced }: TableRow): Weakening[] {
  const table = qualified(schema, name)
  const slip = (says: string, sql: string): Weakening => ({
    table: shown(schema, name),
    policy: undefined,
    says,
    sql: [sql],
  })
  return [
    ...(enabled ? [slip('row-level security disabled', `alter table ${table} disable row level security`)] : []),
    ...(forced ? [slip('not forced for the owner', `alter table ${table} no force row level security`)] : []),
  ]
}

function ofPolicy(policy: PolicyRow): Weakening[] {
  const on = `on ${qualified(policy.schema, policy.table)}`
  const name = pg.escapeIdentifier(policy.name)
  const drop = `drop policy ${name} ${on}`
  const slip = (says: string, ...sql: string[]): Weakening => ({
    table: shown(policy.schema, policy.table),
    policy: policy.name,
    says,
    sql,
  })
  const again = (says: string, changes: Partial<PolicyRow>) => slip(says, drop, create({ ...policy, ...changes }))
  const { using, check } = policy
  return [
    slip('dropped', drop),
    ...conditions('using', using).map(([says, text]) => slip(says, `alter policy ${name} ${on} using (${text})`)),
    ...conditions('with check', check).map(([says, text]) =>
      slip(says, `alter policy ${name} ${on} with check (${text})`),
    ),
    ...(using !== null && check !== null && using !== check ? [again('with check left out', { check: null })] : []),
    ...(policy.roles.includes('public') ? [] : [slip('for everybody', `alter policy ${name} ${on} to public`)]),
    again(policy.permissive ? 'restrictive' : 'permissive', { permissive: !policy.permissive }),
  ]
}

/** What it is called, and the weaker condition. */
function conditions(clause: string, condition: string | null): [says: string, text: string][] {
  if (condition === null || condition === 'true') return []
  const parts = findOperands(condition).map(({ start, end }): [string, string] => [
    `${clause} without ${condition.slice(start, end).replaceAll(/\s+/g, ' ')}`,
    `${condition.slice(0, start)}true${condition.slice(end)}`,
  ])
  return [[`${clause} true`, 'true'], ...parts]
}

function create({ schema, table, name, permissive, command, roles, using, check }: PolicyRow): string {
  return [
    `create policy ${pg.escapeIdentifier(name)} on ${qualified(schema, table)}`,
    `as ${permissive ? 'permissive' : 'restrictive'} for ${command} to ${roles.join(', ')}`,
    ...(using === null ? [] : [`using (${using})`]),
    ...(check === null ? [] : [`with check (${check})`]),
  ].join(' ')
}

function qualified(schema: string, table: string): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`
}

function shown(schema: string, table: string): string {
  return schema === 'public' ? table : `${schema}.${table}`
}
