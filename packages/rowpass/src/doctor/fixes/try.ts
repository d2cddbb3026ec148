/**
 * Tries the fixes of findings, all of them together and each after the others, in a transaction that is rolled back. What
 * breaks something, or does not help, becomes a question.
 */
import type pg from 'pg'
import type { Role } from '../../access/catalog/catalog.ts'
import { createEffectsJudge } from '../../access/effects.ts'
import { detectCarrier } from '../../access/identity.ts'
import { attempt, inSavepoint, isProblem } from '../../access/trial.ts'
import { loadParser, type Parser } from '../../statement/parser.ts'
import type { Model } from '../analysis/model.ts'
import { usersAs } from '../analysis/reliance.ts'
import { listed } from '../analysis/words.ts'
import type { Finding, Fix, RuleCode } from '../finding.ts'
import { inOrder } from '../migration.ts'
import { takeOnRoles } from '../probe/probe.ts'
import { createFixReaches, type FixReach, type FixReaches } from './fix-reach.ts'
import { compare, describe, describeAll, isMeant, leavesNobody, type WorkChange } from './losses.ts'
import { type Uncalled, type WorkOutcome, type Workshop, workOn } from './work.ts'
import { findPeople, type Worker, workingRoles } from './workers.ts'

/** What trying takes. */
export interface FixTrialOptions {
  /** Examines the database as it is in the transaction, with all rules. */
  readonly examine: () => Promise<readonly Finding[]>
  /** Keys of what all rules find before any fix; where they are not known, it is looked at once more. */
  readonly known?: ReadonlySet<string> | undefined
  /** Longest time of all fixes, in milliseconds; what is not tried by then is not offered. Default 20,000. */
  readonly budgetMs?: number
}

/** Findings whose fixes were tried. */
export interface TriedFindings {
  readonly findings: readonly Finding[]
  readonly notes: readonly string[]
}

/** How long a fix may hold a table, and how long it may wait for one that others use. */
export const fixLimits = { statementMs: 500, lockMs: 100, idleMs: 10_000 } as const

const defaultBudgetMs = 20_000
const maxRounds = 4
const maxNamed = 6
/** From here on an index takes longer than a trial may. */
const manyRows = 100_000

/** Fixes that only what happens to a request can prove. */
const provenByRequests: ReadonlySet<RuleCode> = new Set<RuleCode>([
  'RLS014',
  'RLS019',
  'RLS024',
  'RLS030',
  'RLS031',
  'RLS032',
  'RLS033',
  'RLS034',
  'RLS044',
  'RLS050',
  'RLS051',
])

/**
 * Tries them in the transaction that is open, which the caller rolls back. Statements of fixes lock their tables until
 * then; they wait a tenth of a second for a lock, and run for half a second at most.
 *
 * @param findings as they were found in this database
 * @returns the same findings, with fixes that were tried, and questions in the place of those that are none
 */
export async function tryFixes(
  client: pg.ClientBase,
  model: Model,
  findings: readonly Finding[],
  { examine, known, budgetMs = defaultBudgetMs }: FixTrialOptions,
): Promise<TriedFindings> {
  const candidates = inOrder(findings).filter(({ fix }) => 'sql' in fix)
  if (candidates.length === 0) return { findings, notes: [] }
  const parser = await loadParser()
  const { statementMs, lockMs } = fixLimits
  await client.query(`set local statement_timeout = ${statementMs}; set local lock_timeout = ${lockMs}`)
  const trial = await prepare(client, model, parser, performance.now() + budgetMs)
  const verdicts = new Map<Finding, Fix>()
  const [trigger] = lastingTriggers(trial)
  if (trigger !== undefined) {
    const person = `Not tried: the event trigger ${trigger} runs with it, and may do something that no rollback undoes.`
    for (const each of candidates) verdicts.set(each, { person: `${person} ${asSql(each)}` })
  } else {
    const before = known ?? new Set((await examine()).map(({ key }) => key))
    for (let round = 0; round < maxRounds; round++) {
      const open = candidates.filter((each) => isOpen(verdicts.get(each)))
      const rejected = await tryTogether(trial, open, verdicts, { examine, before })
      if (rejected === 0) break
      if (round === maxRounds - 1 || performance.now() > trial.deadline)
        for (const each of open.filter((one) => isOpen(verdicts.get(one))))
          verdicts.set(each, {
            person: `Not tried to the end, as too many of the fixes depend on each other. ${asSql(each)}`,
          })
    }
  }
  return {
    findings: findings.map((finding) => ({ ...finding, fix: verdicts.get(finding) ?? finding.fix })),
    notes: [...trial.notes],
  }
}

interface Trial extends Workshop {
  readonly reaches: FixReaches
  readonly deadline: number
  readonly notes: Set<string>
}

