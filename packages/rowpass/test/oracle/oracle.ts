/**
 * The oracle: generates statements, runs each in three places, and says where they do not agree.
 */
import { createRandom } from '../token/mutations.ts'
import {
  compareAnswers,
  compareModel,
  compareStates,
  type Difference,
  type Ending,
  endingOf,
  errorClassOf,
} from './compare.ts'
import { isOrdered, lacksGrant, toGateway, toModel } from './model.ts'
import type { Identity } from './schema.ts'
import type { Draw } from './scope.ts'
import { shrink } from './shrink.ts'
import type { Answer, BatchOptions, Outcome, Side, Stage } from './stage.ts'
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

/**
 * How many statements ended how; of how many the model said the same, or SQL does not say what comes out, or PostgreSQL says
 * something else with another plan; and how many gave the same rows in another order, once.
 */
export type Count = Record<Ending | 'compared' | 'undefined' | 'byPlan' | 'reordered', number>

const noCount: Count = { rows: 0, error: 0, refused: 0, slow: 0, compared: 0, undefined: 0, byPlan: 0, reordered: 0 }
const endings = ['rows', 'error', 'refused', 'slow'] as const

export interface Report {
  /** By kind of statement. */
  readonly counts: Map<string, Count>
  /** Errors by SQLSTATE. */
  readonly codes: Map<string, number>
  readonly findings: Finding[]
}

export const newReport = (): Report => ({ counts: new Map(), codes: new Map(), findings: [] })

/** Adds what another run counted. */
export function addReport(to: Report, { counts, codes, findings }: Report): void {
  for (const [kind, count] of counts) addCount(to, kind, count)
  for (const [code, times] of codes) to.codes.set(code, (to.codes.get(code) ?? 0) + times)
  to.findings.push(...findings)
}

function addCount({ counts }: Report, kind: string, more: Partial<Count>): void {
  const count = counts.get(kind) ?? { ...noCount }
  for (const name of Object.keys(noCount) as (keyof Count)[]) count[name] += more[name] ?? 0
  counts.set(kind, count)
}

const allOf = (count: Count): number => endings.reduce((sum, ending) => sum + count[ending], 0)

/** Sums over all kinds. */
export function totalOf({ counts }: Report): Count & { readonly all: number } {
  const sum = { ...noCount }
  for (const count of counts.values()) for (const name of Object.keys(sum) as (keyof Count)[]) sum[name] += count[name]
  return { ...sum, all: allOf(sum) }
}

/** A report for people: a table with a line for each kind of statement, and the shares. */
export function summarize(report: Report): string {
  const total = totalOf(report)
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  const cells = (count: Count) => [
    ...endings.map((ending) => count[ending]),
    count.compared,
    count.undefined,
    count.byPlan,
    count.reordered,
  ]
  const lines = [...report.counts].sort().map(([kind, count]) => row([kind, allOf(count), ...cells(count)]))
  const share = (count: number, of: number) => `${((count / Math.max(of, 1)) * 100).toFixed(1)} %`
  const codes = [...report.codes].sort(([, a], [, b]) => b - a).slice(0, 20)
  return [
    row([
      'kind',
      'statements',
      'rows',
      'error',
      'refused',
      'slow',
      'agree with the model',
      'undefined by SQL',
      'by the plan',
      'reordered',
    ]),
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
    row(['all', total.all, ...cells(total)]),
    '',
    `${share(total.rows, total.all)} ran without error, ${share(total.error, total.all)} failed, ` +
      `${share(total.refused, total.all)} were refused by the gateway; ${share(total.compared, total.all)} were compared ` +
      `with the model, and ${share(total.undefined, total.compared + total.undefined)} of what could be is undefined by SQL.`,
    `Errors: ${codes.map(([code, times]) => `${code} ${times}`).join(', ')}.`,
  ].join('\n')
}

/** The summary, and whatever was found. */
export const describeReport = (report: Report): string =>
  [summarize(report), ...report.findings.map(describeFinding)].join('\n')

