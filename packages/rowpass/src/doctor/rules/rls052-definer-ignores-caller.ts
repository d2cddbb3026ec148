/**
 * RLS052: a SECURITY DEFINER function that reads protected tables for whoever calls it.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { callersOf, definers } from './rls050-unpinned-search-path.ts'

export const rls052: Rule = {
  code: 'RLS052',
  slug: 'definer-ignores-caller',
  level: 'warning',
  title: 'A SECURITY DEFINER function uses protected tables and does not look at who is asking',
  why:
    'It works with the rights of its owner, for whom policies do not hold, and gives the same to everybody. Let it compare ' +
    'with the claims, make it SECURITY INVOKER, or take EXECUTE from the roles of requests.',
  *find(model) {
    for (const [routine, roles] of definers(model)) {
      if (routine.returns === 'trigger' || model.callers.readsCaller(routine)) continue
      const { tables } = model.callers.body(routine)
      const past = tables
        .flatMap((each) => model.relationNamed(each) ?? [])
        .filter((table) => table.rls && model.access.bypasses(routine.owner, table))
      if (past.length === 0) continue
      yield {
        object: routine.sql,
        says: `${routine.sql} uses ${listed([...new Set(past.map(({ sql }) => sql))])} for ${callersOf(roles)} past policies.`,
        evidence: `pg_proc.prosecdef of ${routine.sql} is true; its body reads no claim`,
        fix: { person: 'What everybody may do through it is for a person to say.' },
      }
    }
  },
}
