/**
 * Who tries: identities from a file, from a query, or sampled from a table of users; and always somebody without claims.
 */
import pg from 'pg'
import { z } from 'zod'
import type { Database } from '../access/database.ts'
import { attempt, isProblem } from '../access/trial.ts'
import { sqlstateOf } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import type { Subject } from './cell.ts'
import { tenantsOf } from './tenancy.ts'

/** More would make a table that nobody reads. */
const maxSubjects = 20

const subjectSchema = z.strictObject({
  name: z.string().min(1).max(80),
  role: z.string().min(1).max(63).optional(),
  claims: z.record(z.string(), z.unknown()).default({}),
  /** Where the claims do not say it. */
  tenants: z.array(z.string()).optional(),
})

/** Where identities come from; with neither, they are sampled from a table of users. */
export interface SubjectOptions {
  /** JSON, as {@link parseSubjects} takes it. */
  readonly file?: string
  /** A query with the columns `name`, `role`, `claims`, and perhaps `tenants`. */
  readonly sample?: string
  readonly tenantClaim?: string
  /** The role of identities that name none, and of the sampled ones. */
  readonly role?: string
}

/** Who tries, and how they were found. */
export interface Subjects {
  readonly subjects: readonly Subject[]
  readonly notes: readonly string[]
}

/**
 * Finds the identities.
 *
 * Does NOT read names or addresses of people where it samples by itself: an identity is called by its role and the start
 * of its id.
 *
 * @throws Failure `input_invalid` when the file or the query gives something else than identities, or more than 20
 */
export async function findSubjects(
  client: pg.ClientBase,
  { access: { requests } }: Database,
  options: SubjectOptions,
): Promise<Subjects> {
  const role = options.role ?? requests.signedIn?.name
  const notes: string[] = []
  let subjects: Subject[]
  if (options.file !== undefined) subjects = parseSubjects(options.file, role, options.tenantClaim)
  else if (options.sample !== undefined) subjects = await sampleBy(client, options.sample, role, options.tenantClaim)
  else {
    const found = await sampleUsers(client, known(role), options.tenantClaim)
    subjects = found.subjects
    notes.push(found.says)
  }
  const usual = subjects[0]?.role ?? known(role)
  const nobody = [...new Set([usual, requests.anonymous?.name ?? usual])]
    .filter((each) => !subjects.some((subject) => subject.role === each && Object.keys(subject.claims).length === 0))
    .map((each) => ({ name: `no claims (${each})`, role: each, claims: {}, tenants: [] }))
  return { subjects: refuseTooMany([...subjects, ...nobody]), notes }
}

/**
 * Parses `[{ "name": …, "role": …, "claims": {…}, "tenants": […] }]`; all but the name may be left out.
 * @throws Failure `input_invalid`
 */
export function parseSubjects(text: string, role: string | undefined, tenantClaim?: string): Subject[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new Failure('input_invalid', { detail: 'the identities are not JSON', cause: error })
  }
  return toSubjects(json, role, tenantClaim)
}

/** Policies for PUBLIC name no role: then somebody has to. */
function known(role: string | undefined): string {
  if (role !== undefined) return role
  throw new Failure('input_invalid', { detail: 'no role named by a policy was found: name one with --role' })
}

function toSubjects(json: unknown, role: string | undefined, tenantClaim: string | undefined): Subject[] {
  const parsed = z.array(subjectSchema).min(1).safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Failure('input_invalid', { detail: `the identities: ${issue?.path.join('.')}: ${issue?.message}` })
  }
  const names = parsed.data.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Failure('input_invalid', { detail: `two identities are called ${twice}` })
  return refuseTooMany(
    parsed.data.map((each) => ({
      name: each.name,
      role: each.role ?? known(role),
      claims: each.claims,
      tenants: each.tenants ?? tenantsOf(each.claims, tenantClaim),
    })),
  )
}

function refuseTooMany(subjects: Subject[]): Subject[] {
  if (subjects.length <= maxSubjects) return subjects
  throw new Failure('input_invalid', { detail: `${subjects.length} identities are more than ${maxSubjects}` })
}

