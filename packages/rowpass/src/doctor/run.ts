/**
 * Examines a database: reads its catalogs once, tries what only a trial can tell, and asks every rule.
 */
import type pg from 'pg'
import { readCatalog, readCatalogHere } from '../access/catalog/read.ts'
import { inSavepoint, inTrial } from '../access/trial.ts'
import { withConnection } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { loadParser } from '../statement/parser.ts'
import { createModel, type Model } from './analysis/model.ts'
import { applyRule, type Finding, levels } from './finding.ts'
import { fixLimits, tryFixes } from './fixes/try.ts'
import { type Measurement, type MeasureOptions, measureFindings } from './measure.ts'
import { type PlatformFacts, type PlatformName, setDefaultsApart } from './platforms.ts'
import { lookAtPlans } from './probe/plans.ts'
import { openProbe } from './probe/probe.ts'
import { tryWithoutClaims } from './probe/rows.ts'
import { rules } from './rules.ts'

const oldestVersion = 150_000

/** What to examine. */
export interface DoctorOptions {
  /** URL of any login; the owner or a superuser sees no more of the catalogs than others. */
  readonly databaseUrl: string
  /** Roles that requests run as; default: those that are found out. */
  readonly roles?: readonly string[]
  /** Codes of the rules to ask; default: all. */
  readonly rules?: readonly string[]
  /** Whose defaults are said once and are no findings; default: found out. `none`: everything is a finding. */
  readonly profile?: PlatformName | 'none'
  /** Reads catalogs and nothing else: no trial without claims, no plans. Default: no. */
  readonly catalogsOnly?: boolean
  /**
   * Tries the fixes of what is found: see {@link tryFixesHere}. Default: no, and fixes are
   * proposals that nobody has tried.
   */
  readonly fixes?: TryOptions
  /** Runs slow policies against their better forms on the rows of the database; see `measureFindings`. Default: no. */
  readonly measure?: MeasureOptions
}

/** Which fixes to try, and for how long. */
export interface TryOptions {
  /** Keys of findings that are accepted: their fixes are left alone. Default: none. */
  readonly except?: ReadonlySet<string>
  /** Longest time of all fixes, in milliseconds, 0–600,000. Default 20,000. */
  readonly budgetMs?: number
}

/** What came of it. */
export interface Diagnosis {
  /** `server_version_num`. */
  readonly serverVersion: number
  /** Roles that were taken for those of requests. */
  readonly roles: readonly string[]
  /** How many tables and policies were looked at. */
  readonly tables: number
  readonly policies: number
  /** The worst first, then by object and code. */
  readonly findings: readonly Finding[]
  /** What the database is on, and what is so by that; undefined where it is on none that is known. */
  readonly platform: PlatformFacts | undefined
  /** What is a guess, and what could not be tried, and why. */
  readonly notes: readonly string[]
  /** Only where it was asked for. */
  readonly measurements?: readonly Measurement[]
}

/**
 * Examines the row-level security of a database.
 *
 * Reads the catalogs in one read-only transaction. Then, unless `catalogsOnly` is set, tries in a second one what a request
 * without claims sees and how slow policies are planned, as the roles of requests. Policies and the functions they call
 * run there, as in every request: a role that may write functions can be more there than it is, as whoever connects is
 * behind it. Nothing is changed, and of rows nothing is kept but whether there are any.
 *
 * @throws Failure `database_unavailable` when the server cannot be reached
 * @throws Failure `server_unsupported` when it is older than PostgreSQL 15
 * @throws Failure `input_invalid` for a role or a rule that there is not
 * @example
 * const { findings } = await runDoctor({ databaseUrl: 'postgresql://owner:secret@localhost/app' })
 */
export async function runDoctor(options: DoctorOptions): Promise<Diagnosis> {
  return withConnection(options.databaseUrl, async (client) => {
    const model = await examine(client, options)
    const found = options.catalogsOnly ? diagnose(model, options) : await tryOut(client, model, options)
    const { fixes, roles, rules: asked } = options
    const diagnosis =
      fixes === undefined
        ? found
        : await inTrial(client, fixLimits, () =>
            tryFixesHere(client, model, found, { ...fixes, ...(roles && { roles }), ...(asked && { rules: asked }) }),
          )
    if (options.measure === undefined) return diagnosis
    return { ...diagnosis, measurements: await measureFindings(client, model, diagnosis.findings, options.measure) }
  })
}

/** Reads the catalogs over a connection that is outside of a transaction, and works out what the rules need. */
export async function examine(client: pg.ClientBase, options: Pick<DoctorOptions, 'roles'> = {}): Promise<Model> {
  const catalog = await readCatalog(client)
  if (catalog.database.version < oldestVersion) {
    throw new Failure('server_unsupported', { detail: `this is ${Math.floor(catalog.database.version / 10_000)}` })
  }
  return createModel(catalog, await loadParser(), options.roles)
}

