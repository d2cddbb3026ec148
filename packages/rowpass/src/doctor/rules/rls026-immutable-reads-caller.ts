/**
 * RLS026: a function that reads who is asking is marked IMMUTABLE.
 */
import { reachedBy } from '../analysis/model.ts'
import type { Rule } from '../finding.ts'

export const rls026: Rule = {
  code: 'RLS026',
  slug: 'immutable-reads-caller',
  level: 'error',
  title: 'A function that reads who is asking is marked IMMUTABLE',
  why:
    'IMMUTABLE says that the answer never changes, so PostgreSQL asks once, while it plans, and keeps the answer in the plan. A ' +
    'prepared statement, or a statement in a PL/pgSQL function, then goes on with the claims of whoever came first in that ' +
    'session. STABLE asks once for each statement, and costs no more.',
  *find(model) {
    const inPolicies = new Set(
      model.policies.flatMap(({ usingTree, checkTree }) =>
        [usingTree, checkTree].flatMap((each) => [...reachedBy(model, each?.tree).routines]),
      ),
    )
    for (const routine of model.catalog.routines.values()) {
      if (routine.volatility !== 'immutable' || routine.extension !== undefined || routine.kind === 'aggregate')
        continue
      if (!model.callers.readsCaller(routine)) continue
      const isUsed = inPolicies.has(routine)
      yield {
        object: routine.sql,
        says: `${routine.sql} reads who is asking${isUsed ? ' for policies' : ''}, and its answer may be kept for the next one.`,
        evidence: `pg_proc.provolatile of ${routine.sql} is i`,
        // What it makes of a column is asked for each row again, as long as no index keeps it.
        level: isUsed && routine.argumentCount === routine.optionalArguments ? 'error' : 'warning',
        fix: { sql: [`alter function ${routine.sql} stable`] },
      }
    }
  },
}
