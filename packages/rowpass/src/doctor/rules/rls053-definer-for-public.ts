/**
 * RLS053: a SECURITY DEFINER function that everybody may call.
 */
import { everyone } from '../../access/access.ts'
import type { Rule } from '../finding.ts'
import { definers } from './rls050-unpinned-search-path.ts'

export const rls053: Rule = {
  code: 'RLS053',
  slug: 'definer-for-public',
  level: 'info',
  title: 'A SECURITY DEFINER function can be called by PUBLIC',
  why:
    'PostgreSQL gives EXECUTE to PUBLIC unless it is taken away, so every role there is may call it with the rights of its ' +
    'owner. Grant it to those it is meant for.',
  *find(model) {
    for (const [routine, roles] of definers(model)) {
      const open = routine.grants.some(({ grantee, privilege }) => grantee === everyone && privilege === 'EXECUTE')
      if (!open || routine.returns === 'trigger') continue
      yield {
        object: routine.sql,
        says: `${routine.sql} can be called by everybody.`,
        evidence: `pg_proc.proacl of ${routine.sql} has EXECUTE for PUBLIC`,
        fix: {
          sql: [
            `grant execute on ${routine.kind} ${routine.sql} to ${roles.map(({ sql }) => sql).join(', ')}`,
            `revoke execute on ${routine.kind} ${routine.sql} from public`,
          ],
        },
      }
    }
  },
}
