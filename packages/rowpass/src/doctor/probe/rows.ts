/**
 * Tries for real what a request without claims sees: no verdict on a policy is as good as its answer.
 */
import type pg from 'pg'
import type { Relation, Role } from '../../access/catalog/catalog.ts'
import { detectCarrier } from '../../access/identity.ts'
import type { ClaimlessTrial, ClaimlessTrials, MissingClaims } from '../analysis/claimless.ts'
import { isAlwaysTrue } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, reachedBy } from '../analysis/model.ts'
import { type Probe, queryAs } from './probe.ts'

interface Question {
  readonly table: Relation
  readonly query: string
}

interface Attempt {
  readonly role: Role
  readonly missing: MissingClaims
  readonly settings: Readonly<Record<string, string>>
}

const budgetMs = 10_000
const tablesAtOnce = 25
const timeoutAloneMs = 250

/**
 * Asks each table, as each role of requests that may SELECT it, whether there is a row that a policy about claims shows
 * although there are none: with settings that were never made, with the empty ones of a connection that had claims before,
 * and with claims that hold nothing.
 *
 * Policies that do not ask for claims show their rows to everybody on purpose, so such rows do not count. Stops after ten
 * seconds. Policies and their functions run, as in each request; nothing of a row is read but whether there is one.
 */
export async function tryWithoutClaims(probe: Probe, model: Model): Promise<ClaimlessTrials> {
  const carrier = await detectCarrier(probe.client)
  const names = settingsOf(model)
  const ways: Omit<Attempt, 'role'>[] = [
    { missing: 'no setting', settings: {} },
    ...(names.length === 0
      ? []
      : [{ missing: 'empty settings', settings: Object.fromEntries(names.map((name) => [name, ''])) } as const]),
    ...(carrier?.kind === 'json'
      ? [{ missing: 'an object without members', settings: { [carrier.setting]: '{}' } } as const]
      : []),
  ]
  const byTable = new Map<number, ClaimlessTrial[]>()
  const undecided = new Set<string>()
  const deadline = performance.now() + budgetMs
  for (const way of ways) {
    for (const role of probe.roles) {
      const open = model.tables.filter(({ sql }) => !undecided.has(sql))
      const questions = open.flatMap((table) => askedOf(model, table, role) ?? [])
      for (let at = 0; at < questions.length; at += tablesAtOnce) {
        const found = await ask(probe, { ...way, role }, questions.slice(at, at + tablesAtOnce), deadline)
        for (const { table, query, outcome } of found) {
          if (outcome !== 'rows' && !isOfClaims(outcome)) undecided.add(table.sql)
          else if (!byTable.get(table.oid)?.some((each) => each.role === role && (each.error ?? 'rows') === outcome)) {
            const error = outcome === 'rows' ? undefined : outcome
            const trial = { relation: table.oid, role, missing: way.missing, error, query }
            byTable.set(table.oid, [...(byTable.get(table.oid) ?? []), trial])
          }
        }
      }
    }
  }
  const notes = undecided.size === 0 ? [] : [`without claims, ${undecided.size} tables could not be tried to the end`]
  return { byTable, notes }
}

/** Custom settings that policies read, themselves and through functions. */
function settingsOf(model: Model): string[] {
  const trees = model.policies.flatMap(({ usingTree, checkTree }) => [usingTree?.tree, checkTree?.tree])
  return [...new Set(trees.flatMap((tree) => [...reachedBy(model, tree).settings]))].filter((name) => name !== '*')
}

/** undefined where there is nothing to learn: no policy asks for claims, or another one shows everything. */
function askedOf(model: Model, table: Relation, role: Role): Question | undefined {
  if (!table.rls || model.access.bypasses(role.oid, table) || !model.access.can(role, 'select', table)) return undefined
  const policies = model.applying(table, role, 'select').filter(({ permissive }) => permissive)
  const open = policies.filter((policy) => !asksForClaims(model, policy))
  if (open.length === policies.length || open.some((each) => isAlwaysTrue(each.usingTree?.tree, table)))
    return undefined
  const shown = open.map(({ using }) => `(${using})`).join(' or ')
  const where = shown === '' ? '' : ` where (${shown}) is not true`
  return { table, query: `select from ${table.sql}${where}` }
}

/** A condition about the current user is not about claims: the role says who that is. */
function asksForClaims(model: Model, { usingTree }: PolicyFacts): boolean {
  if (usingTree === undefined) return true
  const { settings, routines } = reachedBy(model, usingTree.tree)
  return (
    settings.size > 0 ||
    [...routines].some((each) => !model.callers.body(each).known && model.callers.readsCaller(each))
  )
}

interface Answer extends Question {
  /** `rows`, or a SQLSTATE. */
  readonly outcome: string
}

/** One statement for many tables; where it fails, each half is asked for itself, and each table where it takes too long. */
async function ask(
  probe: Probe,
  attempt: Attempt,
  questions: readonly Question[],
  deadline: number,
): Promise<readonly Answer[]> {
  const [first] = questions
  if (first === undefined) return []
  if (performance.now() > deadline) return questions.map((each) => ({ ...each, outcome: timedOut }))
  const query = questions.map((each, at) => `select ${at} as at where exists (${each.query})`).join(' union all ')
  const rows = await queryAs<pg.QueryResultRow & { at: number }>(probe, attempt.role, query, attempt.settings)
  if (typeof rows !== 'string') {
    const seen = new Set(rows.map(({ at }) => at))
    return questions.filter((_, at) => seen.has(at)).map((each) => ({ ...each, outcome: 'rows' }))
  }
  if (questions.length === 1) return [{ ...first, outcome: rows }]
  const answers: Answer[] = []
  for (const part of rows === timedOut ? questions.map((each) => [each]) : halvesOf(questions)) {
    answers.push(...(await ask(probe, rows === timedOut ? hurried(attempt) : attempt, part, deadline)))
  }
  return answers
}

function halvesOf<T>(list: readonly T[]): T[][] {
  const half = Math.ceil(list.length / 2)
  return [list.slice(0, half), list.slice(half)]
}

/** One slow table holds up those that are asked with it, and no others. */
function hurried(attempt: Attempt): Attempt {
  return { ...attempt, settings: { ...attempt.settings, statement_timeout: String(timeoutAloneMs) } }
}

const timedOut = '57014'

/** A value of the wrong form, a setting that was never made, or what somebody raises on purpose. */
function isOfClaims(sqlstate: string): boolean {
  return sqlstate.startsWith('22') || sqlstate === '42704' || sqlstate === 'P0001' || sqlstate.startsWith('28')
}
