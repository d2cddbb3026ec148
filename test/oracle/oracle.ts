/**
 * The oracle: generates statements, runs each in three places, and says where they do not agree.
 */
import { createRandom } from '../verify/mutations.ts'
import {
  compareAnswers,
  compareModel,
  compareStates,
  type Difference,
  type Ending,
  endingOf,
  isAmong,
  isDataError,
} from './compare.ts'
import { isOrdered, lacksGrant, type ModelStatement, toGateway, toModel } from './model.ts'
import type { Identity } from './schema.ts'
import type { Draw } from './scope.ts'
import { shrink } from './shrink.ts'
import type { Answer, BatchOptions, Outcome, Stage, State } from './stage.ts'
import { type Statement, statement } from './statements.ts'
import { render, type Tree } from './tree.ts'

/** What is sent in one request. */
interface Request {
  readonly kind: string
  readonly statements: readonly Statement[]
  readonly batch?: BatchOptions
}

/** One fault, in the smallest form that was found. */
export interface Finding {
  readonly schema: string
  readonly identity: string
  readonly seed: number
  readonly round: number
  readonly difference: Difference
  /** Statements that ran before and are needed for it. */
  readonly before: readonly string[]
  readonly statements: readonly string[]
}

/** Counts by kind of statement, and by how it ended. */
export type Counts = Map<string, Record<Ending, number>>

export interface Report {
  readonly counts: Counts
  /** Errors by SQLSTATE. */
  readonly codes: Map<string, number>
  readonly findings: Finding[]
}

export const newReport = (): Report => ({ counts: new Map(), codes: new Map(), findings: [] })

/** Statements that ran, and how many of them gave rows. */
export function totalOf({ counts }: Report): { readonly all: number; readonly rows: number } {
  const each = [...counts.values()]
  const rows = each.reduce((sum, ended) => sum + ended.rows, 0)
  return { rows, all: each.reduce((sum, { error, refused, slow, tie }) => sum + error + refused + slow + tie, rows) }
}

/** A report for people: a line for each kind of statement, and whatever was found. */
export function describeReport(report: Report): string {
  const cell = (value: string | number) => String(value).padStart(9)
  const lines = [...report.counts]
    .sort()
    .map(([kind, ended]) => `${kind.padEnd(12)}${Object.values(ended).map(cell).join('')}`)
  const codes = [...report.codes].sort(([, a], [, b]) => b - a).map(([code, times]) => `${code} ${times}`)
  const { all, rows } = totalOf(report)
  const share = `${((rows / Math.max(all, 1)) * 100).toFixed(1)} % of ${all} statements ran without error`
  const header = `${''.padEnd(12)}${['rows', 'error', 'refused', 'slow', 'tie'].map(cell).join('')}`
  const findings = report.findings.map(describeFinding)
  return [header, ...lines, `errors: ${codes.join(', ')}`, share, ...findings].join('\n')
}

function describeFinding({ schema, identity, seed, round, difference, before, statements }: Finding): string {
  const earlier = before.map((text) => `-- before:\n${text};\n`).join('')
  return `\nDIFFERENCE (${difference.kind}) in schema ${schema} as ${identity}: npm run oracle -- --seed ${seed} --round ${round}
${earlier}${statements.join(';\n')};
${difference.text}`
}

const requestsInRound = 60
const writesBeforeRestore = 8
const readsAtOnce = 6
const maxShrinkTries = 400

/**
 * Runs one round: some requests of one identity, from the same rows.
 * @returns how many statements it ran
 */
export async function runRound(stage: Stage, seed: number, round: number, report: Report): Promise<number> {
  const below = createRandom(Math.imul(seed, 0x9e3779b1) + Math.imul(round, 0x85ebca6b))
  const { identities } = stage.schema
  const identity = identities[round % identities.length] as Identity
  await stage.become(identity)
  await stage.restore()
  let before: readonly State[] = await stage.states()
  let written: Request[] = []
  let reads: Request[] = []
  let count = 0

  const found = async (request: Request, difference: Difference) => {
    report.findings.push(await explain(stage, identity, seed, round, written, request, difference))
    await stage.restore()
    before = await stage.states()
    written = []
  }
  const flush = async () => {
    const asked = reads
    reads = []
    const differences = await Promise.all(asked.map((request) => check(stage, identity, request, report)))
    for (const [index, difference] of differences.entries()) {
      if (difference !== undefined) await found(asked[index] as Request, difference)
    }
  }

  for (let index = 0; index < requestsInRound; index++) {
    const request = nextRequest(stage, below)
    count += request.statements.length
    const alone = isAlone(request)
    if (!alone) reads.push(request)
    if (alone || reads.length >= readsAtOnce) await flush()
    if (!alone) continue
    const difference = await check(stage, identity, request, report)
    const after = await stage.states()
    const fault = difference ?? compareStates(before, after)
    if (fault !== undefined) {
      await found(request, fault)
      continue
    }
    if (String(before) !== String(after)) written.push(request)
    before = after
    if (written.length >= writesBeforeRestore) {
      await stage.restore()
      before = await stage.states()
      written = []
    }
  }
  await flush()
  return count
}

function nextRequest(stage: Stage, below: (limit: number) => number): Request {
  const draw = (): Draw => ({ schema: stage.schema, catalog: stage.catalog, below, ctes: [], names: 0 })
  if (below(100) < 4) {
    const statements = Array.from({ length: 2 + below(3) }, () => statement(draw(), 1))
    const levels = [undefined, 'ReadCommitted', 'RepeatableRead', 'Serializable']
    const isolationLevel = levels[below(levels.length)]
    return { kind: 'batch', statements, batch: isolationLevel === undefined ? {} : { isolationLevel } }
  }
  const one = statement(draw())
  return { kind: one.kind, statements: [one] }
}

