/**
 * Samples people: from a table of users, or from the columns that policies compare with claims.
 */
import pg from 'pg'
import type { Relation } from '../access/catalog/catalog.ts'
import { type ComparedColumn, claimValue, findComparedColumns, toClaims } from '../access/claims.ts'
import type { Database } from '../access/database.ts'
import type { ClaimsCarrier } from '../access/identity.ts'
import type { MemberTable } from '../access/memberships.ts'
import { attempt, isProblem } from '../access/trial.ts'
import { loadParser } from '../statement/parser.ts'
import type { Subject } from './cell.ts'

/** What sampling needs to know. */
export interface SamplingOptions {
  readonly database: Database
  readonly carrier: ClaimsCarrier | undefined
  /** The role of each of them. */
  readonly role: string
  readonly tenantClaim: string | undefined
  /** Where tenancy is a membership: people are sampled from it. */
  readonly membership: MemberTable | undefined
}

/** People, and how they were found. */
export interface SampledPeople {
  readonly subjects: Subject[]
  readonly says: string
}

interface UsersTable {
  readonly oid: number
  readonly name: string
  readonly id: string
  readonly tenant: string | null
  readonly kind: string | null
  readonly whole: boolean
}

const maxPeople = 4
/** Tables that are asked for people, until one has some. */
const maxWays = 20

/**
 * Samples four people at most.
 *
 * A table of users is found by its name, the column of its people by what policies compare with the claim `sub`: the same
 * column, else one of that name and type, else the key where it is of that type. Where there is none, people are made of the
 * columns of the one table that policies compare with most claims.
 *
 * Where tenancy is a membership, people are its members, of two tenants where there are. A table without people gives way to
 * the next one.
 *
 * Does NOT read names or addresses: somebody is called by the start of an id.
 */
export async function samplePeople(client: pg.ClientBase, options: SamplingOptions): Promise<SampledPeople> {
  const { database, carrier, membership } = options
  const compared = findComparedColumns(database, await loadParser(), carrier)
  const { rows } = await client.query<UsersTable>(usersSql)
  const users = rows.flatMap((table) => {
    const id = personColumn(database, table, compared)
    return id === undefined ? [] : [{ ...table, id }]
  })
  const ways = [
    ...(membership === undefined ? [] : [() => sampleMembers(client, membership, options)]),
    ...users.map((table) => () => sampleUsers(client, table, compared, options)),
    ...claimsByTable(compared).map((each) => () => sampleCompared(client, each, options)),
  ]
  let first: SampledPeople | undefined
  for (const way of ways.slice(0, maxWays)) {
    const found = await way()
    if (found.subjects.length > 0) return found
    first ??= found
  }
  const says = first?.says ?? 'Identities: no table of users was found, and no policy compares a column with a claim.'
  return { subjects: [], says: `${says} Name some with --identities or --sample.` }
}

/** The column of a table of users that the claim `sub` means; undefined where none is of the type that policies compare. */
function personColumn(
  { catalog }: Database,
  { oid, id }: UsersTable,
  compared: readonly ComparedColumn[],
): string | undefined {
  const columns = catalog.relations.get(oid)?.columns ?? []
  const subs = compared.filter(({ claim }) => claim === 'sub')
  const own = subs.find(({ relation }) => relation.oid === oid)
  const alike = columns.find(({ name, type }) =>
    subs.some(({ column }) => column.name === name && column.type === type),
  )
  const key = columns.find(({ name }) => name === id)
  const fits = subs.length === 0 || subs.some(({ column }) => column.type === key?.type)
  // The key stands for the person wherever it can, as others refer to it.
  if (subs.some(({ relation, column }) => relation.oid === oid && column.name === id)) return id
  return own?.column.name ?? alike?.name ?? (fits ? id : undefined)
}

