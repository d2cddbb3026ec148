/**
 * What running a statement does besides rows: functions that it calls, triggers that it fires.
 */
import type pg from 'pg'
import type { Command, Role, Trigger } from '../access/catalog/catalog.ts'
import type { Database } from '../access/database.ts'
import type { Right } from './grants.ts'
import type { Reached } from './reach.ts'
import type { ParsedStatement } from './usage.ts'

/** A function that the statement calls by name. */
export interface CalledFunction {
  /** One of those that have the name, as SQL. */
  readonly object: string
  /** Whether the role may execute any of them. */
  readonly executable: boolean
  /** What a rollback may leave behind of it. */
  readonly lasting: string | undefined
}

/** Looks up the functions of a statement. Does NOT see those behind operators and casts. */
export async function loadFunctions(
  client: pg.ClientBase,
  { effects }: Database,
  { functions }: ParsedStatement,
  role: Role,
): Promise<readonly CalledFunction[]> {
  const { rows } = await client.query<{ schema: string | null; name: string; object: string; executable: boolean }>(
    `select f.schema, f.name, min(p.oid::regprocedure::text) as object,
            bool_or(has_function_privilege($3::oid, p.oid, 'EXECUTE')) as executable
       from unnest($1::text[], $2::text[]) as f (schema, name)
       join pg_proc p on p.proname = f.name join pg_namespace n on n.oid = p.pronamespace
      where f.schema is null or n.nspname = f.schema
      group by f.schema, f.name order by object`,
    [functions.map((path) => path.at(-2) ?? null), functions.map((path) => path.at(-1) ?? ''), role.oid],
  )
  return rows.map(({ schema, name, object, executable }) => {
    // Any of that name, however many arguments it takes.
    const call = { schema: schema === 'pg_catalog' ? undefined : (schema ?? undefined), name, argumentCount: -1 }
    return { object, executable, lasting: effects.ofCalls([call]).lasting }
  })
}

/** The rights to execute that are missing. */
export function functionRights(functions: readonly CalledFunction[], role: Role): readonly Right[] {
  return functions
    .filter(({ executable }) => !executable)
    .map(({ object }) => ({ privilege: 'EXECUTE', on: 'function', object, columns: [], held: false, role: role.name }))
}

const writes: Readonly<Record<string, Command>> = {
  insert: 'insert',
  update: 'update',
  delete: 'delete',
  conflict_update: 'update',
  merge_insert: 'insert',
  merge_update: 'update',
  merge_delete: 'delete',
}

/** The commands by which a statement changes one relation. */
export function commandsOf({ actions }: Reached): readonly Command[] {
  return [...new Set([...actions].flatMap((action) => writes[action] ?? []))]
}

/** The triggers that a statement would fire at one relation. */
export function firing(reached: Reached): readonly Trigger[] {
  const commands = commandsOf(reached)
  return reached.triggers.filter((trigger) => trigger.commands.some((command) => commands.includes(command)))
}

/** What a rollback may leave behind of a trigger. */
export function lastingOf({ database }: Reached, { routine }: Trigger): string | undefined {
  return database.effects.ofRoutine(routine).lasting
}

/** Why a statement is not to be run; undefined when it may be. Sequences that advance are no reason. */
export function reasonNotToRun(
  run: 'safe' | 'always' | 'never',
  reached: readonly Reached[],
  functions: readonly CalledFunction[],
): string | undefined {
  if (run === 'never') return 'it was not asked for'
  if (run === 'always') return undefined
  const because = (lasting: string) => `, whose effects a rollback may not undo: ${lasting} (--run runs it)`
  for (const { object, lasting } of functions) if (lasting !== undefined) return `it calls ${object}${because(lasting)}`
  for (const each of reached) {
    const { relation, database } = each
    for (const trigger of firing(each)) {
      const lasting = lastingOf(each, trigger)
      if (lasting !== undefined) return `the trigger ${trigger.name} calls ${trigger.function}${because(lasting)}`
    }
    const commands = commandsOf(each)
    const { lasting } =
      commands.length === 0 ? database.effects.ofRead(relation) : database.effects.ofWrite(relation, commands)
    if (lasting !== undefined)
      return `it ${commands.length === 0 ? 'reads' : 'writes to'} ${relation.sql}${because(lasting)}`
  }
  return undefined
}
