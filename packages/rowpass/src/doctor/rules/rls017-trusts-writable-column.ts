/**
 * RLS017: a policy looks a right up in a table that the same role may write.
 */
import { bodyOf } from '../../access/bodies.ts'
import type { Command, Relation, Role, Trigger } from '../../access/catalog/catalog.ts'
import { scan } from '../analysis/expression.ts'
import { guessed, holdOn, isUnique } from '../analysis/held.ts'
import { type Model, type PolicyFacts, reachedBy, writeExpression } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls017: Rule = {
  code: 'RLS017',
  slug: 'trusts-writable-column',
  level: 'error',
  title: 'A policy trusts a column that the same role may write',
  why:
    'Whoever may set the role or the team of their own row, or add themselves to a team, gives themselves what the policy ' +
    'hands out for it. Take the column out of the grants (GRANT UPDATE by column), or hold it in WITH CHECK.',
  *find(model) {
    const reported = new Set<string>()
    for (const policy of model.policies) {
      for (const [table, columns] of lookedUp(model, policy)) {
        const roles = model.access.exposedTo(policy.table).filter((role) => model.access.isAmong(role, policy.roles))
        const open = new Map(
          roles.flatMap((role) => [
            ...writableColumns(model, table, columns, role, 'insert'),
            ...writableColumns(model, table, columns, role, 'update'),
          ]),
        )
        for (const column of table.columns) {
          const key = `${table.sql} ${column.sql}`
          if (!open.has(column.name) || reported.has(key)) continue
          reported.add(key)
          yield {
            object: table.sql,
            part: column.sql,
            says: `${column.sql} of ${table.sql} can be written by those to whom the ${policyOn(policy)} gives rows for it.`,
            ...guessed(showPolicy(policy), new Map([[column.name, open.get(column.name)]])),
            fix: { person: 'Who may change it, and through what, is for a person to say.' },
          }
        }
      }
    }
  },
}

/** Tables in sub-selects and in functions of a policy, with their columns that are used. */
function lookedUp(model: Model, policy: PolicyFacts): Map<Relation, string[]> {
  const found = new Map<Relation, string[]>()
  const add = (table: Relation | undefined, columns: readonly string[]): void => {
    if (table === undefined || table.extension) return
    const used = table.columns.map(({ name }) => name).filter((name) => columns.includes(name))
    found.set(table, [...(found.get(table) ?? []), ...used])
  }
  for (const expression of [policy.usingTree, policy.checkTree]) {
    if (expression === undefined) continue
    for (const link of expression.sublinks) {
      const { columns } = bodyOf([link.node.subselect])
      for (const reading of link.relations) add(model.relationNamed(reading), columns)
    }
    for (const routine of reachedBy(model, expression.tree).routines) {
      const { tables, columns } = model.callers.body(routine)
      for (const each of tables) if (each.writes.length === 0) add(model.relationNamed(each), columns)
    }
  }
  return found
}

/** Columns that say whose the row is are tied to the caller; the others may not be free. */
function writableColumns(
  model: Model,
  table: Relation,
  columns: readonly string[],
  role: Role,
  command: Command & ('update' | 'insert'),
): (readonly [string, Trigger | undefined])[] {
  const own = model.tied(table, role)
  // A value that no other row may have: whoever writes it takes nothing that is somebody else's.
  const granted = table.columns.flatMap((column): (readonly [string, Trigger | undefined])[] => {
    if (!columns.includes(column.name) || own.has(column.name) || isUnique(model, table, column)) return []
    if (!model.access.canColumn(role, command, table, column.name)) return []
    const hold = holdOn(model, table, column, { role, command, fixed: own })
    return hold === 'held' ? [] : [[column.name, hold === 'free' ? undefined : hold.trigger]]
  })
  if (granted.length === 0 || !model.access.can(role, command, table)) return []
  if (!table.rls) return granted
  const policies = model.applying(table, role, command).map(writeExpression)
  const permissive = model.applying(table, role, command).filter((each) => each.permissive)
  if (permissive.length === 0) return []
  const mentioned = policies.flatMap((expression) =>
    expression === undefined ? [] : scan(expression.tree, table.name).columns,
  )
  const looked = policies.flatMap((expression) => expression?.sublinks ?? [])
  // A check that asks another table is more than can be judged here.
  return looked.some(({ relations }) => relations.length > 0)
    ? []
    : granted.filter(([column]) => !mentioned.includes(column))
}