async function sampleBy(
  client: pg.ClientBase,
  sql: string,
  role: string | undefined,
  tenantClaim: string | undefined,
): Promise<Subject[]> {
  const failed = (message: string, cause?: unknown) =>
    new Failure('input_invalid', { detail: `--sample: ${message}`, cause })
  try {
    // A subquery is no COMMIT; a value makes it the extended protocol, which takes one statement only.
    const { rows } = await client.query<Record<string, unknown>>(
      `select sample.* from (\n${sql.replace(/[;\s]+$/, '')}\n) as sample limit $1`,
      [maxSubjects + 1],
    )
    if (rows.length === 0) throw failed('the query gives no row; FORCE hides rows from the owner of a table too')
    return toSubjects(
      rows
        .slice(0, maxSubjects + 1)
        .map(({ name, role: own, ...rest }) => ({ name: String(name), ...(own !== null && { role: own }), ...rest })),
      role,
      tenantClaim,
    )
  } catch (error) {
    throw sqlstateOf(error) === undefined || !(error instanceof Error) ? error : failed(error.message, error)
  }
}

/** Four people at most: of two tenants, and in each of two kinds where a column `role` tells them apart. */
async function sampleUsers(
  client: pg.ClientBase,
  role: string,
  tenantClaim: string | undefined,
): Promise<{ subjects: Subject[]; says: string }> {
  const { rows: tables } = await client.query<{
    name: string
    id: string
    tenant: string | null
    kind: string | null
    whole: boolean
  }>(usersSql)
  const [table] = tables
  if (table === undefined) {
    return { subjects: [], says: 'Identities: no table of users was found. Name some with --identities or --sample.' }
  }
  const quote = (name: string | null) => (name === null ? 'null' : `${pg.escapeIdentifier(name)}::text`)
  // FORCE would hide the users from their owner; lifted for this look only.
  const sql = `with people as (
      select ${quote(table.id)} as id, ${quote(table.tenant)} as tenant, ${quote(table.kind)} as kind from ${table.name}
    ), tenants as (
      select tenant, count(*) as n, count(distinct kind) as kinds from people group by 1 order by kinds desc, n desc, 1 limit 2
    ), ranked as (
      select p.*, row_number() over (partition by p.tenant, p.kind order by p.id) as nth,
             dense_rank() over (partition by p.tenant order by p.kind) as place
        from people p join tenants t on p.tenant is not distinct from t.tenant
    )
    select id, tenant, kind from ranked where nth = 1 and place <= 2 order by tenant, kind nulls first limit 4`
  const looked = await attempt(client, async () => {
    if (!table.whole) await client.query(`alter table ${table.name} no force row level security`)
    return (await client.query<{ id: string; tenant: string | null; kind: string | null }>(sql)).rows
  })
  const value = isProblem(looked) ? [] : looked
  if (value.length === 0) {
    return {
      subjects: [],
      says: `Identities: ${table.name} has none to sample${isProblem(looked) ? `: ${looked.message}` : ''}.`,
    }
  }
  const claim = tenantClaim ?? table.tenant
  const subjects = value.map(({ id, tenant, kind }) => ({
    name: [kind ?? 'user', id.slice(0, 8), ...(tenant === null ? [] : [`of ${tenant.slice(0, 8)}`])].join(' '),
    role,
    claims: {
      sub: id,
      ...(tenant !== null && claim !== null && { [claim]: tenant }),
      ...(kind !== null && { role: kind }),
    },
    tenants: tenant === null ? [] : [tenant],
  }))
  const parts = [
    `sub from ${table.id}`,
    ...(table.tenant === null ? [] : [`${claim} from ${table.tenant}`]),
    ...(table.kind === null ? [] : ['role from role']),
  ]
  return {
    subjects,
    says: `Identities: sampled from ${table.name}, claims ${parts.join(', ')}, database role ${role}.`,
  }
}

const usersSql = `
  select format('%I.%I', n.nspname, c.relname) as name, k.attname as id, not row_security_active(c.oid) as whole,
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
   limit 1`
