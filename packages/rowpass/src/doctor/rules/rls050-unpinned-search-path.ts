/**
 * RLS050: a SECURITY DEFINER function whose names the caller can bend.
 */

import type { Relation, Role, Routine } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls050: Rule = {
  code: 'RLS050',
  slug: 'unpinned-search-path',
  level: 'error',
  title: 'A SECURITY DEFINER function runs with the search_path of its caller',
  why:
    'It looks names up where the caller says. A table, function or operator of the caller\u2019s making in a schema of their ' +
    'choice then runs with the rights of the owner. Pin the path, with pg_temp at its end. Functions in SQL whose names ' +
    'were resolved when they were made (RETURN, BEGIN ATOMIC) are safe by that.',
  *find(model) {
    for (const [routine, roles] of definers(model)) {
      if (routine.resolved || pathOf(routine) !== undefined) continue
      yield {
        object: routine.sql,
        says: `${routine.sql} runs as ${model.role(routine.owner)} for ${callersOf(roles)}, and has no search_path of its own.`,
        evidence: `pg_proc.prosecdef of ${routine.sql} is true; proconfig has no search_path`,
        fix: { sql: [`alter ${routine.kind} ${routine.sql} set search_path = ${pathFor(model, routine)}, pg_temp`] },
      }
    }
  },
}

/** SECURITY DEFINER functions that requests can call, or set off by a trigger; with the roles that can. */
export function definers(model: Model): [Routine, readonly Role[]][] {
  return [...model.catalog.routines.values()].flatMap((routine): [Routine, readonly Role[]][] => {
    if (!routine.securityDefiner || routine.extension) return []
    if (routine.returns === 'event_trigger') return []
    const roles = routine.returns === 'trigger' ? triggeringRoles(model, routine) : callingRoles(model, routine)
    return roles.length === 0 ? [] : [[routine, roles]]
  })
}

function callingRoles({ access }: Model, routine: Routine): readonly Role[] {
  return access.apiRoles.filter((role) => access.canExecute(role, routine))
}

function triggeringRoles(model: Model, routine: Routine): readonly Role[] {
  const { access } = model
  const tables = tablesSetOffBy(model, routine)
  return access.apiRoles.filter((role) => tables.some((table) => access.exposedTo(table).includes(role)))
}

/** Tables whose triggers call the function. */
export function tablesSetOffBy({ catalog }: Model, { oid }: Routine): Relation[] {
  return catalog.triggers
    .filter(({ routine, enabled }) => routine === oid && enabled)
    .flatMap(({ relation }) => catalog.relations.get(relation) ?? [])
}

export function callersOf(roles: readonly Role[]): string {
  return listed(roles.map(({ sql }) => sql))
}

/** The schemas of a pinned path, unquoted; undefined where there is none. */
export function pathOf({ settings }: Routine): readonly string[] | undefined {
  const text = settings.find((setting) => setting.startsWith('search_path='))?.slice('search_path='.length)
  if (text === undefined) return undefined
  return [...text.matchAll(/"((?:[^"]|"")*)"|[^,\s"]+/g)]
    .map(([word, quoted]) => (quoted ?? word).replaceAll('""', '"'))
    .filter((word) => word !== '')
}

/** Schemas in which the body's unqualified names are found today. */
function pathFor(model: Model, routine: Routine): string {
  const { tables, calls } = model.callers.body(routine)
  const schemas = [
    ...tables.flatMap((each) => (each.schema === undefined ? (model.relationNamed(each)?.schema ?? []) : [])),
    ...calls.flatMap((each) =>
      each.schema === undefined ? model.callers.resolve(each).map(({ schema }) => schema) : [],
    ),
  ]
  const known = model.catalog.schemas.filter(
    ({ name }) => schemas.includes(name) || (schemas.length === 0 && name === routine.schema),
  )
  return ['pg_catalog', ...known.map(({ sql }) => sql)].join(', ')
}
