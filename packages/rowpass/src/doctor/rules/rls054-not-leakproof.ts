/**
 * RLS054: a function that is called LEAKPROOF and cannot be trusted to be.
 */
import type { Rule } from '../finding.ts'

export const rls054: Rule = {
  code: 'RLS054',
  slug: 'not-leakproof',
  level: 'error',
  title: 'A function of one\u2019s own is marked LEAKPROOF',
  why:
    'PostgreSQL calls LEAKPROOF functions on rows that policies hide, before the policies. One that raises an error or a ' +
    'notice that depends on its argument, or writes it somewhere, shows hidden rows. Bodies in SQL and PL/pgSQL call much ' +
    'that is not leakproof.',
  *find({ catalog }) {
    for (const routine of catalog.routines.values()) {
      if (!routine.leakproof || routine.extension) continue
      yield {
        object: routine.sql,
        says: `${routine.sql} is called on rows that policies hide.`,
        evidence: `pg_proc.proleakproof of ${routine.sql} is true; prolang is ${routine.language}`,
        fix: { sql: [`alter function ${routine.sql} not leakproof`] },
      }
    }
  },
}