function describeFinding({ schema, identity, seed, round, difference, before, statements }: Finding): string {
  const earlier = before.map((text) => `-- before:\n${text};\n`).join('')
  return `\nDIFFERENCE (${difference.kind}) in schema ${schema} as ${identity}: npm run oracle -- --seed ${seed} --round ${round}
${earlier}${statements.join(';\n')};
${difference.text}`
}

const requestsInRound = 150
const readsAtOnce = 10
const maxShrinkTries = 400
const ordersTried = 5
/** Of what compares two values, the sign alone has a meaning: how large it is may depend on where in memory they are. */
const comparison = /cmp/

/**
 * Runs one round: some requests of one identity. Half of those that read come first, and at the same time; then those that
 * write, one after the other, and what they left is read by the rest.
 */
export async function runRound(
  stage: Stage,
  seed: number,
  round: number,
  report: Report,
  options: { readonly shrinks: boolean } = { shrinks: true },
): Promise<void> {
  const below = createRandom(Math.imul(seed, 0x9e3779b1) + Math.imul(round, 0x85ebca6b))
  const { identities } = stage.schema
  const identity = identities[round % identities.length] as Identity
  const requests = Array.from({ length: requestsInRound }, () => nextRequest(stage, identity, below))
  const reads = requests.filter((request) => !isAlone(request))
  const half = Math.floor(reads.length / 2)
  await stage.become(identity)
  const found = async (before: readonly Request[], request: Request, difference: Difference) => {
    if (!options.shrinks) {
      report.findings.push(describe(stage, identity, seed, round, before, request, difference))
      return stage.restore()
    }
    const finding = await explain(stage, identity, seed, round, before, request, difference)
    if (finding === undefined) addCount(report, request.kind, { reordered: 1 })
    else report.findings.push(finding)
    await stage.restore()
  }
  await runReads(stage, identity, reads.slice(0, half), report, (request, difference) => found([], request, difference))
  const written = await runWrites(stage, identity, requests.filter(isAlone), report, found)
  await runReads(stage, identity, reads.slice(half), report, (request, difference) =>
    found(written, request, difference),
  )
}

/** @returns those that made the tables what they are now */
async function runWrites(
  stage: Stage,
  identity: Identity,
  requests: readonly Request[],
  report: Report,
  found: (before: readonly Request[], request: Request, difference: Difference) => Promise<void>,
): Promise<readonly Request[]> {
  let left = requests
  let before = await stage.states()
  for (;;) {
    const [ones, others, outcomes] = await Promise.all([
      inTurn(left, (request) => askSide(stage, 0, request)),
      inTurn(left, (request) => askSide(stage, 1, request)),
      inTurn(left, (request) => askModel(stage, identity, request)),
    ])
    let stop: number | undefined
    for (const [index, request] of left.entries()) {
      const verdict = judge(stage, request, ones[index] as Answer, others[index] as Answer, outcomes[index])
      countIn(report, request, verdict, ones[index]?.body ?? '')
      if (verdict.difference !== undefined) await found(left.slice(0, index), request, verdict.difference)
      if (verdict.difference === undefined && !verdict.diverged) continue
      stop = index
      break
    }
    const after = await stage.states()
    if (stop === undefined) {
      const difference = compareStates(before, after)
      if (difference === undefined) return left
      const index = await firstFault(stage, identity, left)
      await found(left.slice(0, index), left[index] as Request, difference)
      return []
    }
    // What is left starts from the first rows again, as the model has others now.
    await stage.restore()
    before = await stage.states()
    left = left.slice(stop + 1)
  }
}

/** Which of some requests is the first with another effect. */
async function firstFault(stage: Stage, identity: Identity, requests: readonly Request[]): Promise<number> {
  await stage.restore()
  const before = await stage.states()
  for (const [index, request] of requests.entries()) {
    await check(stage, identity, request)
    if (compareStates(before, await stage.states()) !== undefined) return index
  }
  return requests.length - 1
}

