/**
 * RLS021: somebody without claims has seen rows.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import { firstOfEachRole, showTrial } from '../analysis/claimless.ts'
import { operands } from '../analysis/logic.ts'
import type { Model } from '../analysis/model.ts'
import type { Rule } from '../finding.ts'
import { opensWithoutClaims } from './rls018-opens-without-claims.ts'

export const rls021: Rule = {
  code: 'RLS021',
  slug: 'rows-without-claims',
  level: 'error',
  title: 'Rows are visible without any claim',
  why:
    'It was tried, with settings that are missing, empty, and an object without members: a policy that asks who is asking ' +
    'shows rows to somebody who has not said. The rows that other policies show to everybody are not counted. What looks ' +
    'closed may open by a function, by a default, or by a row whose column is as empty as the claim. Where a part of the ' +
    'policy does not ask, as in `published or author_id = …`, such rows may be meant, and it is a note.',
  *find(model) {
    for (const table of model.tables) {
      if (isSaidAlready(model, table)) continue
      const seen = (model.trials?.byTable.get(table.oid) ?? []).filter(({ error }) => error === undefined)
      for (const trial of firstOfEachRole(seen)) {
        yield {
          object: table.sql,
          part: trial.role.sql,
          says: `${trial.role.sql} can see rows of ${table.sql} without any claim.`,
          evidence: showTrial(trial),
          ...(hasOpenPart(model, table) && { level: 'info' as const }),
          fix: { person: 'Which of the rows were meant to be seen is for a person to say.' },
        }
      }
    }
  },
}

/** `published or …`: one condition of several says by itself which rows are for everybody. */
function hasOpenPart(model: Model, table: Relation): boolean {
  return model.policiesOf(table).some(({ command, permissive, usingTree }) => {
    if (!permissive || (command !== 'select' && command !== 'all') || usingTree === undefined) return false
    const parts = operands(usingTree.tree, 'OR_EXPR')
    return parts.length > 1 && parts.some((part) => !model.judge.readsCaller(part))
  })
}

/** Reading without claims is what RLS018 says of one of the policies. */
function isSaidAlready(model: Model, table: Relation): boolean {
  return model
    .policiesOf(table)
    .some((each) => (each.command === 'select' || each.command === 'all') && opensWithoutClaims(model, each))
}
