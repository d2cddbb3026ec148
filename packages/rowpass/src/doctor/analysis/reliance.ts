/**
 * What works only because its owner is past the policies of a table.
 */
import type { Command, Relation, Role } from '../../access/catalog/catalog.ts'
import { isAlwaysTrue } from './logic.ts'
import { type Model, writeExpression } from './model.ts'
import { tablesOf } from './reading.ts'

const commands: readonly Command[] = ['select', 'insert', 'update', 'delete']

/**
 * SECURITY DEFINER functions and views that use a table with the rights of a role; as SQL. A function whose body cannot be
 * read may use any table.
 */
export function usersAs(model: Model, role: Role, table: Relation): string[] {
  const functions = [...model.catalog.routines.values()].filter((routine) => {
    if (!routine.securityDefiner || routine.owner !== role.oid || routine.extension !== undefined) return false
    const { known, dynamic, tables } = model.callers.body(routine)
    return !known || dynamic || tables.some((each) => model.relationNamed(each) === table)
  })
  const views = [...model.catalog.relations.values()].filter(
    (view) =>
      (view.kind === 'view' || view.kind === 'materialized view') &&
      view.extension === undefined &&
      tablesOf(model, view).some((each) => each.table === table && each.as === role.oid),
  )
  return [...functions, ...views].map(({ sql }) => sql)
}

/** Commands for which policies, were they to hold for the role, would not let every row through. */
export function narrowedCommands(model: Model, role: Role, table: Relation): Command[] {
  return commands.filter((command) => {
    const policies = model.applying(table, role, command)
    const opens = policies.some((policy) => {
      const trees = [
        ...(command === 'insert' ? [] : [policy.usingTree]),
        ...(command === 'insert' || command === 'update' ? [writeExpression(policy)] : []),
      ]
      return policy.permissive && trees.every((each) => each !== undefined && isAlwaysTrue(each.tree, table))
    })
    return !opens || policies.some(({ permissive }) => !permissive)
  })
}
