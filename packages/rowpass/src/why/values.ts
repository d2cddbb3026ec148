/**
 * Tries the policies of one step on rows, and takes those apart that fail some.
 */
import { everyone } from '../access/access.ts'
import type { Policy, Relation } from '../access/catalog/catalog.ts'
import { expressionFor, isForCommand, passesStep, policiesFor, type Step } from '../access/policies.ts'
import { isProblem, type SqlProblem } from '../access/trial.ts'
import { type FailingClaim, findFailingClaim } from './claims.ts'
import { type RowCopy, type TextValue, valueForCaller } from './copy.ts'
import {
  type Blame,
  type InnerReport,
  type PartReport,
  type PolicyReport,
  type SideReport,
  type StepReport,
  safeText,
} from './explanation.ts'
import { closedRoutines } from './grants.ts'
import { innerTables, withoutPolicies } from './inner.ts'
import { findInside } from './inside.ts'
import type { Reached } from './reach.ts'
import { type ComparedSides, type ConditionText, toExpression } from './text.ts'
import type { Tools } from './tools.ts'

/** Rows for a step, and whether values of theirs may be shown. */
export interface StepRows {
  readonly copy: RowCopy
  readonly count: number
  /** Indexes of rows whose values the reader may see. */
  mayShow(row: number): boolean
}

/** A step that was tried: the report, and which rows passed; undefined where it cannot be told. */
export interface TriedStep {
  readonly report: StepReport
  readonly passing: ReadonlySet<number> | undefined
}

const maxLeaves = 12
const maxValueLength = 200

/** A policy that a step asks, with the expression that it asks. */
interface Asked {
  readonly policy: Policy
  readonly expression: string
}

/** The policies that a step asks, for the acting role. Those without an expression count as if they were not there. */
function policiesOf({ policies, database, actor }: Reached, step: Step): Asked[] {
  return policiesFor(policies, database.access, actor, step.command).flatMap((policy) => {
    const expression = expressionFor(policy, step)
    return expression === undefined ? [] : [{ policy, expression }]
  })
}

/** A step without rows to try: which policies it would ask. */
export function untriedStep(reached: Reached, step: Step): StepReport {
  const policies = policiesOf(reached, step).map((each) => ({ ...describe(reached, each), passed: undefined }))
  return { ...step, tested: undefined, passed: undefined, policies, forOthers: forOthers(reached, step), blame: [] }
}

/** Tries a step: any permissive policy, and every restrictive one. */
export async function tryStep(tools: Tools, reached: Reached, step: Step, rows: StepRows): Promise<TriedStep> {
  const tried: { policy: Policy; expression: string; found: ReadonlySet<number> | SqlProblem }[] = []
  for (const each of policiesOf(reached, step)) {
    tried.push({ ...each, found: await tryPolicy(each) })
  }
  async function tryPolicy({ policy, expression }: { policy: Policy; expression: string }) {
    // Without rows only a policy that reads other tables can fail: it may read this one again.
    const idle = rows.count === 0 && policy.reads.every((oid) => oid === reached.relation.oid)
    return idle ? new Set<number>() : rows.copy.passing(expression)
  }
  const unknown = tried.some(({ found }) => isProblem(found))
  const indexes = Array.from({ length: rows.count }, (_, index) => index)
  const passing = new Set(
    indexes.filter((index) =>
      passesStep(
        tried.map(({ policy, found }) => ({ permissive: policy.permissive, found })),
        ({ found }) => !isProblem(found) && found.has(index),
      ),
    ),
  )
  const failing = unknown ? [] : indexes.filter((index) => !passing.has(index))
  const policies: PolicyReport[] = []
  for (const { found, ...each } of tried) {
    const base = describe(reached, each)
    if (isProblem(found))
      policies.push({ ...base, passed: undefined, ...(await explainProblem(tools, reached, each.expression, found)) })
    else {
      const own = failing.filter((index) => !found.has(index))
      const parts = own.length === 0 || !tools.parts ? undefined : await takeApart(tools, each.expression, rows, own)
      const inner = own.length === 0 || !tools.parts ? [] : await findInner(tools, reached, each, { rows, own })
      policies.push({ ...base, passed: found.size, ...(parts && { parts }), ...(inner.length > 0 && { inner }) })
    }
  }
  const names = (index: number) => blameOf(tried, index)
  const report: StepReport = {
    ...step,
    tested: rows.count,
    passed: unknown ? undefined : passing.size,
    policies,
    forOthers: forOthers(reached, step),
    blame: group(failing.map(names)),
  }
  return { report, passing: unknown ? undefined : passing }
}

/** What a policy fails with: what is known of it besides PostgreSQL's message. */
async function explainProblem(
  { client, parser, setting }: Tools,
  { database, actor }: Reached,
  expression: string,
  found: SqlProblem,
): Promise<Pick<PolicyReport, 'problem' | 'inside' | 'claim'>> {
  const inside = findInside(database, found, actor, [])
  const claim: FailingClaim | undefined = await findFailingClaim(client, database, parser, {
    expression,
    setting,
    problem: found,
  })
  return { problem: safeText(found), ...(inside && { inside }), ...(claim && { claim }) }
}

/**
 * Tables that the policy reads under policies of their own, without which it would let rows pass that fail: each alone, or
 * where none alone does, all together.
 */
