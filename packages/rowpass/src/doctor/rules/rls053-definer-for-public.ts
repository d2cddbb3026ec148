/**
 * RLS053: a SECURITY DEFINER function that everybody may call.
 */
import { everyone } from '../../access/access.ts'
import type { Role, Routine } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Fix, Rule } from '../finding.ts'
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
        fix: nameCallers(model, routine, roles),
      }
    }
  },
}

/**
 * EXECUTE by name is no better than PUBLIC's where the function does the same for everybody: then it would only be quiet.
 */
function nameCallers(model: Model, routine: Routine, roles: readonly Role[]): Fix {
  const names = listed(roles.map(({ sql }) => sql))
  const { known, dynamic } = model.callers.body(routine)
  const revoke = `revoke execute on ${routine.kind} ${routine.sql} from public`
  if (!known || dynamic || !model.callers.readsCaller(routine)) {
    return {
      person:
        `Who is to call it? ${!known || dynamic ? 'What it does cannot be read' : 'It does the same for whoever calls it'}, ` +
        `so that a grant to ${names} would leave it as open as it is. After "${revoke}" nobody but its owner calls it: ` +
        'grant it to those who must.',
    }
  }
  return {
    sql: [`grant execute on ${routine.kind} ${routine.sql} to ${roles.map(({ sql }) => sql).join(', ')}`, revoke],
    loses: [`every role but ${names}, of now and later: EXECUTE on ${routine.sql}`],
  }
}
