/**
 * RLS071: a foreign key to hidden rows.
 */
import type { Relation, Role } from '../../access/catalog/catalog.ts'
import { scan } from '../analysis/expression.ts'
import { isAlwaysTrue, operands } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, writeExpression } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls071: Rule = {
  code: 'RLS071',
  slug: 'foreign-key-oracle',
  level: 'warning',
  title: 'A foreign key can refer to a row that the writer may not see',
  why:
    'Foreign keys are checked past policies. A row may point at a row of another tenant, and whether the insert succeeds ' +
    'tells whether that row is there. A key of (tenant_id, id) keeps both in one tenant, and so does a WITH CHECK that looks ' +
    'the row up.',
  *find(model) {
    for (const key of model.catalog.foreignKeys) {
      if (key.inherited) continue
      const table = model.catalog.relations.get(key.relation)
      const target = model.catalog.relations.get(key.target)
      if (table === undefined || target === undefined || !table.rls || !target.rls || table.extension) continue
      const names = (relation: typeof table, numbers: readonly number[]) =>
        relation.columns.filter(({ number }) => numbers.includes(number)).map(({ name }) => name)
      const [own, theirs] = [names(table, key.columns), names(target, key.targetColumns)]
      const roles = model.access.exposedTo(table).filter((role) => {
        const tied = model.tied(target, role)
        const held = model.tied(table, role)
        if (tied.size === 0 || theirs.some((name) => tied.has(name)) || own.some((name) => held.has(name))) return false
        return (['insert', 'update'] as const).some(
          (command) =>
            own.some((name) => model.access.canColumn(role, command, table, name)) &&
            model.applying(table, role, command).some(({ permissive }) => permissive) &&
            !isLookedUp(model, { table, target, role, command }, own),
        )
      })
      if (roles.length === 0) continue
      yield {
        object: table.sql,
        part: key.sql,
        says: `${listed(roles.map(({ sql }) => sql))} can let ${table.sql} refer to any row of ${target.sql}.`,
        evidence: `${key.sql}: (${own.join(', ')}) references ${target.sql} (${theirs.join(', ')})`,
        fix: { person: 'A key over two columns needs a unique key on the other side, and rows that agree.' },
      }
    }
  },
}

interface Reference {
  readonly table: Relation
  readonly target: Relation
  readonly role: Role
  readonly command: 'insert' | 'update'
}

/** Whether the checks of what is written look the row up by the column, as the caller or by who is asking. */
function isLookedUp(model: Model, { table, target, role, command }: Reference, columns: readonly string[]): boolean {
  const policies = model.applying(table, role, command)
  const looks = (policy: PolicyFacts): boolean => {
    const expression = writeExpression(policy)
    if (expression === undefined || isAlwaysTrue(expression.tree, table)) return false
    return operands(expression.tree, 'OR_EXPR').every((branch) =>
      operands(branch, 'AND_EXPR').some((part) => {
        if (!scan(part, table.name).columns.some((name) => columns.includes(name))) return false
        const { sublinks } = scan(part, table.name)
        const reads = sublinks.flatMap(({ relations }) => relations.map((each) => model.relationNamed(each)))
        return reads.includes(target) || model.judge.readsCaller(part)
      }),
    )
  }
  const permissive = policies.filter((policy) => policy.permissive)
  return permissive.every(looks) || policies.some((policy) => !policy.permissive && looks(policy))
}
