/**
 * RLS051: a pinned search_path in which the caller's temporary tables come first, or a schema of theirs.
 */

import type { Role, Routine } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { callersOf, definers, pathOf } from './rls050-unpinned-search-path.ts'

export const rls051: Rule = {
  code: 'RLS051',
  slug: 'temporary-tables-first',
  level: 'error',
  title: 'A SECURITY DEFINER function looks for its tables where its caller can make some',
  why:
    'Unless pg_temp is named, PostgreSQL looks there first: a temporary table of the caller takes the place of the ' +
    'function\u2019s own. Name it at the end. A schema where the caller may create things does not belong into the path at ' +
    'all. Only names without a schema are looked up.',
  *find(model) {
    for (const [routine, roles] of definers(model)) {
      const path = pathOf(routine)
      if (path === undefined || routine.resolved) continue
      const lookup = lookupOf(model, routine, path)
      if (lookup === undefined) continue
      const writable = roles.flatMap((role) => writableSchemas(model, role)).filter((name) => path.includes(name))
      const first = path.at(-1) !== 'pg_temp' && roles.some((role) => mayMakeTemporary(model, role))
      if (!first && writable.length === 0) continue
      const kept = path.filter((name) => name !== 'pg_temp' && !writable.includes(name))
      const named = kept.flatMap(
        (name) =>
          model.catalog.schemas.find((schema) => schema.name === name)?.sql ?? (name === 'pg_catalog' ? [name] : []),
      )
      yield {
        object: routine.sql,
        says:
          writable.length > 0
            ? `${routine.sql} looks into ${listed([...new Set(writable)])}, where ${callersOf(roles)} may create tables.`
            : `${routine.sql} finds a temporary table of ${callersOf(roles)} before its own.`,
        evidence: `pg_proc.proconfig of ${routine.sql}: search_path=${path.join(', ') || "''"}; ${lookup}`,
        fix:
          writable.length > 0
            ? { person: 'Take the right to create there away, or qualify the names in the body.' }
            : { sql: [`alter ${routine.kind} ${routine.sql} set search_path = ${[...named, 'pg_temp'].join(', ')}`] },
      }
    }
  },
}

/**
 * The table that the body names without its schema, or why it may name one; undefined where it does not. By a path without
 * schemas nothing of the application's is found, so that text made at run time names them, or fails.
 */
function lookupOf(model: Model, routine: Routine, path: readonly string[]): string | undefined {
  const { known, dynamic, tables } = model.callers.body(routine)
  const found = tables.find(({ schema }) => schema === undefined)
  if (found !== undefined) return `its body names ${found.name} without a schema`
  if ((known && !dynamic) || path.every((name) => name.startsWith('pg_'))) return undefined
  return known
    ? 'a guess: what it executes may name a table without a schema'
    : 'a guess: its body, which cannot be read, may name a table without a schema'
}

function writableSchemas({ catalog, access }: Model, role: Role): string[] {
  return catalog.schemas.filter(({ grants }) => access.has(role, grants, 'CREATE')).map(({ name }) => name)
}

/** The privilege is the login's, or the role's that it has become. */
export function mayMakeTemporary({ catalog, access }: Model, role: Role): boolean {
  return access.has(role, catalog.database.grants, 'TEMPORARY')
}
