/**
 * RLS022: somebody without claims has got an error.
 */

import { showTrial } from '../analysis/claimless.ts'
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
      const failed = (model.trials?.byTable.get(table.oid) ?? []).filter(({ error }) => error !== undefined)
      const [first] = failed
      if (first === undefined || model.policiesOf(table).some((each) => fragileParts(model, each).length > 0)) continue
      const roles = [...new Set(failed.map(({ role }) => role.sql))]
      yield {
        object: table.sql,
        part: roles.join(','),
        says: `Reading ${table.sql} as ${listed(roles)} without claims fails with ${listed([...new Set(failed.flatMap(({ error }) => error ?? []))])}.`,
        evidence: showTrial(first),
        level: failed.every(({ error }) => error === 'P0001') ? 'info' : 'warning',
        fix: { person: "nullif(…, '') before a cast, and the second argument of current_setting, make it no rows." },
      }
    }
  },
}
