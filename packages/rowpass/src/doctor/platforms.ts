/**
 * What platforms bring along: findings about it are said once, in a line, and not for each object of somebody who cannot or
 * would not change it.
 */
import { everyone } from '../access/access.ts'
import type { AclItem, Relation } from '../access/catalog/catalog.ts'
import { type Model, reachedBy } from './analysis/model.ts'
import type { Finding } from './finding.ts'

/** Platforms that are known, in the order in which they are looked for: roles of another database tell nothing. */
export const platformNames = ['rowpass', 'supabase', 'neon', 'postgraphile'] as const
export type PlatformName = (typeof platformNames)[number]

/** What the platform is the reason of. */
export interface PlatformDefault {
  /** One sentence about all of them. */
  readonly says: string
  readonly findings: readonly Finding[]
}

/** The platform of a database, and what it has by it. */
export interface PlatformFacts {
  readonly name: PlatformName
  /** What tells that it is this one. */
  readonly evidence: string
  /** In the order in which they are looked for; none without findings. */
  readonly defaults: readonly PlatformDefault[]
}

interface Platform {
  /** What in the database tells that it is this one; undefined where it is not. */
  evidence(model: Model): string | undefined
  readonly defaults: readonly { readonly says: string; covers(finding: Finding, model: Model): boolean }[]
}

/** Schemas in which Supabase keeps the tables and functions of its services. */
const supabaseSchemas = new Set(
  (
    'auth storage realtime _realtime vault graphql graphql_public extensions pgsodium pgbouncer net cron pgmq ' +
    'supabase_functions supabase_migrations _analytics _supavisor'
  ).split(' '),
)
const supabaseServices = /^(service_role|dashboard_user|pgbouncer|supabase_\w+)$/
const neonServices = /^(neon_\w+|neondb_owner|cloud_admin)$/
/** About what policies say: those on tables of a platform are of whoever uses it. */
const aboutPolicies = /^RLS0[12]/

const platforms: Readonly<Record<PlatformName, Platform>> = {
  supabase: {
    evidence: (model) =>
      hasRole(model, 'service_role') &&
      hasRole(model, 'anon') &&
      model.routineNamed('auth.uid')?.extension === undefined
        ? model.routineNamed('auth.uid') && 'roles anon and service_role, function auth.uid()'
        : undefined,
    defaults: [
      {
        says: 'The tables, functions and roles of its own services are as Supabase makes them.',
        covers: (finding, model) =>
          isWithin(supabaseSchemas, finding, model) ||
          isOfRoles(supabaseServices, finding) ||
          finding.key === 'RLS006:authenticator:service_role',
      },
      {
        says:
          'Tables and sequences in public carry the grants that Supabase gives by default privileges: all to anon and ' +
          'authenticated before 2026-10-30, and TRUNCATE, REFERENCES, TRIGGER and MAINTAIN, which its API cannot use, after. ' +
          'Policies decide what requests reach, and a table without them is closed.',
        covers: hasDefaultGrants,
      },
      {
        says: 'supabase_realtime sends changes through a service that asks the policies for each subscriber.',
        covers: ({ key }) => key === 'RLS073:supabase_realtime',
      },
    ],
  },
  neon: {
    evidence: (model) => (hasRole(model, 'neon_superuser') ? 'role neon_superuser' : undefined),
    defaults: [
      {
        says: 'The roles of the platform are as Neon makes them: neondb_owner is past policies and serves no requests.',
        covers: (finding) => isOfRoles(neonServices, finding),
      },
      {
        says: 'New tables are given to the roles of the Data API by default privileges, as Neon sets it up.',
        covers: hasDefaultGrants,
      },
    ],
  },
  postgraphile: {
    evidence: (model) => {
      const settings = model.policies.flatMap(({ usingTree, checkTree }) =>
        [usingTree, checkTree].flatMap((each) => (each === undefined ? [] : [...reachedBy(model, each.tree).settings])),
      )
      const setting = settings.find((name) => name.startsWith('jwt.claims.'))
      return setting && `policies that read ${setting}`
    },
    defaults: [
      {
        says:
          'Tables are not forced, as functions of their owner work past policies: the owner is for migrations and such ' +
          'functions, and no request logs in as it.',
        covers: ({ code, object }, model) => code === 'RLS004' && !ownerServes(model, object),
      },
      {
        says: 'Policies name no role, as there is one role of requests.',
        covers: ({ code }, model) => code === 'RLS010' && model.access.apiRoles.length === 1,
      },
      {
        says: 'New sequences are given to the role of requests by default privileges.',
        covers: ({ code, part }) => code === 'RLS062' && part?.endsWith(':sequences') === true,
      },
    ],
  },
  rowpass: {
    evidence: (model) => model.routineNamed('rowpass.session') && 'function rowpass.session()',
    defaults: [
      {
        says: 'The tables and functions of rowpass and auth are as Rowpass makes them.',
        covers: (finding, model) => isWithin(new Set(['rowpass', 'auth']), finding, model),
      },
    ],
  },
}

