/**
 * What failed inside of functions: which one, as whom it ran, and which right it lacks.
 */
import type { Command, commands, Role, Routine, Trigger } from '../access/catalog/catalog.ts'
import type { Database } from '../access/database.ts'
import type { SqlProblem } from '../access/trial.ts'
import { closedRoutines, type Right } from './grants.ts'

/** Where in functions something failed. */
export interface InsideReport {
  /** The innermost function, as SQL. */
  readonly function: string
  /** With whose rights it ran. */
  readonly actor: string
  /** The function on the way that is SECURITY DEFINER and gives those rights; undefined where none is. */
  readonly definer: string | undefined
  /** Rights that it needs and the actor lacks, where that is what it failed for. */
  readonly missing: readonly Right[]
  /** The triggers that may have called it, those of the outermost function: `guard of app.t`. */
  readonly triggers: readonly string[]
}

/** A trigger that may be fired, with the table that has it. */
export interface PlacedTrigger extends Trigger {
  readonly table: string
}

/**
 * Reads from PostgreSQL's context of an error in which function it came up.
 *
 * @param caller whose rights count outside of functions
 * @param triggers those that the statement may have fired
 * @returns undefined where it came up in no function of the database
 */
export function findInside(
  database: Database,
  { context = '', sqlstate }: SqlProblem,
  caller: Role,
  triggers: readonly PlacedTrigger[],
): InsideReport | undefined {
  const { catalog } = database
  const frames = context.split('\n').flatMap((line) => routineOf(catalog.routines, line) ?? [])
  const [inner] = frames
  const outer = frames.at(-1)
  if (inner === undefined || outer === undefined) return undefined
  const definer = frames.find(({ securityDefiner }) => securityDefiner)
  const actor = (definer && catalog.roles.get(definer.owner)) ?? caller
  return {
    function: inner.sql,
    actor: actor.name,
    definer: definer?.sql,
    missing: sqlstate === '42501' ? missingRights(database, inner, actor) : [],
    triggers: triggersThatCall(database, outer, triggers),
  }
}

/** Those that the statement fires, else any: foreign keys change other tables along. */
function triggersThatCall({ catalog }: Database, { oid }: Routine, fired: readonly PlacedTrigger[]): readonly string[] {
  const own = fired.filter(({ routine }) => routine === oid).map(({ name, table }) => `${name} of ${table}`)
  if (own.length > 0) return own
  const others = catalog.triggers.filter(({ routine, enabled }) => enabled && routine === oid)
  return others.map(({ name, relation }) => `${name} of ${catalog.relations.get(relation)?.sql ?? relation}`)
}

/**
 * The function that a line of the context names. In every language of messages the name of a PL/pgSQL function has its
 * arguments and comes before a number of a line, and that of an SQL function stands in quotes.
 */
function routineOf(routines: ReadonlyMap<number, Routine>, line: string): Routine | undefined {
  const [, procedural] = /^[^"«»„“”(]*?((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?\([^)]*\))/.exec(line) ?? []
  const [, plain] = /^[^"«»„“”]*["«»„“”]\s?([^"«»„“”]+?)\s?["«»„“”][^"«»„“”]*$/.exec(line) ?? []
  const name = (procedural ?? plain)?.replaceAll('"', '')
  if (name === undefined) return undefined
  const all = [...routines.values()]
  if (procedural === undefined) return all.find((each) => each.language === 'sql' && each.name === name)
  return all.find(({ sql }) => {
    const whole = sql.replaceAll('"', '').replaceAll(', ', ',')
    return whole === name || whole.slice(whole.indexOf('.') + 1) === name
  })
}

/** Of what a body names, what the role may not use; empty where all is there, or the body cannot be read. */
function missingRights(database: Database, routine: Routine, role: Role): readonly Right[] {
  const { access, callers, catalog } = database
  const { tables, calls } = callers.body(routine)
  const right = (privilege: Right['privilege'], on: Right['on'], object: string): Right => ({
    privilege,
    on,
    object,
    columns: [],
    held: false,
    role: role.name,
  })
  const ofTables = tables.flatMap(({ schema, name, writes }) => {
    const named = [...catalog.relations.values()].filter(
      (each) => each.name === name && (schema === undefined || each.schema === schema),
    )
    const [relation, other] = named
    if (relation === undefined || other !== undefined) return []
    if (!access.usesSchema(role, relation.schema)) return [right('USAGE', 'schema', relation.schema)]
    const needed: readonly Command[] = writes.length === 0 ? ['select'] : writes
    const closed = needed.filter((command) => !access.can(role, command, relation))
    if (closed.length > 0) return closed.map((command) => right(upper(command), 'table', relation.sql))
    if (!writes.includes('insert')) return []
    const sequences = relation.columns.flatMap(({ sequences: oids }) => oids)
    return catalog.sequences
      .filter((each) => sequences.includes(each.oid) && !access.advances(role, each))
      .map(({ sql }) => right('USAGE', 'sequence', sql))
  })
  const called = calls.flatMap((call) => callers.resolve(call)).map(({ oid }) => oid)
  const ofCalls = closedRoutines(database, role, called).map((sql) => right('EXECUTE', 'function', sql))
  const all = [...ofTables, ...ofCalls]
  return all.filter(
    (each, index) =>
      all.findIndex(({ privilege, object }) => privilege === each.privilege && object === each.object) === index,
  )
}

const privileges = { select: 'SELECT', insert: 'INSERT', update: 'UPDATE', delete: 'DELETE' } as const

function upper(command: (typeof commands)[number]): Right['privilege'] {
  return privileges[command]
}