async function prepare(client: pg.ClientBase, model: Model, parser: Parser, deadline: number): Promise<Trial> {
  const { roles, leftOut } = workingRoles(model)
  const { roles: able } = await takeOnRoles(client, roles)
  const carrier = await detectCarrier(client)
  const people = await findPeople(client, model, parser, carrier)
  const serving = new Set(model.access.apiRoles.map(({ oid }) => oid))
  const workers = roles.flatMap((role): Worker[] => {
    const serves = serving.has(role.oid)
    const nobody = { role, claims: {}, serves, called: role.sql }
    return serves
      ? [nobody, ...people.map((claims) => ({ ...nobody, claims, called: `${role.sql} with claims` }))]
      : [nobody]
  })
  const unable = roles.filter((role) => !able.includes(role))
  return {
    client,
    model,
    carrier,
    workers,
    effects: createEffectsJudge(model.catalog, model.callers, parser),
    able: new Set(able.map(({ oid }) => oid)),
    reaches: createFixReaches(model),
    deadline,
    notes: new Set([
      ...(unable.length === 0
        ? []
        : [
            `fixes were judged by the catalogs alone for ${listed(unable.map(({ sql }) => sql))}: this login cannot take the role on`,
          ]),
      ...(leftOut === 0 ? [] : [`fixes were tried for ${roles.length} roles, and not for ${leftOut} more`]),
    ]),
  }
}

/** Event triggers that run with what fixes do, and do what no rollback undoes. */
function lastingTriggers({ model, effects }: Trial): string[] {
  const tags =
    /^(ALTER (TABLE|POLICY|VIEW|FUNCTION|PROCEDURE|ROUTINE|DEFAULT PRIVILEGES)|CREATE (INDEX|FUNCTION|PROCEDURE)|GRANT|REVOKE)$/
  return model.catalog.eventTriggers
    .filter(
      ({ event, tags: own }) => event !== 'sql_drop' && (own === undefined || own.some((each) => tags.test(each))),
    )
    .filter(({ routine }) => effects.ofRoutine(routine).lasting !== undefined)
    .map(({ name }) => name)
}

const isOpen = (fix: Fix | undefined): boolean => fix === undefined || 'sql' in fix

/** One round: each fix on top of those before it, and then all rules once more. @returns how many were found to be none */
async function tryTogether(
  trial: Trial,
  candidates: readonly Finding[],
  verdicts: Map<Finding, Fix>,
  { examine, before }: { examine: FixTrialOptions['examine']; before: ReadonlySet<string> },
): Promise<number> {
  return inSavepoint(trial.client, async () => {
    const applied = new Set<string>()
    const state = new Map<string, WorkOutcome>()
    const seen = new Set<object>()
    for (const finding of candidates) verdicts.set(finding, await tryOne(trial, finding, { applied, state, seen }))
    const kept = candidates.filter((each) => isOpen(verdicts.get(each)))
    const after = await examine()
    let rejected = 0
    for (const finding of kept) {
      const why = whyNoFix(finding, after, before)
      if (why === undefined) continue
      rejected++
      verdicts.set(finding, { person: `Tried, and not offered: ${why} ${asSql(finding)}` })
    }
    return rejected
  })
}

/** The finding is still there, or another of the same thing has taken its place. */
function whyNoFix(finding: Finding, after: readonly Finding[], before: ReadonlySet<string>): string | undefined {
  if (after.some(({ key }) => key === finding.key))
    return 'the finding stays. Rights that another role has granted are for that role to take back.'
  const { object, part } = finding
  if (part === undefined) return undefined
  const next = after.find((each) => !before.has(each.key) && each.object === object && each.part === part)
  return next && `${next.code} takes its place: ${next.says}`
}

interface State {
  /** Statements that stay. */
  readonly applied: Set<string>
  /** What everybody can do, as far as it was asked. */
  readonly state: Map<string, WorkOutcome>
  /** What it was asked of. */
  readonly seen: Set<object>
}

async function tryOne(trial: Trial, finding: Finding, { applied, state, seen }: State): Promise<Fix> {
  const { client, model, deadline } = trial
  const { fix, code } = finding
  if (!('sql' in fix)) return fix
  const statements = fix.sql.filter((each) => !applied.has(each))
  if (statements.length === 0) return { ...fix, tried: true }
  if (performance.now() > deadline)
    return { person: `Not tried, as the time for trials was over: run it for this rule alone, with --rule ${code}.` }
  const unable = model.access.apiRoles.filter(({ oid }) => !trial.able.has(oid))
  if (provenByRequests.has(code) && unable.length > 0)
    return { person: `Not tried: this login cannot become ${listed(unable.map(({ sql }) => sql))}. ${asSql(finding)}` }
  const isIndex = statements.every((each) => each.startsWith('create index '))
  const reach = trial.reaches(statements)
  if (isIndex && reach.relations.some(({ rows }) => rows > manyRows)) return untriedIndex(fix)

  const uncalled: Uncalled = new Map()
  const asked = isIndex ? nothing : reach
  const fresh = only(asked, (each) => !seen.has(each))
  for (const [key, outcome] of await workOn(trial, fresh, uncalled)) state.set(key, outcome)
  for (const each of allOf(asked)) seen.add(each)
  const result = await attempt(
    client,
    async () => {
      for (const each of statements) await client.query(each)
      await checkBodies(client, reach)
      const after = await workOn(trial, asked, uncalled)
      const differences = compare(state, after)
      const unmeant = differences.filter((each) => !isMeant(code, each, after))
      const bad = unmeant.length === 0 && code === 'RLS044' && leavesNobody(differences) ? differences : unmeant
      if (bad.length > 0) throw new Broken(bad)
      return { after, differences }
    },
    { keep: true },
  ).catch((error: unknown) => {
    if (error instanceof Broken) return error
    throw error
  })
  if (result instanceof Broken) return { person: `${whatBreaks(model, result.differences)} ${asSql(finding)}` }
  if (isProblem(result)) {
    if (isIndex && result.sqlstate === '57014') return untriedIndex(fix)
    return { person: whyNotRun(model, finding, reach, result) }
  }
  for (const each of statements) applied.add(each)
  for (const [key, outcome] of result.after) state.set(key, outcome)
  const loses = fix.loses ?? describeAll(result.differences.filter(({ kind }) => kind === 'loses'))
  const untried = [
    ...[...uncalled].map(([routine, why]) => `${routine.sql} was not called: ${why}`),
    ...(reach.whole ? [] : ['more tables read what it changes than were tried']),
  ]
  return { ...fix, tried: true, loses, ...(untried.length > 0 && { untried }) }
}

