/**
 * What running a statement does besides rows: functions that it calls, triggers that it fires.
 */
import type pg from 'pg'
import type { Access } from './access.ts'
import type { Right } from './grants.ts'
import { outsideSql } from './outside.ts'
import type { Role, Trigger } from './relations.ts'
import type { Statement } from './usage.ts'

/** A function that the statement calls by name. */
export interface CalledFunction {
  /** One of those that have the name, as SQL. */
  readonly object: string
  /** Whether the role may execute any of them. */
  readonly executable: boolean
  /** Whether one of them has effects that no rollback undoes. */
  readonly outside: boolean
}

/** Looks up the functions of a statement. Does NOT see those behind operators, casts, views and defaults. */
export async function loadFunctions(
  client: pg.ClientBase,
  { functions }: Statement,
  role: Role,
): Promise<readonly CalledFunction[]> {
  const { rows } = await client.query<CalledFunction>(
    `select min(p.oid::regprocedure::text) as object,
            bool_or(has_function_privilege($3::oid, p.oid, 'EXECUTE')) as executable,
            bool_or(${outsideSql('p', 'l')}) as outside
       from unnest($1::text[], $2::text[]) as f (schema, name)
       join pg_proc p on p.proname = f.name join pg_namespace n on n.oid = p.pronamespace
       join pg_language l on l.oid = p.prolang
      where f.schema is null or n.nspname = f.schema
      group by f.schema, f.name order by 1`,
    [functions.map((path) => path.at(-2) ?? null), functions.map((path) => path.at(-1) ?? ''), role.oid],
  )
  return rows
}

/** The rights to execute that are missing. */
export function functionRights(functions: readonly CalledFunction[], role: Role): readonly Right[] {
  return functions
    .filter(({ executable }) => !executable)
    .map(({ object }) => ({ privilege: 'EXECUTE', on: 'function', object, columns: [], held: false, role: role.name }))
}

const events: Readonly<Record<string, Trigger['events'][number]>> = {
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  conflict_update: 'UPDATE',
  merge_insert: 'INSERT',
  merge_update: 'UPDATE',
  merge_delete: 'DELETE',
}

/** The triggers that a statement would fire at one relation. */
export function firing({ relation, actions }: Access): readonly Trigger[] {
  const fired = new Set([...actions].map((action) => events[action]))
  return relation.triggers.filter((trigger) => trigger.events.some((event) => fired.has(event)))
}

/** Why a statement is not to be run; undefined when it may be. */
export function reasonNotToRun(
  run: 'safe' | 'always' | 'never',
  accesses: readonly Access[],
  functions: readonly CalledFunction[],
): string | undefined {
  if (run === 'never') return 'it was not asked for'
  if (run === 'always') return undefined
  const afterwards = 'whose effects a rollback may not undo (--run runs it)'
  const called = functions.find(({ outside }) => outside)
  if (called !== undefined) return `it calls ${called.object}, ${afterwards}`
  const trigger = accesses.flatMap(firing).find(({ outside }) => outside)
  return trigger && `the trigger ${trigger.name} calls ${trigger.function}, ${afterwards}`
}
