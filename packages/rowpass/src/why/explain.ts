/**
 * Explains what one statement does for one identity, and why.
 */
import pg from 'pg'
import { type Database, readRequestRoles } from '../access/database.ts'
import { type ClaimsCarrier, detectCarrier, type Identity } from '../access/identity.ts'
import { Failure } from '../errors.ts'
import { loadParser } from '../statement/parser.ts'
import { commandsOf, firing, functionRights, lastingOf, loadFunctions, reasonNotToRun } from './effects.ts'
import { type Explanation, type RelationReport, type Suppression, withoutContext, withoutData } from './explanation.ts'
import { gatewayReasons } from './gateway.ts'
import { rightsFor } from './grants.ts'
import { findInside, type PlacedTrigger } from './inside.ts'
import { findUnreachable } from './login.ts'
import { findReach, type Reached } from './reach.ts'
import { findReasons } from './reasons.ts'
import { rolledBack, type TrialIdentity } from './session.ts'
import { parseStatement } from './statement.ts'
import { findBelow, findInsteadOf, mayPassOver } from './suppression.ts'
import { inlineParameters, withoutEnd } from './text.ts'
import type { TryTools } from './tools.ts'
import { type StatementOutcome, tryStatement } from './trial.ts'
import { type TriedPolicies, tryPolicies, untriedPolicies } from './tries.ts'
import { type Facts, findDoubts } from './verdict.ts'

/** What to explain. */
export interface ExplainOptions {
  /** Without a role it is the one that requests of this database run as, as far as it can be found out. */
  readonly identity: Pick<Identity, 'claims'> & Partial<Identity>
  /** Name of the login that requests arrive on, which has to become the role; default: not looked at. */
  readonly login?: string
  readonly sql: string
  /** Values of `$1`, `$2` …, as text. */
  readonly params?: readonly (string | null)[]
  /** How claims reach the policies; default: what {@link detectCarrier} finds. */
  readonly carrier?: ClaimsCarrier
  /** For each statement that is run, 100–600,000; default 5000. */
  readonly timeoutMs?: number
  /** Whether values of rows that the identity cannot see may be shown. Default false. */
  readonly reveal?: boolean
  /** Whether expressions of policies are taken apart, to show which part is false. Default true; without it, it is quicker. */
  readonly parts?: boolean
  /** `safe` (default): not when something in it reaches outside of the database; `always`; `never`. */
  readonly run?: 'safe' | 'always' | 'never'
}

const defaultTimeoutMs = 5_000

/**
 * Explains one statement.
 *
 * Runs it as the identity, and looks at the rows behind it as the connection's own role, each in a transaction that is
 * rolled back. Nothing is committed. Sequences advance; where the connection's role is the owner of a table with FORCE
 * and no superuser, the table is locked while a sample of its rows is read.
 *
 * Does NOT look into functions that the statement calls, and does NOT see rows that come between its transactions.
 *
 * @param client connected as the owner of the tables, a superuser, or a role with BYPASSRLS; not in a transaction
 * @throws Failure `input_invalid` when the text is not one SELECT, INSERT, UPDATE, DELETE or MERGE, or there is no such
 *   role; `owner_powerless` when the connection may not become the role
 * @example
 * const explanation = await explainStatement(client, {
 *   identity: { role: 'authenticated', claims: { sub: 'ada' } },
 *   sql: 'select * from notes',
 * })
 * console.log(explanation.findings)
 */
export async function explain(client: pg.ClientBase, options: ExplainOptions): Promise<Explanation> {
  const parser = await loadParser()
  parseStatement(options.sql, parser)
  const inlined = inlineParameters(options.sql, options.params ?? [], parser, pg.escapeLiteral)
  const sql = withoutEnd(inlined, parser)
  const statement = parseStatement(sql, parser)
  const carrier = options.carrier ?? (await detectCarrier(client))
  const { timeoutMs = defaultTimeoutMs, reveal = false, parts = true } = options
  const identity = { ...options.identity, role: options.identity.role ?? (await findRole(client)) }
  const setting: TrialIdentity = { identity, carrier, timeoutMs }
  const { database, role, reached, unreached } = await rolledBack(client, setting, 'self', () =>
    findReach(client, statement, identity.role),
  )
  const unreachable = options.login === undefined ? undefined : await findUnreachable(client, options.login, role.name)
  const functions = await loadFunctions(client, database, statement, role)
  const run = options.run ?? 'safe'
  const notRun = reasonNotToRun(run, reached, functions)
  const tried = notRun === undefined ? await tryStatement(client, setting, statement, sql) : undefined
  const inside = tried?.problem && findInside(database, tried.problem, role, firedBy(database, reached))
  const outcome = tried?.problem ? { ...tried, problem: (reveal ? withoutContext : withoutData)(tried.problem) } : tried
  const tools: TryTools = { client, parser, role: role.name, setting, statement, sql, reveal, parts }
  // The conditions of the statement are evaluated for the policies, too.
  const isSafe = run === 'always' || functions.every(({ lasting }) => lasting === undefined)
  const { relations, predictedRows } = await tryAllPolicies(tools, reached, { isSafe, outcome })
  const missing = functionRights(functions, role)
  const { command } = statement
  const facts: Facts = {
    command,
    role: role.name,
    unreachable,
    outcome,
    inside,
    unreached,
    relations,
    functions: missing,
    predictedRows,
  }
  const gateway = carrier?.kind === 'sealed' && parts ? await gatewayReasons(client, parser, sql) : []
  const reasons = findReasons(facts)
  const doubts = findDoubts(facts, reasons)
  return {
    command,
    sql,
    identity: { role: role.name, claims: identity.claims },
    carrier,
    outcome,
    ...(notRun !== undefined && { notRun }),
    relations,
    findings: [...gateway, ...reasons],
    notes: notesOf(reached, outcome, relations),
    complete: doubts.length === 0,
    doubts,
  }
}