/** Of two tenants, and in each of two kinds where a column `role` tells them apart. */
async function sampleUsers(
  client: pg.ClientBase,
  table: UsersTable,
  compared: readonly ComparedColumn[],
  { role, tenantClaim }: SamplingOptions,
): Promise<SampledPeople> {
  const quote = (name: string | null) => (name === null ? 'null' : `${pg.escapeIdentifier(name)}::text`)
  const sql = `with people as (
      select ${quote(table.id)} as id, ${quote(table.tenant)} as tenant, ${quote(table.kind)} as kind from ${table.name}
       where ${quote(table.id)} is not null
    ), tenants as (
      select tenant, count(*) as n, count(distinct kind) as kinds from people group by 1 order by kinds desc, n desc, 1 limit 2
    ), ranked as (
      select p.*, row_number() over (partition by p.tenant, p.kind order by p.id) as nth,
             dense_rank() over (partition by p.tenant order by p.kind) as place,
             row_number() over (partition by p.tenant order by p.id) as turn
        from people p join tenants t on p.tenant is not distinct from t.tenant
    )
    select id, tenant, kind from ranked where ${table.kind === null ? 'turn <= 2' : 'nth = 1 and place <= 2'}
     order by tenant, kind nulls first, id limit ${maxPeople}`
  const found = await look<{ id: string; tenant: string | null; kind: string | null }>(client, table, sql)
  if (typeof found === 'string' || found.length === 0) {
    return {
      subjects: [],
      says: `Identities: ${table.name} has none to sample${typeof found === 'string' ? `: ${found}` : ''}.`,
    }
  }
  const { tenant: column, kind } = table
  const claim = tenantClaim ?? compared.find((each) => each.column.name === column)?.claim ?? column
  const subjects = found.map((row) => ({
    name: [row.kind ?? 'user', short(row.id), ...(row.tenant === null ? [] : [`of ${short(row.tenant)}`])].join(' '),
    role,
    claims: toClaims([
      ['sub', row.id],
      ...(row.tenant !== null && claim !== null ? [[claim, row.tenant] as const] : []),
      ...(row.kind === null ? [] : [['role', row.kind] as const]),
    ]),
    tenants: row.tenant === null ? [] : [row.tenant],
  }))
  const parts = [
    `sub from ${table.id}`,
    ...(column === null ? [] : [`${claim} from ${column}`]),
    ...(kind === null ? [] : ['role from role']),
  ]
  return {
    subjects,
    says: `Identities: sampled from ${table.name}, claims ${parts.join(', ')}, database role ${role}.`,
  }
}

/** Two of each of the two tenants with most members, each person once. */
async function sampleMembers(
  client: pg.ClientBase,
  { relation, person, claim, tenant }: MemberTable,
  { database, role }: SamplingOptions,
): Promise<SampledPeople> {
  const sql = `with members as (select distinct ${person.sql}::text as id, ${tenant.sql}::text as tenant from ${relation.sql}
       where ${person.sql} is not null and ${tenant.sql} is not null
    ), tenants as (select tenant from members group by 1 order by count(*) desc, 1 limit 2
    ), ranked as (select m.*, row_number() over (partition by tenant order by id) as nth from members m join tenants using (tenant))
    select id from ranked group by id order by min(nth), min(tenant), id limit ${maxPeople}`
  const found = await look<{ id: string }>(client, { name: relation.sql, whole: isWhole(database, relation) }, sql)
  const people = typeof found === 'string' ? [] : found
  const subjects = people.map(({ id }) => ({
    name: `member ${short(id)}`,
    role,
    claims: toClaims([[claim, id]]),
    tenants: [],
  }))
  const says = `Identities: sampled from ${relation.sql}, ${claim} from ${person.name}, database role ${role}.`
  const none = `Identities: ${relation.sql} has none to sample${typeof found === 'string' ? `: ${found}` : ''}.`
  return { subjects, says: subjects.length > 0 ? says : none }
}

/** Gives subjects whose tenants no claim says those that they are members of. */
export async function withTenants(
  client: pg.ClientBase,
  database: Database,
  { relation, person, claim, tenant }: MemberTable,
  subjects: readonly Subject[],
): Promise<Subject[]> {
  const given: Subject[] = []
  for (const subject of subjects) {
    const value = claimValue(subject.claims, claim)
    if (subject.tenants.length > 0 || value === undefined || value === null) {
      given.push(subject)
      continue
    }
    const sql = `select distinct ${tenant.sql}::text as tenant from ${relation.sql}
      where ${person.sql}::text = ${pg.escapeLiteral(String(value))} and ${tenant.sql} is not null order by 1`
    const found = await look<{ tenant: string }>(
      client,
      { name: relation.sql, whole: isWhole(database, relation) },
      sql,
    )
    const tenants = typeof found === 'string' ? [] : found.map((row) => row.tenant)
    given.push({ ...subject, tenants })
  }
  return given
}