async function tryOut(client: pg.ClientBase, model: Model, options: DoctorOptions): Promise<Diagnosis> {
  return inTrial(client, { repeatable: true }, () => tryOutHere(client, model, options))
}

/**
 * Tries the fixes of a diagnosis in the transaction that is open, which the caller rolls back: each after the others, with
 * what every login and role of the database could do before, and all rules once more at the end.
 *
 * A fix that takes more than the fault, that leaves it, or that this login may not run becomes a question. Locks of its
 * statements, ACCESS EXCLUSIVE on tables among them, are held until the end: 20 seconds at most, and 15 for asking all
 * rules once more. A statement runs for half a second, and waits a tenth of one for other transactions.
 */
export async function tryFixesHere(
  client: pg.ClientBase,
  model: Model,
  diagnosis: Diagnosis,
  { roles, rules: asked, except, budgetMs }: TryOptions & Pick<DoctorOptions, 'roles' | 'rules'> = {},
): Promise<Diagnosis> {
  const isAsked = ({ key }: Finding): boolean => except?.has(key) !== true
  const examineHere = () =>
    inSavepoint(client, async () => {
      const catalog = await inSavepoint(client, () => readCatalogHere(client))
      const now = createModel(catalog, await loadParser(), roles)
      return (await inSavepoint(client, () => tryOutHere(client, now, { profile: 'none' }))).findings
    })
  const apart = diagnosis.platform?.defaults.flatMap(({ findings }) => findings) ?? []
  const tried = await tryFixes(client, model, diagnosis.findings.filter(isAsked), {
    examine: examineHere,
    known: asked === undefined ? new Set([...diagnosis.findings, ...apart].map(({ key }) => key)) : undefined,
    ...(budgetMs !== undefined && { budgetMs }),
  })
  const fixes = new Map(tried.findings.map(({ key, fix }) => [key, fix]))
  return {
    ...diagnosis,
    findings: diagnosis.findings.map((each) => ({ ...each, fix: fixes.get(each.key) ?? each.fix })),
    notes: [...diagnosis.notes, ...tried.notes],
  }
}

/** Asks the rules with what comes of trials in the transaction that is open, which is read-only from there on. */
export async function tryOutHere(
  client: pg.ClientBase,
  model: Model,
  options: Pick<DoctorOptions, 'rules' | 'profile'> = {},
): Promise<Diagnosis> {
  const probe = await openProbe(client, model)
  const trials = await tryWithoutClaims(probe, model)
  const diagnosis = diagnose({ ...model, trials }, options)
  const { findings, notes } = await lookAtPlans(probe, model, diagnosis.findings)
  return { ...diagnosis, findings, notes: [...diagnosis.notes, ...probe.notes, ...trials.notes, ...notes] }
}

/** Asks the rules. */
export function diagnose(model: Model, options: Pick<DoctorOptions, 'rules' | 'profile'> = {}): Diagnosis {
  const unknown = options.rules?.find((code) => !rules.some((rule) => rule.code === code))
  if (unknown !== undefined) {
    throw new Failure('input_invalid', { detail: `there is no rule ${JSON.stringify(unknown)}` })
  }
  const asked = rules.filter(({ code }) => options.rules?.includes(code) ?? true)
  const all = asked.flatMap((rule) => [...applyRule(rule, model)]).sort(bySeverity)
  return {
    serverVersion: model.catalog.database.version,
    roles: model.access.apiRoles.map(({ name }) => name),
    tables: model.tables.length,
    policies: model.policies.length,
    ...setDefaultsApart(model, all, options.profile),
    notes: guessOfRoles(model),
  }
}

/** What names and logins suggest is less than what policies and grants say. */
function guessOfRoles({ access: { requests, apiRoles } }: Model): string[] {
  const names = apiRoles.map(({ sql }) => sql).join(', ')
  switch (requests.evidence) {
    case 'names':
      return [
        `no policy and no grant names a role: ${names} is taken for the roles of requests by name (--role says it)`,
      ]
    case 'login':
      return [`no policy and no grant names a role: ${names} is what a login can be (--role says who requests run as)`]
    case 'owner':
      return [`${names} owns the tables and logs in, and nothing names another role: requests are taken to run as it`]
    case 'none':
      return ['no role that requests run as was found, so nothing was judged by grants: name one with --role']
    default:
      return []
  }
}

function bySeverity(a: Finding, b: Finding): number {
  return (
    levels.indexOf(a.level) - levels.indexOf(b.level) ||
    compare(a.object, b.object) ||
    compare(a.code, b.code) ||
    compare(a.key, b.key)
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