async function findInner(
  { client }: Tools,
  { database, actor }: Reached,
  { policy, expression }: Asked,
  { rows, own }: { rows: StepRows; own: readonly number[] },
): Promise<readonly InnerReport[]> {
  const tables = innerTables(database, policy, actor)
  const freed = async (some: typeof tables): Promise<number | undefined> => {
    const found = await withoutPolicies(client, some, () => rows.copy.passing(expression))
    return found === undefined || isProblem(found) ? undefined : own.filter((index) => found.has(index)).length
  }
  const each: InnerReport[] = []
  for (const table of tables) {
    const { relation, actor: reader, through, policies } = table
    const base = { name: relation.sql, actor: reader.name, policies, ...(through !== undefined && { through }) }
    each.push({ ...base, rows: await freed([table]) })
  }
  const alone = each.filter(({ rows: count }) => count !== 0)
  if (alone.length > 0 || tables.length < 2) return alone
  const together = await freed(tables)
  return together === 0 ? [] : each.map((one) => ({ ...one, rows: together }))
}

function describe(reached: Reached, { policy, expression }: Asked): Omit<PolicyReport, 'passed'> {
  const { database, relation, actor } = reached
  const { access, catalog } = database
  const { name, permissive, command, calls } = policy
  const readable = (each: Relation) => each.columns.some((column) => access.onColumn(actor, 'select', each, column))
  return {
    name,
    permissive,
    command,
    roles: policy.roles.map((oid) => (oid === everyone ? 'PUBLIC' : (catalog.roles.get(oid)?.name ?? String(oid)))),
    expression,
    closedFunctions: closedRoutines(database, actor, calls),
    reads: policy.reads.flatMap((oid) => {
      const each = oid === relation.oid ? undefined : catalog.relations.get(oid)
      return each === undefined ? [] : [{ name: each.sql, rls: each.rls, readable: readable(each) }]
    }),
  }
}

function forOthers({ policies, database, actor }: Reached, { command }: Step): readonly string[] {
  return policies
    .filter((policy) => isForCommand(policy, command) && !database.access.isAmong(actor, policy.roles))
    .map(({ name }) => name)
}

/** A restrictive policy that fails is to blame; the permissive ones where none of them lets the row pass. */
function blameOf(tried: readonly { policy: Policy; found: unknown }[], index: number): readonly string[] {
  const fails = tried.filter(({ found }) => found instanceof Set && !found.has(index))
  const permissive = tried.filter(({ policy }) => policy.permissive)
  const allFail = permissive.every(({ found }) => found instanceof Set && !found.has(index))
  return fails.filter(({ policy }) => !policy.permissive || allFail).map(({ policy }) => policy.name)
}

function group(blames: readonly (readonly string[])[]): readonly Blame[] {
  const counts = new Map<string, { policies: readonly string[]; rows: number }>()
  for (const policies of blames) {
    const key = JSON.stringify(policies)
    counts.set(key, { policies, rows: (counts.get(key)?.rows ?? 0) + 1 })
  }
  return [...counts.values()].sort((a, b) => b.rows - a.rows)
}

async function takeApart(
  tools: Tools,
  text: string,
  rows: StepRows,
  failing: readonly number[],
): Promise<PartReport | undefined> {
  const expression = toExpression(text, tools.parser)
  if (leavesOf(expression) > maxLeaves) return undefined
  return visit(expression)

  async function visit(each: ConditionText): Promise<PartReport> {
    const found = await rows.copy.passing(each.text)
    const passed = isProblem(found) ? undefined : found.size
    if (each.kind !== 'leaf') {
      const parts: PartReport[] = []
      for (const part of each.parts) parts.push(await visit(part))
      return { kind: each.kind, text: each.text, passed, parts }
    }
    const fails = failing.filter((index) => !isProblem(found) && !found.has(index))
    const examples = { example: fails.find((index) => rows.mayShow(index)), failing: fails[0] }
    const comparison =
      fails.length > 0 && each.comparison ? await compare(tools, each.comparison, rows, examples) : undefined
    return { kind: 'leaf', text: each.text, passed, ...(comparison && { comparison }) }
  }
}

function leavesOf(expression: ConditionText): number {
  return expression.kind === 'leaf' ? 1 : expression.parts.reduce((sum, part) => sum + leavesOf(part), 0)
}

async function compare(
  tools: Tools,
  { left, operator, right }: ComparedSides,
  rows: StepRows,
  { example, failing }: { example: number | undefined; failing: number | undefined },
): Promise<{ left: SideReport; operator: string; right: SideReport }> {
  const asList = operator.toUpperCase() === 'IN'
  return { left: await side(left, left), operator, right: await side(right, asList ? `array${right}` : bare(right)) }

  async function side(text: string, expression: string): Promise<SideReport> {
    const own = await valueForCaller(tools.client, tools.role, expression)
    if (!isProblem(own)) return { text, whose: 'caller', value: shorten(own.value), ...jsonType(own) }
    // Without a row its columns are unknown; anything else is a problem of the caller's.
    const whose = own.sqlstate === '42703' || own.sqlstate === '42P01' ? 'row' : 'caller'
    if (whose === 'caller') return { text, whose }
    // What is made of a column has the type that the column has, and tells nothing of the row.
    const place = example ?? (/^\(?to_jsonb?\(/.test(text) ? failing : undefined)
    if (place === undefined) return { text, whose }
    const value = await rows.copy.valueFor(place, expression)
    if (isProblem(value)) return { text, whose }
    return { text, whose, ...(example !== undefined && { value: shorten(value.value) }), ...jsonType(value) }
  }
}

function jsonType({ json }: TextValue): Pick<SideReport, 'json'> {
  return json === undefined ? {} : { json }
}

/** `ANY (list)` → `(list)` */
function bare(side: string): string {
  return side.replace(/^(any|all)\s*(?=\()/i, '')
}

function shorten(value: string | null): string | null {
  return value !== null && value.length > maxValueLength ? `${value.slice(0, maxValueLength)}…` : value
}
