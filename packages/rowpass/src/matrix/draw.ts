/**
 * Draws the matrix: one transaction in which everybody tries everything, and which is rolled back.
 */
import type pg from 'pg'
import { type Command, commands, type Role } from '../access/catalog/catalog.ts'
import { findComparedColumns } from '../access/claims.ts'
import { findConstants } from '../access/constants.ts'
import { type Database, readDatabase } from '../access/database.ts'
import { become, type ClaimsCarrier, detectCarrier, stepBack } from '../access/identity.ts'
import { findMemberships } from '../access/memberships.ts'
import { attempt, inTrial, isProblem } from '../access/trial.ts'
import { Failure } from '../errors.ts'
import { loadParser } from '../statement/parser.ts'
import type { Cell, Line, Matrix, Subject, TableMatrix } from './cell.ts'
import { tryChange } from './change.ts'
import { createCountingView, prepareCounting } from './counting.ts'
import { createWriteEffects, type WriteEffects } from './effects.ts'
import { tryInsert } from './insert.ts'
import { type EmptyTable, type MadeRows, makeRows, planRows } from './made.ts'
import { withTenants } from './people.ts'
import { foresee } from './plan.ts'
import { trySelect } from './select.ts'
import { findSubjects, type SubjectOptions } from './subjects.ts'
import { type Survey, surveyTable } from './survey.ts'
import { chooseTables, grantsOf, type Table, type TableChoice } from './table.ts'
import { findTenancy, mostUsed, type TenancyOptions, tenantMemberships } from './tenancy.ts'
import type { Trial } from './trial.ts'

/** How a matrix is drawn. */
export interface MatrixOptions extends SubjectOptions, TenancyOptions, Pick<TableChoice, 'schemas' | 'tables'> {
  /** Writes nothing at all, not even what is rolled back: writes are told from privileges and policies. Default false. */
  readonly readOnly?: boolean
  /** Fires triggers that may do what a rollback does not undo. Default false. */
  readonly fireTriggers?: boolean
  /** Lets INSERT take values from sequences, which a rollback does not give back. Default false. */
  readonly advanceSequences?: boolean
  /** Lifts FORCE, which locks the table for a moment, where the connection would not see all rows. Default true. */
  readonly liftForce?: boolean
  /** For each statement, 1 to 600,000 ms. Default 10,000. */
  readonly timeoutMs?: number
  /** How long a statement waits for a lock. Default 500 ms. */
  readonly lockTimeoutMs?: number
  readonly onProgress?: (text: string) => void
  /** Default `Date.now`. */
  readonly now?: () => number
}

const defaultTimeoutMs = 10_000
const defaultLockTimeoutMs = 500
const grantTimeoutMs = 10_000

/**
 * Tries SELECT, INSERT, UPDATE and DELETE of each identity on each table, as a request would.
 *
 * Everything runs in one REPEATABLE READ transaction that is rolled back, each statement in a savepoint of its own, so
 * that its locks end with it. Sequences are not advanced, and no trigger is fired that could reach out of the
 * transaction, unless the options allow it.
 *
 * Does NOT see rights that depend on what a statement says beyond these four (MERGE, ON CONFLICT, TRUNCATE, functions).
 *
 * @param client a connection of the owner or a superuser, outside of a transaction
 * @throws Failure `input_invalid`, `owner_powerless`, see `findSubjects`, `findTenancy` and `become`
 * @example
 * const client = new pg.Client({ connectionString: databaseUrl })
 * await client.connect()
 * const matrix = await drawMatrix(client, { schemas: ['public'] })
 * await client.end()
 */
export async function drawMatrix(client: pg.ClientBase, options: MatrixOptions = {}): Promise<Matrix> {
  const { lockTimeoutMs = defaultLockTimeoutMs, now = Date.now } = options
  const startedAt = now()
  return inTrial(client, { repeatable: true, lockMs: lockTimeoutMs, idleMs: 0 }, async () => {
    const drawn = await draw(client, options)
    const { rows } = await client.query<{ database: string; server: string }>(
      "select current_database() as database, current_setting('server_version') as server",
    )
    const { database = '', server = '' } = rows[0] ?? {}
    return {
      version: 1,
      database,
      server,
      startedAt: new Date(startedAt).toISOString(),
      seconds: (now() - startedAt) / 1000,
      mode: options.readOnly === true ? 'read-only' : 'tried',
      ...drawn,
    }
  })
}

