/**
 * RLS042: a policy needs a table or a function that the role may not use.
 */

import type { Relation, Role, Routine } from '../../access/catalog/catalog.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls042: Rule = {
  code: 'RLS042',
  slug: 'policy-without-grant',
  level: 'error',
  title: 'A policy uses a table or a function that its role has no grant for',
  why:
    'The expression of a policy runs with the rights of whoever asks. Without SELECT on each table of its sub-selects and ' +
    'EXECUTE on each function, every statement ends in "permission denied" (42501), for an object that it does not name. What ' +
    'its functions use is asked for as well, as whom they run as.',
  *find(model) {
    for (const policy of model.policies) {
      const roles = model.access
        .exposedTo(policy.table)
        .filter((role) => model.access.isAmong(role, policy.roles) && !model.access.bypasses(role.oid, policy.table))
      const missing = roles.flatMap((role) => missingGrants(model, policy, role))
      if (!policy.table.rls || missing.length === 0) continue
      const functions = missing.filter(({ sql }) => sql !== undefined)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} needs ${listed([...new Set(missing.map(({ what }) => what))])}.`,
        evidence: showPolicy(policy),
        fix:
          functions.length === missing.length
            ? { sql: [...new Set(functions.flatMap(({ sql }) => sql ?? []))] }
            : {
                person: 'Grant it, or ask a SECURITY DEFINER function: a grant of SELECT opens the table itself.',
              },
      }
    }
  },
}

interface MissingGrant {
  readonly what: string
  readonly sql?: string
}

function missingGrants(model: Model, policy: PolicyFacts, role: Role): MissingGrant[] {
  const expressions = [policy.usingTree, policy.checkTree].flatMap((each) => each ?? [])
  const tables = expressions
    .flatMap(({ sublinks }) => sublinks.flatMap(({ relations }) => relations))
    .flatMap((each) => model.relationNamed(each) ?? [])
    .filter(({ owner, grants, columns }) => {
      // A name in a policy is resolved already: USAGE of the schema is not asked again.
      const any = [grants, ...columns.map((column) => column.grants)].some((list) =>
        model.access.has(role, list, 'SELECT'),
      )
      return !any && owner !== role.oid && !role.inherits.includes(owner)
    })
  const routines = policy.calls
    .flatMap((oid) => model.catalog.routines.get(oid) ?? [])
    .filter(
      ({ owner, grants }) =>
        !model.access.has(role, grants, 'EXECUTE') && owner !== role.oid && !role.inherits.includes(owner),
    )
  const called = policy.calls.flatMap((oid) => model.catalog.routines.get(oid) ?? [])
  return [
    ...called.filter((each) => !routines.includes(each)).flatMap((each) => missingInside(model, each, role)),
    ...tables.map(({ sql }) => ({ what: `SELECT on ${sql} for ${role.sql}` })),
    ...routines.map(({ sql }) => ({
      what: `EXECUTE on ${sql} for ${role.sql}`,
      sql: `grant execute on function ${sql} to ${role.sql}`,
    })),
  ]
}

/** What a function lacks inside, and those that it calls; a name that may mean several things is passed over. */
function missingInside(model: Model, routine: Routine, caller: Role, seen = new Set<Routine>()): MissingGrant[] {
  const user = routine.securityDefiner ? model.catalog.roles.get(routine.owner) : caller
  if (user === undefined || seen.has(routine)) return []
  seen.add(routine)
  const { tables, calls, dynamic } = model.callers.body(routine)
  const read = tables.flatMap((each) =>
    each.schema === undefined || each.writes.length > 0 || dynamic ? [] : (model.relationNamed(each) ?? []),
  )
  const closed = read.filter((table) => !mayRead(model, user, table, routine.resolved))
  const next = calls.flatMap((call) => {
    const found = model.callers.resolve(call)
    return found.length === 1 && call.schema !== undefined ? found : []
  })
  const refused = next.filter((each) => !model.access.executes(user, each))
  return [
    ...closed.map(({ sql }) => ({ what: `SELECT on ${sql} for ${user.sql}, inside ${routine.sql}` })),
    ...refused.map(({ sql }) => ({ what: `EXECUTE on ${sql} for ${user.sql}, inside ${routine.sql}` })),
    ...next.filter((each) => !refused.includes(each)).flatMap((each) => missingInside(model, each, user, seen)),
  ]
}

/** Names that were resolved when the function was made ask nothing of the schema. */
function mayRead({ access }: Model, user: Role, table: Relation, resolved: boolean): boolean {
  if (!resolved && !access.usesSchema(user, table.schema)) return false
  return (
    access.onTable(user, 'select', table) || table.columns.some((each) => access.onColumn(user, 'select', table, each))
  )
}
