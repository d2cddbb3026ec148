/**
 * Who tries: identities from a file, from a query, or sampled from a table of users; and always somebody without claims.
 */
import type pg from 'pg'
import * as z from 'zod'
import { sqlstateOf } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import type { Subject } from './cell.ts'
import { type SamplingOptions, samplePeople } from './people.ts'
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

/** Where identities come from; with neither, they are sampled: from a table of users, or what policies compare with claims. */
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
  { database, carrier, membership }: Pick<SamplingOptions, 'database' | 'carrier' | 'membership'>,
  options: SubjectOptions,
): Promise<Subjects> {
  const { requests } = database.access
  const role = options.role ?? requests.signedIn?.name
  const notes: string[] = []
  let subjects: Subject[]
  if (options.file !== undefined) subjects = parseSubjects(options.file, role, options.tenantClaim)
  else if (options.sample !== undefined) subjects = await sampleBy(client, options.sample, role, options.tenantClaim)
  else {
    const { tenantClaim } = options
    const found = await samplePeople(client, { database, carrier, membership, role: known(role), tenantClaim })
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

/**
 * Parses the people of a file, whose roles and tenants may be left out.
 * @throws Failure `input_invalid`
 */
export function parseIdentities(json: unknown): z.infer<typeof subjectSchema>[] {
  const parsed = z.array(subjectSchema).min(1).safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Failure('input_invalid', { detail: `the identities: ${issue?.path.join('.')}: ${issue?.message}` })
  }
  const names = parsed.data.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Failure('input_invalid', { detail: `two identities are called ${twice}` })
  return parsed.data
}

function toSubjects(json: unknown, role: string | undefined, tenantClaim: string | undefined): Subject[] {
  return refuseTooMany(
    parseIdentities(json).map((each) => ({
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