/** Runs one request in all three places. */
async function check(
  stage: Stage,
  identity: Identity,
  request: Request,
  report?: Report,
): Promise<Difference | undefined> {
  const trees = request.statements.map(({ tree }) => tree)
  const models = trees.flatMap((tree) => toModel(stage.schema, identity, tree) ?? [])
  const [[one, other], outcome] = await Promise.all([
    stage.ask(trees.map(toGateway), request.batch),
    models.length === trees.length ? stage.model(models, request.batch) : undefined,
  ])
  const ending = endingOf(one)
  const difference = disagreement(stage, trees, one, other, outcome)
  const tie = difference !== undefined && (await isTie(stage, request, models, one, other, outcome))
  if (report !== undefined) countIn(report, request, tie ? 'tie' : ending, one.body)
  return tie ? undefined : difference
}

function disagreement(
  stage: Stage,
  trees: readonly Tree[],
  one: Answer,
  other: Answer,
  outcome: Outcome | undefined,
): Difference | undefined {
  const ending = endingOf(one)
  const slow = outcome?.kind === 'error' && outcome.code === '57014'
  if (slow || ending === 'slow' || endingOf(other) === 'slow') return undefined
  const ordered = trees.map(isOrdered)
  const difference = compareAnswers(one, other, ordered)
  if (difference !== undefined || ending === 'refused' || outcome === undefined) return difference
  const refused = trees.some((tree) => lacksGrant(stage.schema, tree))
  // PostgreSQL does not look at a common table expression that nothing names.
  const maybeUnread = trees.some((tree) => toGateway(tree).query.startsWith('with recursive'))
  if (refused && outcome.kind === 'results' && !(maybeUnread && ending === 'rows')) {
    return compareModel(one, { kind: 'error', code: '42501', message: 'a grant is missing' }, ordered)
  }
  if (refused && ending === 'error' && one.body.includes('"42501"')) return undefined
  return compareModel(one, outcome, ordered)
}

/**
 * Whether a difference is one of plans: some row in sight makes a function fail, and it is met first, or not at all. For a
 * statement that reads the model is asked under other plans; one that writes cannot be asked twice.
 */
async function isTie(
  stage: Stage,
  request: Request,
  models: readonly ModelStatement[],
  one: Answer,
  other: Answer,
  outcome: Outcome | undefined,
): Promise<boolean> {
  if (outcome === undefined || ![one, other, outcome].some(isDataError)) return false
  const [model] = models
  if (isAlone(request) || model === undefined) return [one, other, outcome].every(isDataError)
  const ordered = request.statements.map(({ tree }) => isOrdered(tree))
  const outcomes = [outcome, ...(await stage.replan(model))]
  return isAmong(one, outcomes, ordered) && isAmong(other, outcomes, ordered)
}

const isAlone = ({ batch, statements }: Request): boolean =>
  batch !== undefined || statements.some(({ alone }) => alone)

function countIn(report: Report, { kind, statements }: Request, ending: Ending, body: string): void {
  const counts = report.counts.get(kind) ?? { rows: 0, error: 0, refused: 0, slow: 0, tie: 0 }
  counts[ending] += statements.length
  report.counts.set(kind, counts)
  if (ending !== 'error') return
  const { code } = JSON.parse(body) as { code: string }
  report.codes.set(code, (report.codes.get(code) ?? 0) + 1)
}

/** Finds the least that shows a fault. */
async function explain(
  stage: Stage,
  identity: Identity,
  seed: number,
  round: number,
  written: readonly Request[],
  request: Request,
  difference: Difference,
): Promise<Finding> {
  const again = async (before: readonly Request[], asked: Request): Promise<Difference | undefined> => {
    await stage.restore()
    for (const each of before) await check(stage, identity, each)
    const states = await stage.states()
    return (await check(stage, identity, asked)) ?? compareStates(states, await stage.states())
  }
  const shows = async (before: readonly Request[], asked: Request) =>
    (await again(before, asked))?.kind === difference.kind
  let before = written
  for (const each of written) {
    const fewer = before.filter((other) => other !== each)
    if (await shows(fewer, request)) before = fewer
  }
  let asked = request
  for (const each of request.statements) {
    const fewer = { ...asked, statements: asked.statements.filter((other) => other !== each) }
    if (fewer.statements.length > 0 && (await shows(before, fewer))) asked = fewer
  }
  for (const index of asked.statements.keys()) {
    const { statements } = asked
    const replace = (tree: Tree): Request => ({
      ...asked,
      statements: statements.map((each, at) => (at === index ? { ...each, tree } : each)),
    })
    const { tree } = statements[index] as Statement
    asked = replace(await shrink(tree, (candidate) => shows(before, replace(candidate)), maxShrinkTries))
  }
  const last = (await again(before, asked)) ?? { ...difference, text: `${difference.text}\n(not seen again)` }
  const textOf = ({ statements }: Request) => statements.map(({ tree }) => readable(tree))
  return {
    schema: stage.schema.name,
    identity: identity.name,
    seed,
    round,
    difference: last,
    before: before.flatMap(textOf),
    statements: textOf(asked),
  }
}

/** With parameters in their places. */
function readable(tree: Tree): string {
  return render(tree, (leaf) => {
    if (leaf.kind === 'table') return `${leaf.table} as ${leaf.alias}`
    if (leaf.kind === 'gateway only') return leaf.text
    return leaf.kind === 'param' ? (leaf.value === null ? 'null' : `'${leaf.value.replaceAll("'", "''")}'`) : ''
  })
}
