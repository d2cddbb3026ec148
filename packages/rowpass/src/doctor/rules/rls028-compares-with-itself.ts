/**
 * RLS028: a sub-select of a policy compares a column with itself, where the policy's own was meant.
 */
import { fieldsOf, listOf, namesOf, walk } from '../../access/tree.ts'
import { withoutLocations } from '../analysis/logic.ts'
import type { PolicyFacts } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls028: Rule = {
  code: 'RLS028',
  slug: 'compares-with-itself',
  level: 'error',
  title: 'A sub-select of a policy compares a column with itself',
  why:
    'Inside of a sub-select a name without a table means the inner one first. `exists (select from guests g where g.room = ' +
    'room and …)` asks whether there is any such guest, and not whether they are one of this room: whoever has one row sees ' +
    'all of the table. PostgreSQL writes it back as g.room = g.room.',
  *find(model) {
    for (const policy of model.policies) {
      const [column] = comparedWithThemselves(policy)
      if (column === undefined) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} compares ${column} with itself, which says nothing of the row.`,
        evidence: showPolicy(policy),
        fix: {
          person: `Name the table of the column that was meant, such as ${policy.table.sql}.${column.split('.').at(-1)}.`,
        },
      }
    }
  },
}

function comparedWithThemselves({ usingTree, checkTree }: PolicyFacts): string[] {
  return [usingTree, checkTree].flatMap((expression) =>
    (expression?.sublinks ?? []).flatMap(({ node }) =>
      walk(node).flatMap(([type, { kind, name, lexpr, rexpr }]) => {
        if (type !== 'A_Expr' || kind !== 'AEXPR_OP' || namesOf(name)[0] !== '=') return []
        const column = fieldsOf(lexpr, 'ColumnRef')
        if (column === undefined || withoutLocations(lexpr) !== withoutLocations(rexpr)) return []
        return listOf(column.fields).length > 1 ? namesOf(column.fields).join('.') : []
      }),
    ),
  )
}
