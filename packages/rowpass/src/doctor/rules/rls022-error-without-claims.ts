/**
 * RLS022: somebody without claims has got an error.
 */

import { firstOfEachRole, showTrial } from '../analysis/claimless.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { fragileParts } from './rls019-fails-without-claims.ts'

export const rls022: Rule = {
  code: 'RLS022',
  slug: 'error-without-claims',
  level: 'warning',
  title: 'Reading without claims ends in an error',
  why:
    'It was tried, with settings that are missing, empty, and an object without members. No claims are no rows: an error ' +
    'is an answer of 500 to somebody who has only not logged in, or whose connection had claims before. P0001 is an error ' +
    'that somebody raises on purpose.',
  *find(model) {
    for (const table of model.tables) {
      if (model.policiesOf(table).some((each) => fragileParts(model, each).length > 0)) continue
      const failed = (model.trials?.byTable.get(table.oid) ?? []).filter(({ error }) => error !== undefined)
      for (const trial of firstOfEachRole(failed)) {
        const errors = failed.filter(({ role }) => role === trial.role).flatMap(({ error }) => error ?? [])
        yield {
          object: table.sql,
          part: trial.role.sql,
          says: `Reading ${table.sql} as ${trial.role.sql} without claims fails with ${listed([...new Set(errors)])}.`,
          evidence: showTrial(trial),
          level: errors.every((error) => error === 'P0001') ? 'info' : 'warning',
          fix: { person: "nullif(…, '') before a cast, and the second argument of current_setting, make it no rows." },
        }
      }
    }
  },
}
