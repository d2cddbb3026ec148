/**
 * What keeps a column from becoming anything a statement says, besides policies and grants: identities, keys of several
 * columns, triggers.
 */
import type { Column, ForeignKey, Relation, Role, Trigger } from '../../access/catalog/catalog.ts'
import { fieldsOf, listOf, namesOf, typed, walk } from '../../access/tree.ts'
import { operands } from './logic.ts'
import type { Model } from './model.ts'

/** What is known of a column: it is `held`, `free`, or a trigger looks at it in a way that is not understood. */
export type ColumnHold = 'held' | 'free' | { readonly trigger: Trigger }

/** Evidence and level of columns that can be set: a trigger that may hold one makes a guess of it, which says so. */
export function guessed(
  evidence: string,
  columns: ReadonlyMap<string, Trigger | undefined>,
): { evidence: string; level?: 'warning' } {
  const triggers = [...new Set([...columns.values()].flatMap((trigger) => trigger?.definition ?? []))]
  if (triggers.length === 0) return { evidence }
  const all = [evidence, ...triggers, 'a guess: whether the trigger refuses it could not be told from its function']
  return { evidence: all.join('; '), ...(![...columns.values()].includes(undefined) && { level: 'warning' as const }) }
}

/**
 * Tells whether a role can set a column to what it likes.
 *
 * @param fixed columns that policies hold
 */
export function holdOn(
  model: Model,
  table: Relation,
  column: Column,
  { role, command, fixed }: { role: Role; command: 'insert' | 'update'; fixed: ReadonlySet<string> },
): ColumnHold {
  if (column.generated !== undefined) return 'held'
  // OVERRIDING SYSTEM VALUE gives an insert any number; one that nobody else may have takes nothing of anybody.
  if (column.identity === 'always' && (command === 'update' || isUnique(model, table, column))) return 'held'
  const isFixed = (number: number): boolean => {
    const other = table.columns.find((each) => each.number === number)
    if (other === undefined || !other.notNull) return false
    return fixed.has(other.name) || !model.access.canColumn(role, command, table, other.name)
  }
  const keys = model.catalog.foreignKeys.filter(({ relation }) => relation === table.oid)
  if (keys.some((key) => follows(model, key, column, isFixed))) return 'held'
  return triggerOn(model, table, column, command)
}

/** A key of several columns of which the others name one row by themselves: this one must be that row's. */
function follows(
  model: Model,
  { columns, target, targetColumns }: ForeignKey,
  { number }: Column,
  isFixed: (number: number) => boolean,
): boolean {
  if (!columns.includes(number)) return false
  const known = targetColumns.filter((_, at) => columns[at] !== number && isFixed(columns[at] ?? 0))
  return uniqueKeys(model, { oid: target }).some((key) => key.every((each) => known.includes(each)))
}

/** Whether no two rows have the same value of the column. */
export function isUnique(model: Model, table: Relation, { number }: Column): boolean {
  return uniqueKeys(model, table).some((key) => key.length === 1 && key[0] === number)
}

function uniqueKeys(model: Model, table: Pick<Relation, 'oid'>): (readonly number[])[] {
  const whole = model.indexesOf(table).filter(({ unique, predicate }) => unique && predicate === undefined)
  return whole.map(({ key }) => key).filter((key) => !key.includes(0))
}

function triggerOn(model: Model, table: Relation, column: Column, command: 'insert' | 'update'): ColumnHold {
  const firing = model.catalog.triggers.filter(
    ({ relation, enabled, timing, level, commands }) =>
      relation === table.oid && enabled && timing === 'before' && level === 'row' && commands.includes(command),
  )
  let unclear: Trigger | undefined
  for (const trigger of firing) {
    const statement = fieldsOf(listOf(model.query(trigger.definition))[0], 'CreateTrigStmt')
    const named = namesOf(statement?.columns)
    if (command === 'update' && named.length > 0 && !named.includes(column.name)) continue
    const verdict = verdictOf(model, trigger, column, command, statement?.whenClause)
    if (verdict === 'held') return 'held'
    if (verdict === 'unclear') unclear ??= trigger
  }
  return unclear === undefined ? 'free' : { trigger: unclear }
}

function verdictOf(
  model: Model,
  { routine: oid }: Trigger,
  column: Column,
  command: 'insert' | 'update',
  when: unknown,
): 'held' | 'unclear' | 'free' {
  const routine = model.catalog.routines.get(oid)
  const body = routine && model.callers.body(routine)
  if (body === undefined || !body.known) return 'unclear'
  const always = when === undefined
  const fires = always || refuses(model, when, column, command)
  for (const step of body.steps) {
    if (step.kind === 'exit') break
    if (step.kind === 'refusal') {
      const condition = step.condition === undefined ? undefined : expressionOf(model, step.condition)
      if (condition === undefined ? fires : always && refuses(model, condition, column, command)) return 'held'
    } else if (step.kind === 'unchanged') {
      if (fires && command === 'update') return 'held'
      break
    } else if (isField(expressionOf(model, step.target), 'new', column) && fires) {
      const value = expressionOf(model, step.value)
      if (value !== undefined && !mentions(value, 'new')) return 'held'
    }
  }
  return body.columns.includes(column.name) || body.dynamic ? 'unclear' : 'free'
}

/** Whether a condition holds whenever the column becomes another: `new.c is distinct from old.c`, or from the caller's. */
function refuses(model: Model, tree: unknown, column: Column, command: 'insert' | 'update'): boolean {
  return operands(tree, 'OR_EXPR').some((branch) => {
    const conditions = operands(branch, 'AND_EXPR').filter((each) => !isOperation(each, command))
    const [only, ...more] = conditions
    return only !== undefined && more.length === 0 && differs(model, only, column)
  })
}

/** `tg_op = 'UPDATE'`. */
function isOperation(tree: unknown, command: string): boolean {
  const names = [...walk(tree)].flatMap(([type, node]) => (type === 'ColumnRef' ? namesOf(node.fields) : []))
  return names.join() === 'tg_op' && JSON.stringify(tree).includes(`"${command.toUpperCase()}"`)
}

function differs(model: Model, tree: unknown, column: Column): boolean {
  const node = fieldsOf(tree, 'A_Expr')
  if (node === undefined) return false
  const distinct = node.kind === 'AEXPR_DISTINCT'
  // <> with NULL refuses nothing.
  if (!distinct && !(namesOf(node.name).at(-1) === '<>' && column.notNull)) return false
  const [left, right] = [node.lexpr, node.rexpr].map((side) => {
    const row = fieldsOf(side, 'RowExpr')
    return row === undefined ? [side] : listOf(row.args)
  })
  return (left ?? []).some((one, at) => {
    const other = right?.[at]
    const [mine, theirs] = isField(one, 'new', column) ? [one, other] : [other, one]
    if (!isField(mine, 'new', column)) return false
    return isField(theirs, 'old', column) || (model.judge.readsCaller(theirs) && !mentions(theirs, 'new'))
  })
}

function isField(tree: unknown, record: 'new' | 'old', { name }: Column): boolean {
  const fields = namesOf(fieldsOf(tree, 'ColumnRef')?.fields)
  return fields.length === 2 && fields[0] === record && fields[1] === name
}

function mentions(tree: unknown, record: string): boolean {
  return [...walk(tree)].some(([type, node]) => type === 'ColumnRef' && namesOf(node.fields)[0] === record)
}

function expressionOf(model: Model, text: string): unknown {
  const select = fieldsOf(listOf(model.query(`select ${text}`))[0], 'SelectStmt')
  const target = typed(listOf(select?.targetList)[0])?.[1]
  return target?.val
}