/** Whether the connection sees all rows of a table. */
function isWhole({ catalog, access }: Database, relation: Relation): boolean {
  const reader = catalog.roles.get(catalog.database.reader)
  return !relation.rls || (reader !== undefined && access.bypass(reader, relation) !== undefined)
}

/** Tables with columns that policies compare with claims, those of most claims first. */
function claimsByTable(compared: readonly ComparedColumn[]): [Relation, ReadonlyMap<string, ComparedColumn>][] {
  const byTable = new Map<Relation, Map<string, ComparedColumn>>()
  for (const each of compared) {
    const claims = byTable.get(each.relation) ?? new Map<string, ComparedColumn>()
    if (!claims.has(each.claim)) claims.set(each.claim, each)
    byTable.set(each.relation, claims)
  }
  return [...byTable].toSorted(([, a], [, b]) => b.size - a.size || Number(b.has('sub')) - Number(a.has('sub')))
}

async function sampleCompared(
  client: pg.ClientBase,
  [relation, claims]: readonly [Relation, ReadonlyMap<string, ComparedColumn>],
  { database, role, tenantClaim }: SamplingOptions,
): Promise<SampledPeople> {
  const list = [...claims.values()]
  const columns = list.map(({ column }) => `${column.sql}::text`)
  const sql = `select array[${columns.join(', ')}] as values, count(*) as n from ${relation.sql}
    where ${columns.map((each) => `${each} is not null`).join(' and ')} group by 1 order by n desc, 1 limit ${maxPeople}`
  const whole = isWhole(database, relation)
  const found = await look<{ values: string[] }>(client, { name: relation.sql, whole }, sql)
  if (typeof found === 'string' || found.length === 0) {
    return {
      subjects: [],
      says: `Identities: ${relation.sql} has none to sample${typeof found === 'string' ? `: ${found}` : ''}.`,
    }
  }
  const tenant = list.findIndex(({ claim }) => claim === tenantClaim)
  const subjects = found.map(({ values }) => ({
    name: list.map(({ claim }, index) => `${claim} ${short(values[index] ?? '')}`).join(', '),
    role,
    claims: toClaims(list.map(({ claim }, index) => [claim, values[index] ?? ''])),
    tenants: tenant < 0 ? [] : [values[tenant] ?? ''],
  }))
  const parts = list.map(({ claim, column }) => `${claim} from ${column.name}`)
  return {
    subjects,
    says: `Identities: sampled from what policies compare with claims in ${relation.sql}, ${parts.join(', ')}, database role ${role}.`,
  }
}

/** FORCE would hide the people from the owner of their table; it is lifted for this look only. */
async function look<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  { name, whole }: Pick<UsersTable, 'name' | 'whole'>,
  sql: string,
): Promise<readonly Row[] | string> {
  const looked = await attempt(client, async () => {
    if (!whole) await client.query(`alter table ${name} no force row level security`)
    return (await client.query<Row>(sql)).rows
  })
  return isProblem(looked) ? looked.message : looked
}

function short(id: string): string {
  return id.slice(0, 8)
}

const usersSql = `
  select c.oid, format('%I.%I', n.nspname, c.relname) as name, k.attname as id, not row_security_active(c.oid) as whole,
    (select a.attname from pg_attribute a where a.attrelid = c.oid and not a.attisdropped and a.attname in
       ('tenant_id', 'tenant', 'org_id', 'organization_id', 'organisation_id', 'company_id', 'workspace_id', 'team_id', 'account_id')
     order by array_position(array['tenant_id', 'tenant', 'org_id'], a.attname::text) nulls last limit 1) as tenant,
    (select a.attname from pg_attribute a where a.attrelid = c.oid and a.attname = 'role' and not a.attisdropped) as kind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_index i on i.indrelid = c.oid and i.indisprimary and i.indnkeyatts = 1
    join pg_attribute k on k.attrelid = c.oid and k.attnum = i.indkey[0]
   where c.relkind in ('r', 'p') and has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE')
     and c.relname in ('users', 'user', 'app_users', 'members', 'people', 'persons', 'profiles', 'accounts', 'employees')
     and n.nspname not in ('pg_catalog', 'information_schema')
   order by (exists (select from pg_attribute a where a.attrelid = c.oid and a.attname in ('tenant_id', 'tenant', 'org_id',
       'organization_id', 'company_id', 'workspace_id', 'team_id', 'account_id'))) desc,
     array_position(array['users', 'user', 'app_users', 'members', 'people', 'profiles'], c.relname::text) nulls last, 1
   limit 5`