async function tryAllPolicies(
  tools: TryTools,
  reached: readonly Reached[],
  { isSafe, outcome }: { isSafe: boolean; outcome: StatementOutcome | undefined },
): Promise<{ relations: readonly RelationReport[]; predictedRows: number | undefined }> {
  const relations: RelationReport[] = []
  let predictedRows: number | undefined
  for (const each of reached) {
    const isTried = isSafe && (each.steps.length > 0 || mayPassOver(each))
    const tried = isTried ? await tryPolicies(tools, each) : untriedPolicies(each)
    const changes = each.actions.has('update') || each.actions.has('delete')
    let predicted = tried.exact && changes && tried.visible !== undefined ? tried.visible : undefined
    const onCopy = sum(tried.suppressed)
    if (predicted !== undefined) predicted -= onCopy
    const isShort = outcome?.rows !== undefined && (outcome.rows === 0 || (predicted ?? 0) > outcome.rows)
    const below = isSafe && isShort ? await findBelow(tools, each, outcome.rows ?? 0) : []
    const instead = isSafe ? await findInsteadOf(tools, each, outcome) : []
    relations.push(toReport(each, { ...tried, suppressed: [...tried.suppressed, ...instead, ...below] }))
    if (predicted !== undefined) predictedRows = predicted - sum(below)
  }
  return { relations, predictedRows }
}

function sum(suppressed: readonly Suppression[]): number {
  return suppressed.reduce((total, { rows }) => total + rows, 0)
}

function toReport(reached: Reached, { steps, rows, rowsProblem, suppressed }: TriedPolicies): RelationReport {
  const { relation, via, actor, actions, rls } = reached
  return {
    name: relation.sql,
    kind: relation.kind,
    via,
    actor: actor.name,
    owner: ownerOf(reached),
    actions: [...actions],
    forReturning: reached.forReturning,
    rights: rightsFor(reached),
    rls: { ...rls, enabled: relation.rls, forced: relation.force },
    steps,
    rows,
    ...(rowsProblem !== undefined && { rowsProblem }),
    suppressed,
    triggers: firing(reached).map((trigger) => ({
      name: trigger.name,
      function: trigger.function,
      outside: lastingOf(reached, trigger) !== undefined,
    })),
  }
}

/** Also those that it may fire at partitions and below views. */
function firedBy({ effects }: Database, reached: readonly Reached[]): readonly PlacedTrigger[] {
  return reached
    .filter((each) => commandsOf(each).length > 0)
    .flatMap(({ relation, database }) =>
      effects.triggersOf(relation).map((trigger) => {
        const table = database.catalog.relations.get(trigger.relation)
        return { ...trigger, table: table?.sql ?? relation.sql }
      }),
    )
}

/** The role of requests with claims. */
async function findRole(client: pg.ClientBase): Promise<string> {
  const { signedIn } = await readRequestRoles(client)
  if (signedIn !== undefined) return signedIn.name
  throw new Failure('input_invalid', { detail: 'no role that requests run as was found: name one with --role' })
}

/** An error ends a statement before all of its triggers have fired, and without rows those of rows do not. */
function firingOf(outcome: StatementOutcome | undefined): string {
  if (outcome === undefined) return 'It would fire'
  const isWhole = outcome.problem === undefined && (outcome.rows ?? 0) > 0
  return isWhole ? 'It fired, and was rolled back' : 'It fired as far as it came to that, and was rolled back'
}

function notesOf(
  reached: readonly Reached[],
  outcome: StatementOutcome | undefined,
  relations: readonly RelationReport[],
): string[] {
  const triggers = reached.flatMap((each) => firing(each).map(({ name }) => `${name} of ${each.relation.sql}`))
  const fired = [...new Set(triggers)].join(', ')
  return [
    ...(fired === '' ? [] : [`${firingOf(outcome)}: ${fired}.`]),
    ...relations.flatMap(({ name, rowsProblem }) =>
      rowsProblem === undefined ? [] : [`The rows of ${name} could not be looked at: ${rowsProblem}.`],
    ),
    ...reached.flatMap(({ relation, database }) => {
      const parent = relation.partition ? database.catalog.relations.get(relation.parents[0] ?? 0) : undefined
      if (parent === undefined) return []
      return [`${relation.sql} is a partition of ${parent.sql}, whose policies are not asked here.`]
    }),
  ]
}

function ownerOf({ relation, database }: Reached): string {
  return database.catalog.roles.get(relation.owner)?.name ?? String(relation.owner)
}
