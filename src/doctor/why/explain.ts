/**
 * Explains what one statement does for one identity, and why.
 */
import pg from 'pg'
import { Failure } from '../../errors.ts'
import { loadParser } from '../../sql/parser.ts'
import { type ClaimsCarrier, detectCarrier, type Identity } from '../identity.ts'
import { type Access, reach } from './access.ts'
import { type Explanation, type RelationReport, withoutData } from './explanation.ts'
import { gatewayReasons } from './gateway.ts'
import { type Right, rightsFor } from './grants.ts'
import { findReasons } from './reasons.ts'
import { type Rehearsal, rehearse, type Stage } from './rehearsal.ts'
import { loadRole, type Role, type Trigger } from './relations.ts'
import { rolledBack, type Setting } from './session.ts'
import { parseStatement } from './statement.ts'
import { inlineParameters, withoutEnd } from './text.ts'
import { type Outcome, tryStatement } from './trial.ts'
import type { Statement } from './usage.ts'
import { type Facts, findDoubts } from './verdict.ts'

/** What to explain. */
export interface ExplainOptions {
  readonly identity: Identity
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
 */
export async function explain(client: pg.ClientBase, options: ExplainOptions): Promise<Explanation> {
  const parser = await loadParser()
  parseStatement(options.sql, parser)
  const inlined = inlineParameters(options.sql, options.params ?? [], parser, pg.escapeLiteral)
  const sql = withoutEnd(inlined, parser)
  const statement = parseStatement(sql, parser)
  const carrier = options.carrier ?? (await detectCarrier(client))
  const { identity, timeoutMs = defaultTimeoutMs, reveal = false, parts = true } = options
  const setting: Setting = { identity, carrier, timeoutMs }
  const role = await loadRole(client, identity.role)
  if (role === undefined) throw new Failure('input_invalid', { detail: `there is no database role ${identity.role}` })

  const { accesses, unreached } = await rolledBack(client, setting, 'self', () => reach(client, statement, role))
  const functions = await functionRights(client, statement, role)
  const notRun = reasonNotToRun(options.run ?? 'safe', accesses)
  const tried = notRun === undefined ? await tryStatement(client, setting, statement, sql) : undefined
  const outcome = tried?.problem && !reveal ? { ...tried, problem: withoutData(tried.problem) } : tried
  const stage: Stage = { client, parser, role: role.name, setting, statement, sql, reveal, parts }
  const relations: RelationReport[] = []
  let predictedRows: number | undefined
  for (const access of accesses) {
    const rehearsal = access.steps.length > 0 ? await rehearse(stage, access) : nothing
    relations.push(toReport(access, rehearsal))
    if (rehearsal.exact && (access.actions.has('update') || access.actions.has('delete')))
      predictedRows = rehearsal.visible
  }
  const facts: Facts = {
    command: statement.command,
    role: role.name,
    outcome,
    unreached,
    relations,
    functions,
    predictedRows,
  }
  const gateway = carrier?.kind === 'sealed' && parts ? await gatewayReasons(client, parser, sql) : []
  const reasons = findReasons(facts)
  const doubts = findDoubts(facts, reasons)
  return {
    command: statement.command,
    sql,
    identity: { role: role.name, claims: identity.claims },
    carrier,
    outcome,
    ...(notRun !== undefined && { notRun }),
    relations,
    findings: [...gateway, ...reasons],
    notes: notesOf(accesses, outcome, relations),
    complete: doubts.length === 0,
    doubts,
  }
}

const nothing: Rehearsal = { steps: [], rows: undefined, visible: undefined, exact: false }

function toReport(access: Access, { steps, rows, rowsProblem }: Rehearsal): RelationReport {
  const { relation, via, actor, actions, rls } = access
  return {
    name: relation.sql,
    kind: relation.kind,
    via,
    actor: actor.name,
    owner: relation.owner,
    actions: [...actions],
    rights: rightsFor(access),
    rls: { ...rls, enabled: relation.rlsEnabled, forced: relation.rlsForced },
    steps,
    rows,
    ...(rowsProblem !== undefined && { rowsProblem }),
    triggers: firing(access).map(({ name, function: calls, outside }) => ({ name, function: calls, outside })),
  }
}

const events: Readonly<Record<string, Trigger['events'][number]>> = {
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  conflict_update: 'UPDATE',
  merge_insert: 'INSERT',
  merge_update: 'UPDATE',
  merge_delete: 'DELETE',
}

/** The triggers that the statement would fire. */
function firing({ relation, actions }: Access): readonly Trigger[] {
  const fired = new Set([...actions].map((action) => events[action]))
  return relation.triggers.filter((trigger) => trigger.events.some((event) => fired.has(event)))
}

function reasonNotToRun(run: 'safe' | 'always' | 'never', accesses: readonly Access[]): string | undefined {
  if (run === 'never') return 'it was not asked for'
  const outside = accesses.flatMap(firing).find((trigger) => trigger.outside)
  if (run === 'always' || outside === undefined) return undefined
  return `the trigger ${outside.name} calls ${outside.function}, whose effects a rollback may not undo (--run runs it)`
}

/** Functions that the statement calls by name and of which the role may execute none. */
async function functionRights(client: pg.ClientBase, { functions }: Statement, role: Role): Promise<readonly Right[]> {
  const { rows } = await client.query<{ object: string }>(
    `select min(p.oid::regprocedure::text) as object
       from unnest($1::text[], $2::text[]) as f (schema, name)
       join pg_proc p on p.proname = f.name join pg_namespace n on n.oid = p.pronamespace
      where (f.schema is null or n.nspname = f.schema)
      group by f.schema, f.name having not bool_or(has_function_privilege($3::oid, p.oid, 'EXECUTE'))`,
    [functions.map((path) => path.at(-2) ?? null), functions.map((path) => path.at(-1) ?? ''), role.oid],
  )
  return rows.map(({ object }) => ({
    privilege: 'EXECUTE',
    on: 'function',
    object,
    columns: [],
    held: false,
    role: role.name,
  }))
}

function notesOf(
  accesses: readonly Access[],
  outcome: Outcome | undefined,
  relations: readonly RelationReport[],
): string[] {
  const triggers = accesses.flatMap((access) => firing(access).map(({ name }) => `${name} of ${access.relation.sql}`))
  const fired = [...new Set(triggers)].join(', ')
  return [
    ...(fired === ''
      ? []
      : [`${outcome === undefined ? 'It would fire' : 'It fired, and was rolled back'}: ${fired}.`]),
    ...relations.flatMap(({ name, rowsProblem }) =>
      rowsProblem === undefined ? [] : [`The rows of ${name} could not be looked at: ${rowsProblem}.`],
    ),
    ...accesses.flatMap(({ relation }) =>
      relation.parent === null
        ? []
        : [`${relation.sql} is a partition of ${relation.parent}, whose policies are not asked here.`],
    ),
  ]
}