interface Drawing {
  readonly client: pg.ClientBase
  readonly options: MatrixOptions
  readonly carrier: ClaimsCarrier | undefined
  readonly effects: WriteEffects
  readonly strangers: readonly string[]
  /** Tables for which rows are made while somebody tries. */
  readonly empty: readonly EmptyTable[]
}

async function draw(
  client: pg.ClientBase,
  options: MatrixOptions,
): Promise<Pick<Matrix, 'subjects' | 'notes' | 'tables'>> {
  const carrier = await detectCarrier(client)
  const database = await readDatabase(client)
  const { catalog, access } = database
  const parser = await loadParser()
  const compared = findComparedColumns(database, parser, carrier)
  const memberships = tenantMemberships(database, findMemberships(database, parser, carrier), compared)
  const [membership] = options.tenantColumns === undefined ? mostUsed(memberships) : []
  const { subjects: found, notes: aboutSubjects } = await findSubjects(
    client,
    { database, carrier, membership },
    options,
  )
  const subjects = membership === undefined ? found : await withTenants(client, database, membership, found)
  const roles = [...new Set(subjects.map(({ role }) => role))]
  const tables = chooseTables(catalog, access, { ...options, roles: knownRoles(database, roles) })
  if (tables.length === 0) throw new Failure('input_invalid', { detail: 'there is no table to try' })
  const tenancy = findTenancy(tables, options, memberships)
  const effects = createWriteEffects(catalog, database.effects)
  const notes = [...aboutSubjects, describeCarrier(carrier), ...tenancy.notes, ...describeEffects(effects)]
  // Rights to become a role are given before the transaction may become read-only. Another run may have given itself the
  // same, and has to end first.
  await client.query(`set local lock_timeout = ${grantTimeoutMs}`)
  for (const role of roles) {
    await become(client, { role, claims: {} }, undefined)
    await stepBack(client)
  }
  await client.query(`set local lock_timeout = ${Math.trunc(options.lockTimeoutMs ?? defaultLockTimeoutMs)}`)
  if (options.readOnly === true) await client.query('set local transaction_read_only = on')
  await client.query(`set local statement_timeout = ${Math.trunc(options.timeoutMs ?? defaultTimeoutMs)}`)
  const surveys = await surveyAll(client, tables, { ...options, subjects, roles, columns: tenancy.columns, effects })
  const strangers = [
    ...new Set(
      surveys.flatMap(({ samples, tenants }) => [
        ...samples.map(({ tenant }) => tenant),
        ...[...tenants.values()].flat(),
      ]),
    ),
  ].filter((tenant): tenant is string => typeof tenant === 'string')
  const constantsOf = (table: Table) => findConstants(catalog, parser, table.relation)
  const making = { subjects, compared, constantsOf, triggersOf: effects.triggersOf }
  const empty = options.readOnly === true ? [] : surveys.flatMap((survey) => planRows(survey, making) ?? [])
  const drawing: Drawing = { client, options, carrier, effects, strangers, empty }
  const lines = new Map<Survey, Line[]>(surveys.map((survey) => [survey, []]))
  const made = new Map<Survey, MadeRows>()
  for (const [index, subject] of subjects.entries()) {
    options.onProgress?.(`${subject.name}, ${index + 1} of ${subjects.length}, on ${surveys.length} tables`)
    for (const [survey, line] of await tryAll(drawing, subject, surveys, made)) lines.get(survey)?.push(line)
  }
  const toResult = (survey: Survey) => toTable(survey, lines.get(survey) ?? [], made.get(survey))
  return { subjects, notes, tables: surveys.map(toResult) }
}

async function surveyAll(
  client: pg.ClientBase,
  tables: readonly Table[],
  options: MatrixOptions & {
    subjects: readonly Subject[]
    roles: readonly string[]
    columns: ReadonlyMap<number, string>
    effects: WriteEffects
  },
): Promise<Survey[]> {
  const { subjects, roles, columns, effects, readOnly = false, liftForce = true, onProgress } = options
  // Views and ALTER TABLE are DDL, for which event triggers would be fired.
  const ddl = !readOnly && effects.eventTriggers.length === 0
  const hidden = tables.filter((table) => table.hidden).length
  if (hidden > 0 && ddl && liftForce)
    onProgress?.(`${hidden} tables are locked for the moment in which their rows are counted (FORCE)`)
  const indirect = ddl && (await tryCreate(client, () => prepareCounting(client, roles))) === true
  const surveys: Survey[] = []
  for (const table of tables) {
    const tenantColumn = columns.get(table.oid)
    const survey = await surveyTable(client, table, { subjects, tenantColumn, lift: ddl && liftForce })
    const countable = ddl && table.updatable > 0 && !table.rules && table.columns.length > 0
    const view = countable
      ? await tryCreate(client, () => createCountingView(client, table, { tenantColumn, roles, indirect }))
      : undefined
    surveys.push({ ...survey, view })
  }
  return surveys
}

