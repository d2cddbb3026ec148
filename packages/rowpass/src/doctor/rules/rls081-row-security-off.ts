/**
 * RLS081: sessions that begin with row_security off.
 */
import type { Routine } from '../../access/catalog/catalog.ts'
import { listOf, stringOf, walk } from '../../access/tree.ts'
import type { Model } from '../analysis/model.ts'
import { tablesOfRoutine } from '../analysis/reading.ts'
import { listed } from '../analysis/words.ts'
import type { Found, Rule } from '../finding.ts'

const off = /^row_security=(off|false|no|0)$/i

export const rls081: Rule = {
  code: 'RLS081',
  slug: 'row-security-off',
  level: 'warning',
  title: 'Sessions of a role, or a function, run with row_security off',
  why:
    'It does not lift policies: a query that a policy would filter fails with 42501 instead, also for the owner of a table ' +
    'with FORCE. It is meant for dumps, which must be whole or fail.',
  *find(model) {
    yield* functions(model)
    const { catalog, access } = model
    const api = new Set(access.apiRoles.map(({ oid }) => oid))
    for (const { role: oid, here, setting } of catalog.roleSettings) {
      const role = catalog.roles.get(oid)
      const serves =
        oid === 0 || api.has(oid) || [...(role?.becomes ?? []), ...(role?.inherits ?? [])].some((each) => api.has(each))
      if (!off.test(setting) || !serves || role?.superuser || role?.bypassRls) continue
      const who = oid === 0 ? 'all' : (role?.sql ?? String(oid))
      const target =
        oid === 0 && here
          ? `database ${catalog.database.sql}`
          : `role ${who}${here ? ` in database ${catalog.database.sql}` : ''}`
      yield {
        object: who,
        says: `Queries of ${oid === 0 ? 'everybody' : who} fail where a policy would filter rows.`,
        evidence: `pg_db_role_setting: ${setting}`,
        fix: { sql: [`alter ${target} reset row_security`] },
      }
    }
  },
}

/** Functions that read a table whose policies hold for whom they run as: each call fails there. */
function* functions(model: Model): Generator<Found> {
  for (const routine of model.catalog.routines.values()) {
    if (routine.extension !== undefined || !isOff(model, routine)) continue
    const callers = model.access.apiRoles.filter((role) => model.access.canExecute(role, routine))
    const owner = model.catalog.roles.get(routine.owner)
    const users = routine.securityDefiner && owner !== undefined ? [owner] : callers
    const failing = tablesOfRoutine(model, routine).find(
      ({ table, as }) => table.rls && users.some(({ oid }) => !model.access.bypasses(as ?? oid, table)),
    )
    if (failing === undefined) continue
    const isItsOwn = routine.settings.some((setting) => off.test(setting))
    yield {
      object: routine.sql,
      says: `${routine.sql} fails: policies of ${failing.table.sql} hold for ${listed(failing.as === undefined ? users.map(({ sql }) => sql) : [model.role(failing.as)])}.`,
      evidence: isItsOwn
        ? `pg_proc.proconfig of ${routine.sql}: row_security=off`
        : 'its body switches row_security off',
      level: 'error',
      fix: isItsOwn
        ? { sql: [`alter ${routine.kind} ${routine.sql} reset row_security`] }
        : { person: 'Take the statement out of the body.' },
    }
  }
}

function isOff(model: Model, routine: Routine): boolean {
  if (routine.settings.some((setting) => off.test(setting))) return true
  return (model.callers.parsed(routine)?.trees ?? []).some((tree) =>
    walk(tree).some(([type, node]) => {
      const isIt = type === 'VariableSetStmt' && node.name === 'row_security' && node.kind === 'VAR_SET_VALUE'
      return isIt && /^(off|false|no|0)$/i.test(String(stringOf(listOf(node.args)[0])))
    }),
  )
}
