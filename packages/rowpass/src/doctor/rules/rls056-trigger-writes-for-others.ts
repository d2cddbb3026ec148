/**
 * RLS056: a trigger writes rows of whomever the new row names.
 */
import type { Command, Relation, Role, Routine } from '../../access/catalog/catalog.ts'
import { isForCommand } from '../../access/policies.ts'
import { namesOf, walk } from '../../access/tree.ts'
import { scan } from '../analysis/expression.ts'
import { operands, tiedColumns } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, writeExpression } from '../analysis/model.ts'
import { isUnheld } from '../analysis/reading.ts'
import { type ColumnWrite, writesOf } from '../analysis/sinks.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { definers, tablesSetOffBy } from './rls050-unpinned-search-path.ts'

export const rls056: Rule = {
  code: 'RLS056',
  slug: 'trigger-writes-for-others',
  level: 'warning',
  title: 'A trigger writes rows for whomever the new row names',
  why:
    'It works with the rights of its owner, past the policies of the table that it writes to, and takes the person or the ' +
    'tenant from a column that whoever writes may fill as they like. A message to somebody else may be meant; then what may be ' +
    'in it, and to whom, is for a check in the first table or in the function.',
  *find(model) {
    for (const [routine] of definers(model)) {
      if (routine.returns !== 'trigger') continue
      const writes = writesOf(model, routine)
      for (const table of tablesSetOffBy(model, routine)) {
        const found = writes.flatMap((write) => {
          const target = model.relationNamed(write.table)
          const columns = freeSources(model, routine, table, write)
          const isOpen = target !== undefined && target !== table && isForOthers(model, routine, target, write)
          return isOpen && columns.length > 0 ? [{ target, columns, write }] : []
        })
        const [first] = found
        if (first === undefined) continue
        const columns = [...new Set(found.flatMap((each) => each.columns))]
        yield {
          object: table.sql,
          part: routine.sql,
          says: `${routine.sql} writes to ${listed([...new Set(found.map(({ target }) => target.sql))])} by ${listed(columns)} of ${table.sql}, which may be anything.`,
          evidence: `${first.write.command} ${first.target.sql}: ${first.write.column} from new.${first.columns[0]}`,
          fix: { person: 'Hold the column in WITH CHECK of the first table, or check it in the function.' },
        }
      }
    }
  },
}

/** Whether the function writes a row there that belongs to somebody, whatever the policies say of it. */
function isForOthers(
  model: Model,
  { owner }: Routine,
  target: Relation,
  { command, column, counts }: ColumnWrite,
): boolean {
  if (counts || !isUnheld(model, owner, target, command)) return false
  // One policy may show a row to whom it names, and another one to whom it is from.
  const shown = model.policiesOf(target).filter((each) => each.permissive && isForCommand(each, 'select'))
  const tied = new Set(shown.flatMap(({ usingTree }) => [...tiedColumns(usingTree?.tree, target, model.judge)]))
  return command === 'insert' ? tied.has(column) : tied.size > 0
}

/** Columns of the new row that a role of requests may fill, and that no policy and no test of the function holds. */
function freeSources(model: Model, routine: Routine, table: Relation, { sources }: ColumnWrite): string[] {
  const columns = [...sources].flatMap((source) => (source.startsWith('new.') ? source.slice('new.'.length) : []))
  const tests = (model.callers.parsed(routine)?.plpgsql?.tested ?? []).map((text) => model.query(text))
  return columns.filter((column) => {
    const isTested = tests.some(
      (tree) =>
        walk(tree).some(
          ([type, { fields }]) => type === 'ColumnRef' && namesOf(fields).join('.') === `new.${column}`,
        ) &&
        (model.judge.readsCaller(tree) || walk(tree).some(([type]) => type === 'RangeVar')),
    )
    return !isTested && model.access.apiRoles.some((role) => isFree(model, table, role, column))
  })
}

function isFree(model: Model, table: Relation, role: Role, column: string): boolean {
  return (['insert', 'update'] as const).some((command: Command & ('insert' | 'update')) => {
    if (!model.access.canColumn(role, command, table, column)) return false
    if (!table.rls || model.access.bypasses(role.oid, table)) return true
    const applying = model.applying(table, role, command)
    const holds = (policy: PolicyFacts): boolean => isHeldBy(model, policy, column)
    return (
      applying.some((each) => each.permissive && !holds(each)) &&
      !applying.some((each) => !each.permissive && holds(each))
    )
  })
}

/** Whether each branch of the check compares the column with who is asking, or looks it up. */
function isHeldBy(model: Model, policy: PolicyFacts, column: string): boolean {
  return operands(writeExpression(policy)?.tree, 'OR_EXPR').every((branch) =>
    operands(branch, 'AND_EXPR').some((part) => {
      const { columns, sublinks } = scan(part, policy.table.name)
      const asks = model.judge.readsCaller(part) || sublinks.some(({ relations }) => relations.length > 0)
      return asks && columns.includes(column)
    }),
  )
}