async function runReads(
  stage: Stage,
  identity: Identity,
  requests: readonly Request[],
  report: Report,
  found: (request: Request, difference: Difference) => Promise<void>,
): Promise<void> {
  const faults: [Request, Difference][] = []
  const waiting = requests[Symbol.iterator]()
  const reader = async () => {
    for (const request of waiting) {
      const difference = await check(stage, identity, request, report)
      if (difference !== undefined) faults.push([request, difference])
    }
  }
  await Promise.all(Array.from({ length: readsAtOnce }, reader))
  for (const [request, difference] of faults.slice(0, 1)) await found(request, difference)
}

async function inTurn<T>(requests: readonly Request[], ask: (request: Request) => Promise<T>): Promise<T[]> {
  const answers: T[] = []
  for (const request of requests) answers.push(await ask(request))
  return answers
}

function nextRequest(stage: Stage, identity: Identity, below: (limit: number) => number): Request {
  const draw = (): Draw => ({ schema: stage.schema, identity, catalog: stage.catalog, below, ctes: [], names: 0 })
  if (below(100) < 3) {
    const statements = Array.from({ length: 2 + below(3) }, () => statement(draw(), 1))
    const levels = [undefined, 'ReadCommitted', 'RepeatableRead', 'Serializable']
    const isolationLevel = levels[below(levels.length)]
    const readOnly = below(4) === 0 ? { readOnly: true as const } : {}
    return { kind: 'batch', statements, batch: { ...(isolationLevel && { isolationLevel }), ...readOnly } }
  }
  const one = statement(draw())
  return { kind: one.kind, statements: [one] }
}

const askSide = (stage: Stage, side: Side, { statements, batch }: Request): Promise<Answer> =>
  stage.ask(
    side,
    statements.map(({ tree }) => toGateway(tree)),
    batch,
  )

async function askModel(
  stage: Stage,
  identity: Identity,
  { statements, batch }: Request,
): Promise<Outcome | undefined> {
  const models = statements.flatMap(({ tree }) => toModel(stage.schema, identity, tree) ?? [])
  return models.length === statements.length ? stage.model(models, batch) : undefined
}

/** Runs one request in all three places. */
async function check(
  stage: Stage,
  identity: Identity,
  request: Request,
  report?: Report,
): Promise<Difference | undefined> {
  const [one, other, outcome] = await Promise.all([
    askSide(stage, 0, request),
    askSide(stage, 1, request),
    askModel(stage, identity, request),
  ])
  let verdict = judge(stage, request, one, other, outcome)
  if (
    verdict.difference?.kind === 'model' &&
    outcome !== undefined &&
    (await dependsOnPlan(stage, request, one, outcome))
  ) {
    const { ending, diverged } = verdict
    verdict = { ending, diverged, model: 'byPlan' }
  }
  if (report !== undefined) countIn(report, request, verdict, one.body)
  return verdict.difference
}

interface Verdict {
  readonly ending: Ending
  readonly model: 'compared' | 'undefined' | 'byPlan' | 'apart'
  /** Whether the model may hold other rows now. */
  readonly diverged: boolean
  readonly difference?: Difference
}

function judge(stage: Stage, request: Request, one: Answer, other: Answer, outcome: Outcome | undefined): Verdict {
  const ending = endingOf(one)
  const [first, second] = [errorClassOf(one), outcome && errorClassOf(outcome)]
  const alone = isAlone(request)
  const apart = { ending, model: 'apart', diverged: alone && (first === undefined || second === undefined) } as const
  if ([one, other].some((answer) => endingOf(answer) === 'slow')) return { ...apart, ending: 'slow' }
  if (outcome?.kind === 'error' && outcome.code === '57014') return { ...apart, ending: 'slow' }
  const leak = compareAnswers(
    one,
    other,
    request.statements.map(({ tree }) => isOrdered(tree)),
  )
  if (leak !== undefined) return { ...apart, difference: leak }
  if (ending === 'refused' || outcome === undefined) return apart
  const difference = compareOutcome(stage, request, one, outcome)
  if (difference === undefined)
    return { ending, model: 'compared', diverged: alone && (first === undefined) !== (second === undefined) }
  // Some functions say of a value that it is an internal error.
  if ([first, second].some((each) => each === '22' || each === 'XX')) return { ...apart, model: 'undefined' }
  // Which of several reasons a write is refused for is a matter of order.
  const refusals = ['21', '23', '42', '44']
  const refused = (code: string | undefined) => code !== undefined && refusals.includes(code)
  if (alone && refused(first) && refused(second)) return { ...apart, model: 'undefined' }
  return { ...apart, model: 'compared', difference }
}