/**
 * Takes out of findings what the platform is the reason of.
 *
 * @param name the platform; `none` for no platform, undefined for the one that is found out
 */
export function setDefaultsApart(
  model: Model,
  findings: readonly Finding[],
  name: PlatformName | 'none' | undefined,
): { findings: readonly Finding[]; platform: PlatformFacts | undefined } {
  const found = name === undefined ? platformNames.find((each) => platforms[each].evidence(model) !== undefined) : name
  if (found === undefined || found === 'none') return { findings, platform: undefined }
  const { evidence, defaults } = platforms[found]
  const reasonOf = new Map(
    findings.map((finding) => [finding, defaults.find(({ covers }) => covers(finding, model))] as const),
  )
  return {
    findings: findings.filter((finding) => reasonOf.get(finding) === undefined),
    platform: {
      name: found,
      evidence: name === undefined ? (evidence(model) ?? '') : 'it was named',
      defaults: defaults.flatMap((each) => {
        const own = findings.filter((finding) => reasonOf.get(finding) === each)
        return own.length === 0 ? [] : [{ says: each.says, findings: own }]
      }),
    },
  }
}

function hasRole({ catalog }: Model, name: string): boolean {
  return [...catalog.roles.values()].some((role) => role.name === name)
}

/** Whether a finding is about an object of these schemas, or about one of them; policies there are of somebody else. */
function isWithin(schemas: ReadonlySet<string>, { code, object }: Finding, model: Model): boolean {
  const own = object.replace(/^(function|procedure) /, '')
  if (![...schemas].some((schema) => own === schema || own.startsWith(`${schema}.`))) return false
  const table = model.tables.find(({ sql }) => sql === object)
  return table === undefined || !aboutPolicies.test(code) || model.policiesOf(table).length === 0
}

/** What a role of the platform may, by itself or as a member of another one of it. */
function isOfRoles(names: RegExp, { code, object, part }: Finding): boolean {
  return (code === 'RLS005' || code === 'RLS006') && names.test(object) && (part === undefined || names.test(part))
}

/** Whether what a finding is about was granted by default privileges that are still in force, and by nothing else. */
function hasDefaultGrants({ code, object }: Finding, model: Model): boolean {
  if (code === 'RLS062') return object === 'public'
  const table = code === 'RLS060' || code === 'RLS003' ? model.tables.find(({ sql }) => sql === object) : undefined
  const sequence = code === 'RLS065' ? model.catalog.sequences.find(({ sql }) => sql === object) : undefined
  const found = table ?? sequence
  return found !== undefined && isByDefault(found, table === undefined ? 'sequences' : 'tables', model, code)
}

function isByDefault(
  { owner, schema, grants }: Pick<Relation, 'owner' | 'schema' | 'grants'>,
  objects: string,
  { access, catalog }: Model,
  code: string,
): boolean {
  const given = catalog.defaultPrivileges
    .filter((each) => each.owner === owner && each.objects === objects && (each.schema ?? schema) === schema)
    .flatMap((each) => each.grants)
  const has = (list: readonly AclItem[], { grantee, privilege }: AclItem): boolean =>
    list.some((each) => each.grantee === grantee && each.privilege === privilege)
  const api = new Set([everyone, ...access.apiRoles.map(({ oid }) => oid)])
  const risky = code === 'RLS060' ? ['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'] : undefined
  const own = grants.filter(({ grantee, privilege }) => api.has(grantee) && (risky?.includes(privilege) ?? true))
  return own.length > 0 && own.every((each) => has(given, each))
}

function ownerServes({ tables, access }: Model, object: string): boolean {
  const owner = tables.find(({ sql }) => sql === object)?.owner
  return access.apiRoles.some(({ oid }) => oid === owner)
}
