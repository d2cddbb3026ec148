/**
 * Triggers that pass rows over: one that is fired BEFORE or INSTEAD OF a change and gives NULL takes the row out of it,
 * without an error.
 */
import pg from 'pg'
import type { Trigger } from '../access/catalog/catalog.ts'
import { attempt, isProblem } from '../access/trial.ts'
import { conditionsFor } from './conditions.ts'
import { copyName, writtenRows } from './copy.ts'
import { commandsOf, firing, lastingOf } from './effects.ts'
import type { Suppression } from './explanation.ts'
import type { Reached } from './reach.ts'
import { countAsIdentity } from './rows.ts'
import { rolledBack } from './session.ts'
import { bareInsert, retarget } from './text.ts'
import type { TryTools } from './tools.ts'
import type { StatementOutcome } from './trial.ts'

/** How long a table below may be waited for. */
const lockMs = 200
/** More are not told apart: each takes a run of its own. */
const maxTriggers = 12

/**
 * Triggers that a view has INSTEAD OF a change, where nothing was changed though rows of the view were chosen.
 *
 * Does NOT tell which of several it was.
 */
export async function findInsteadOf(
  tools: TryTools,
  reached: Reached,
  outcome: StatementOutcome | undefined,
): Promise<readonly Suppression[]> {
  const { client, setting, statement, sql, parser } = tools
  const triggers = firing(reached).filter(({ timing }) => timing === 'instead of')
  const [command, ...others] = commandsOf(reached)
  if (triggers.length === 0 || command === undefined || others.length > 0 || reached.via.length > 0) return []
  if (outcome?.rows !== 0) return []
  const conditions = conditionsFor(statement, sql, reached, parser)
  if (command !== 'insert' && !conditions.exact) return []
  const rows = command === 'insert' ? 1 : await countAsIdentity(client, setting, reached, conditions.sql)
  if (rows === undefined || rows === 0) return []
  return triggers.map(({ name, function: routine, timing }) => ({
    trigger: name,
    function: routine,
    timing,
    command,
    rows,
  }))
}

/**
 * BEFORE triggers of partitions, and of tables below a view, which the copy does not have: the statement itself is run once
 * more without each. That locks the table of the trigger against writes while it runs, and waits for its lock for
 * {@link lockMs} at most.
 */
export async function findBelow(
  { client, setting, role, sql }: TryTools,
  reached: Reached,
  changed: number,
): Promise<readonly Suppression[]> {
  const { database, relation } = reached
  const [command, ...others] = commandsOf(reached)
  if (command === undefined || others.length > 0 || reached.via.length > 0) return []
  const triggers = database.effects
    .triggersOf(relation)
    .filter(({ timing, level, commands }) => timing === 'before' && level === 'row' && commands.includes(command))
    .filter((trigger) => trigger.relation !== relation.oid && lastingOf(reached, trigger) === undefined)
  const found: Suppression[] = []
  for (const { name, function: routine, timing, relation: oid } of triggers.slice(0, maxTriggers)) {
    const table = database.catalog.relations.get(oid)?.sql
    if (table === undefined) continue
    const more = await rolledBack(client, setting, 'turns', () =>
      attempt(client, async () => {
        await client.query(`set local lock_timeout = ${lockMs}`)
        await client.query(`alter table ${table} disable trigger ${pg.escapeIdentifier(name)}`)
        await client.query(`set local role ${pg.escapeIdentifier(role)}`)
        return (await client.query(sql)).rowCount ?? 0
      }),
    )
    if (!isProblem(more) && more > changed)
      found.push({ table, trigger: name, function: routine, timing, command, rows: more - changed })
  }
  return found
}

/** Whether a trigger is fired that may pass rows over, and may be tried. */
export function mayPassOver(reached: Reached): boolean {
  return reached.via.length === 0 && triggersOf(reached).length > 0
}

function triggersOf(reached: Reached): readonly Trigger[] {
  const triggers = firing(reached).filter(({ timing, level }) => timing === 'before' && level === 'row')
  return triggers.every((trigger) => lastingOf(reached, trigger) === undefined) ? triggers : []
}

/**
 * Runs the statement on a copy with none of the BEFORE triggers, then with one more each time: where rows go missing, the
 * last one is why.
 *
 * @param rows records that the statement would change; of no importance for INSERT
 */
export async function findSuppressions(
  tools: TryTools,
  reached: Reached,
  rows: readonly string[],
): Promise<readonly Suppression[]> {
  const { relation } = reached
  const [command, ...others] = commandsOf(reached)
  const triggers = triggersOf(reached)
  if (command === undefined || others.length > 0 || triggers.length === 0) return []
  const bare = command === 'insert' ? bareInsert(tools.sql, tools.parser) : tools.sql
  const sql = bare && retarget(bare, tools.statement.tree, copyName(relation), tools.parser)
  if (sql === undefined) return []
  const changed = async (some: readonly Trigger[]): Promise<number | undefined> => {
    const trial = {
      relation,
      triggers: some,
      rows: command === 'insert' ? [] : rows,
      role: tools.role,
      sql,
      indexes: false,
    }
    const result = await rolledBack(tools.client, tools.setting, 'turns', () => writtenRows(tools.client, trial))
    return isProblem(result) ? undefined : result.length
  }
  const found: Suppression[] = []
  let before = await changed([])
  const all = await changed(triggers)
  if (before === undefined || all === undefined || all >= before) return []
  for (const [index, { name, function: routine, timing }] of triggers.slice(0, maxTriggers).entries()) {
    const after = await changed(triggers.slice(0, index + 1))
    if (after === undefined) break
    if (after < before) found.push({ trigger: name, function: routine, timing, command, rows: before - after })
    before = after
  }
  return found
}