/**
 * Whether PostgreSQL alone, with the same policies and no gateway, gives the answer of the gateway with the plan of its choice,
 * and the one of the model with another plan: a fault of its planner. Both gateways have given the same answer.
 */
async function dependsOnPlan(stage: Stage, request: Request, one: Answer, model: Outcome): Promise<boolean> {
  const [statement] = request.statements
  if (statement === undefined || isAlone(request) || one.status !== 200) return false
  const ordered = [isOrdered(statement.tree)]
  const [chosen, ...others] = await stage.otherPlans(toGateway(statement.tree))
  if (chosen === undefined || compareModel(one, chosen, ordered) !== undefined) return false
  return others.some((outcome) => {
    if (outcome.kind === 'error') return false
    const [{ command, rowCount, fields, rows } = { rows: [] }] = outcome.results
    const answer = { status: 200, body: JSON.stringify({ command, rowCount, fields, rows }) }
    return compareOutcome(stage, request, answer, model) === undefined
  })
}

function compareOutcome(stage: Stage, request: Request, one: Answer, outcome: Outcome): Difference | undefined {
  const trees = request.statements.map(({ tree }) => tree)
  const ordered = trees.map(isOrdered)
  const refused = trees.some((tree) => lacksGrant(stage.schema, tree))
  // PostgreSQL asks for no right to read a column that it finds it need not read: then the answer is the model's.
  if (refused && outcome.kind === 'results' && one.status !== 200) {
    return compareModel(one, { kind: 'error', code: '42501', message: 'a grant is missing' }, ordered)
  }
  if (refused && one.status !== 200 && one.body.includes('"42501"')) return undefined
  return compareModel(one, outcome, ordered)
}

const isAlone = ({ batch, statements }: Request): boolean =>
  batch !== undefined || statements.some(({ alone }) => alone)

function countIn(report: Report, { kind, statements }: Request, { ending, model }: Verdict, body: string): void {
  const { length } = statements
  addCount(report, kind, { [ending]: length, ...(model !== 'apart' && { [model]: length }) })
  if (ending !== 'error') return
  const { code } = JSON.parse(body) as { code: string }
  report.codes.set(code, (report.codes.get(code) ?? 0) + 1)
}

/** Finds the least that shows a fault; none where rows came in another order once, or a comparison was larger, and not again. */
async function explain(
  stage: Stage,
  identity: Identity,
  seed: number,
  round: number,
  written: readonly Request[],
  request: Request,
  difference: Difference,
): Promise<Finding | undefined> {
  const again = async (before: readonly Request[], asked: Request): Promise<Difference | undefined> => {
    await stage.restore()
    for (const each of before) await check(stage, identity, each)
    const states = await stage.states()
    return (await check(stage, identity, asked)) ?? compareStates(states, await stage.states())
  }
  const shows = async (before: readonly Request[], asked: Request) =>
    (await again(before, asked))?.kind === difference.kind
  const compares = request.statements.some(({ tree }) => comparison.test(readable(tree)))
  if (difference.onlyOrder === true || compares) {
    let seen = false
    for (let tries = 0; tries < ordersTried && !seen; tries++) seen = await shows(written, request)
    if (!seen) return undefined
  }
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
  return describe(stage, identity, seed, round, before, asked, last)
}

function describe(
  stage: Stage,
  identity: Identity,
  seed: number,
  round: number,
  before: readonly Request[],
  asked: Request,
  difference: Difference,
): Finding {
  const textOf = ({ statements }: Request) => statements.map(({ tree }) => readable(tree))
  return {
    ...{ schema: stage.schema.name, identity: identity.name, seed, round, difference },
    ...{ before: before.flatMap(textOf), statements: textOf(asked) },
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