class Broken extends Error {
  readonly differences: readonly WorkChange[]
  constructor(differences: readonly WorkChange[]) {
    super('a fix breaks something')
    this.differences = differences
  }
}

const nothing: FixReach = { relations: [], asked: [], routines: [], sequences: [], schemas: [], whole: true }

function only(reach: FixReach, isAsked: (each: object) => boolean): FixReach {
  const { relations, asked, routines, sequences, schemas, whole } = reach
  return {
    asked: asked.filter(isAsked),
    relations: relations.filter(isAsked),
    routines: routines.filter(isAsked),
    sequences: sequences.filter(isAsked),
    schemas: schemas.filter(isAsked),
    whole,
  }
}

function allOf({ relations, asked, routines, sequences, schemas }: FixReach): readonly object[] {
  return [...relations, ...asked, ...routines, ...sequences, ...schemas]
}

/** PostgreSQL checks a body, with the settings of its function, when it is written once more. */
async function checkBodies(client: pg.ClientBase, { routines }: FixReach): Promise<void> {
  for (const { oid, definition } of routines) {
    if (definition === undefined) continue
    // One that was wrong before is no fault of the fix.
    const { rows } = await client.query<{ text: string }>('select pg_get_functiondef($1) as text', [oid])
    const now = rows[0]?.text
    if (now === undefined || isProblem(await attempt(client, () => client.query(definition)))) continue
    await client.query(now)
  }
}

function untriedIndex(fix: Extract<Fix, { sql: unknown }>): Fix {
  return {
    ...fix,
    tried: true,
    loses: ['nobody; writes wait while the index is made: on a table in use, create it CONCURRENTLY'],
    untried: ['the table is too large to make the index in a trial'],
  }
}

function asSql({ fix }: Finding): string {
  return 'sql' in fix ? `The statements were: ${fix.sql.map((each) => `${each};`).join(' ')}` : ''
}

function whatBreaks(model: Model, differences: readonly WorkChange[]): string {
  const lines = describeAll(differences, (each) => `${describe(each)}${through(model, each)}`)
  const more = lines.length > maxNamed ? `; and ${lines.length - maxNamed} more` : ''
  const loses = differences.some(({ kind }) => kind === 'loses')
  const what = `${lines.slice(0, maxNamed).join('; ')}${more}`
  return loses
    ? `Who may lose this? Tried, and not offered, as it would take: ${what}.`
    : `Is this meant? Tried, and not offered, as it would open: ${what}.`
}

/** What works as the role, so that whoever calls it loses the same. */
function through(model: Model, { after: { worker, relation } }: WorkChange): string {
  const users = relation === undefined ? [] : usersAs(model, worker.role, relation)
  return users.length === 0 ? '' : ` (as ${listed(users.slice(0, maxNamed))} ${users.length === 1 ? 'does' : 'do'})`
}

function whyNotRun(
  model: Model,
  finding: Finding,
  reach: FixReach,
  { sqlstate, message }: { sqlstate: string; message: string },
): string {
  if (sqlstate === '55P03') return `Not tried: other transactions use what it changes. ${asSql(finding)}`
  if (sqlstate === '57014') return `Not tried: it takes longer than ${fixLimits.statementMs} ms. ${asSql(finding)}`
  if (sqlstate !== '42501') return `Tried, and it fails: ${message} (${sqlstate}). ${asSql(finding)}`
  const [target] = allOf(reach) as { owner: number }[]
  const owner: Role | undefined = target && model.catalog.roles.get(target.owner)
  const who = finding.code === 'RLS062' ? finding.part?.replace(/:\w+$/, '') : owner?.sql
  const reader = model.role(model.catalog.database.reader)
  return `${reader} may not do this (${message}): ${who === undefined ? '' : `${who} or `}a superuser must run it. ${asSql(finding)}`
}