/** The connection may lack the right to make temporary views, or to use the schema. */
async function tryCreate<T>(client: pg.ClientBase, create: () => Promise<T>): Promise<T | undefined> {
  const made = await attempt(client, create, { keep: true })
  return isProblem(made) ? undefined : made
}

async function tryAll(
  drawing: Drawing,
  subject: Subject,
  surveys: readonly Survey[],
  made: Map<Survey, MadeRows>,
): Promise<[Survey, Line][]> {
  const { client, carrier } = drawing
  const lines: [Survey, Line][] = []
  const problem = await attempt(client, async () => {
    for (const [survey, rows] of await makeRows(client, drawing.empty)) made.set(survey, rows)
    await become(client, subject, carrier)
    for (const survey of surveys) {
      const filled = made.get(survey)?.survey ?? survey
      const cells = await tryTable(toTrial(drawing, subject, filled), drawing.options.readOnly === true)
      lines.push([survey, { subject: subject.name, there: filled.there.get(subject.name), cells }])
    }
  })
  if (isProblem(problem)) throw new Error(`${subject.name}: ${problem.message} (${problem.sqlstate})`)
  return lines
}

function toTrial({ client, options, effects, strangers }: Drawing, subject: Subject, survey: Survey): Trial {
  const { fireTriggers = false, advanceSequences = false } = options
  // Only values that the type of the column takes, which those of the table itself are for certain.
  const own = survey.samples
    .map(({ tenant }) => tenant)
    .filter((tenant): tenant is string => typeof tenant === 'string')
  return {
    client,
    subject,
    survey,
    effects,
    fireTriggers,
    advanceSequences,
    grants: grantsOf(survey.table, subject.role),
    triggers: effects.triggersOf(survey.table),
    strangers: [...own, ...strangers],
  }
}

async function tryTable(trial: Trial, readOnly: boolean): Promise<Record<Command, Cell>> {
  if (trial.survey.table.kind === 'foreign table') {
    const cells = commands.map((command) => [command, foresee(trial, command)] as const)
    return Object.fromEntries(cells) as Record<Command, Cell> // one entry for each command
  }
  const select = await trySelect(trial)
  if (readOnly) {
    return {
      select,
      insert: foresee(trial, 'insert'),
      update: foresee(trial, 'update'),
      delete: foresee(trial, 'delete'),
    }
  }
  return {
    select,
    insert: await tryInsert(trial),
    update: await tryChange(trial, 'update', select.reached),
    delete: await tryChange(trial, 'delete', select.reached),
  }
}

function toTable({ table, rows, tenantColumn, notes }: Survey, lines: Line[], made?: MadeRows): TableMatrix {
  const says =
    made === undefined
      ? []
      : made.count > 0
        ? [`It has no row: ${made.count} were made for the trial from what its policies compare, and rolled back.`]
        : [`It has no row, and none could be made for the trial: ${made.problem}.`]
  return {
    name: table.sql,
    kind: table.kind,
    rowSecurity: table.rowSecurity,
    rows,
    ...(made !== undefined && made.count > 0 && { made: made.count }),
    tenantColumn,
    notes: [...notes, ...says],
    lines,
  }
}

function knownRoles({ catalog }: Database, names: readonly string[]): Role[] {
  const roles = [...catalog.roles.values()]
  return names.map((name) => {
    const role = roles.find((each) => each.name === name)
    if (role === undefined) throw new Failure('input_invalid', { detail: `there is no database role ${name}` })
    return role
  })
}

function describeCarrier(carrier: ClaimsCarrier | undefined): string {
  switch (carrier?.kind) {
    case undefined:
      return 'Claims: no policy or function reads any, so that none were set.'
    case 'sealed':
      return 'Claims: under the seal of Rowpass, as its gateway sets them.'
    case 'json':
      return `Claims: as JSON in the setting ${carrier.setting}.`
    case 'each':
      return `Claims: one setting for each, ${carrier.prefix}<claim>.`
  }
}

function describeEffects({ eventTriggers }: WriteEffects): string[] {
  if (eventTriggers.length === 0) return []
  return [
    `Event triggers (${eventTriggers.join(', ')}) would be fired by the views through which rows are counted by tenant, so that UPDATE and DELETE only count them.`,
  ]
}
