/**
 * RLS036: an index that queries under policies cannot use.
 */
import type { Rule } from '../finding.ts'

export const rls036: Rule = {
  code: 'RLS036',
  slug: 'index-not-leakproof',
  level: 'info',
  title: 'An index of a protected table serves operators that are not leakproof',
  why:
    'Conditions of a query run before those of a policy only where their operators are LEAKPROOF. LIKE, full text search, ' +
    'JSON containment, arrays and trigrams are not, so requests read the rows that the policy lets through and filter ' +
    'afterwards; their index is used by roles past policies only. An index on the column of the policy is what counts, or ' +
    'a SECURITY DEFINER function that searches with the claims as a condition of its own.',
  *find({ catalog, access }) {
    for (const index of catalog.indexes) {
      const table = catalog.relations.get(index.relation)
      if (table === undefined || !table.rls || table.extension || index.unique) continue
      if ((index.leakproof && !index.patternClass) || access.exposedTo(table).length === 0) continue
      yield {
        object: table.sql,
        part: index.sql,
        says: `The index ${index.sql} cannot be used by requests for its own operators.`,
        evidence: index.definition,
        fix: { person: 'Whether requests search by it, or only an administrator does, is for a person to say.' },
      }
    }
  },
}
