/**
 * What a rollback leaves behind of a function, an expression or a write: judged by parse tree, following calls, triggers,
 * defaults and foreign keys, on the safe side. What is not known to be undone counts as left behind.
 */
import { findRefusedFunction, isHarmlessFunction, isRefusedExtension } from '../statement/functions.ts'
import type { Parser } from '../statement/parser.ts'
import { type Body, type BodyCall, bodyOf } from './bodies.ts'
import type { Callers } from './callers.ts'
import { type Catalog, type Command, isTable, type Relation, type Routine, type Trigger } from './catalog/catalog.ts'

/** What a rollback may leave behind; nothing where it undoes all. */
export interface Effects {
  /** The first thing, in words: `nested: inner: contains COPY`; undefined where there is none but sequences. */
  readonly lasting?: string
  /** The first sequence that is advanced. PostgreSQL never gives its values back, and nobody minds but for gaps. */
  readonly sequence?: string
}

/** Judges effects by the functions, triggers and tables of one database. */
export interface EffectsJudge {
  ofRoutine(oid: number): Effects
  /** Of an expression, a default for example; one that cannot be parsed is not known. */
  ofExpression(text: string): Effects
  /** Of calls that a statement makes by name. */
  ofCalls(calls: readonly BodyCall[]): Effects
  /** Of reading: a view calls functions. */
  ofRead(relation: Relation): Effects
  /** Triggers that are on of everything that a statement on the relation can reach. */
  triggersOf(relation: Relation): readonly Trigger[]
  /** Of a write: triggers, defaults, and what foreign keys do to other tables. */
  ofWrite(relation: Relation, commands: readonly Command[]): Effects
}

/** Trigger functions of extensions that PostgreSQL ships and that do nothing but change the row, or are transactional. */
const harmlessExtensions = new Set(['moddatetime', 'insert_username', 'autoinc', 'refint', 'tcn', 'lo'])

/**
 * Volatile functions that end with the transaction: notices are sent at COMMIT only, settings and locks of the transaction
 * go with it, the rest only tells or waits.
 */
const undone = new Set(
  (
    'pg_notify set_config pg_event_trigger_ddl_commands currval lastval pg_sleep pg_sleep_for pg_sleep_until ' +
    'pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared'
  ).split(' '),
)

/** Statements that end with the transaction, besides what they call and write. All others count as left behind. */
const undoneStatements = new Set(
  'SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt NotifyStmt VariableSetStmt ConstraintsSetStmt ReturnStmt'.split(
    ' ',
  ),
)

const systemSchemas = new Set(['pg_catalog', 'information_schema'])
const nothing: Effects = {}

/**
 * Makes a judge.
 *
 * Does NOT see what runs behind operators, casts, types, constraints and policies: each request runs the latter.
 */
export function createEffectsJudge(catalog: Catalog, callers: Callers, parser: Parser): EffectsJudge {
  const system = new Map(catalog.systemFunctions.map((each) => [each.name, each.volatility]))
  const triggers = groupBy(
    catalog.triggers.filter(({ enabled }) => enabled),
    ({ relation }) => relation,
  )
  const referrers = groupBy(catalog.foreignKeys, ({ target }) => target)
  const children = groupBy(
    [...catalog.relations.values()].flatMap(({ oid, parents }) => parents.map((parent) => ({ parent, oid }))),
    ({ parent }) => parent,
  )
  const known = new Map<string, Effects>()
  const onTheWay = new Set<string>()
  let depth = 0

  /** What is met again on the way adds nothing; only what was asked for is remembered, as it alone is known whole. */
  function once(key: string, find: () => Effects): Effects {
    const found = known.get(key)
    if (found !== undefined) return found
    if (onTheWay.has(key)) return nothing
    onTheWay.add(key)
    depth++
    try {
      const effects = find()
      if (depth === 1) known.set(key, effects)
      return effects
    } finally {
      depth--
      if (depth === 0) onTheWay.clear()
    }
  }

  function ofRoutine(oid: number): Effects {
    const routine = catalog.routines.get(oid)
    // What is not among them is PostgreSQL's own: trigger functions of the system change the row at most.
    return routine === undefined ? nothing : once(`f${oid}`, () => ofFunction(routine))
  }

  function ofFunction(routine: Routine): Effects {
    const { name, language, extension, volatility } = routine
    if (extension !== undefined) {
      const isUndone =
        harmlessExtensions.has(extension) ||
        isHarmlessFunction(name, extension) ||
        (volatility !== 'volatile' && !isRefusedExtension(extension) && findRefusedFunction(name) === undefined)
      return isUndone ? nothing : { lasting: `${name} belongs to the extension ${extension}` }
    }
    if (language !== 'sql' && language !== 'plpgsql') return { lasting: `${name} is written in ${language}` }
    const { lasting, sequence } = ofBody(callers.body(routine))
    return {
      ...(lasting !== undefined && { lasting: `${name}: ${lasting}` }),
      ...(sequence !== undefined && { sequence: `${name}: ${sequence}` }),
    }
  }

  function ofBody(body: Body): Effects {
    if (!body.known) return { lasting: 'cannot be read' }
    if (body.dynamic) return { lasting: 'contains EXECUTE' }
    const other = body.statements.find((type) => !undoneStatements.has(type))
    if (other !== undefined) return { lasting: `contains ${toWords(other)}` }
    return firstOf([
      () => ofCalls(body.calls),
      ...body.tables.flatMap(({ schema, name, writes }) =>
        named(schema, name).map((each) => () => (writes.length === 0 ? ofRead(each) : ofWrite(each, writes))),
      ),
    ])
  }

  /** Relations that a name may mean: without a schema, it depends on the search path of whoever calls. */
  function named(schema: string | undefined, name: string): readonly Relation[] {
    return [...catalog.relations.values()].filter(
      (each) => each.name === name && (schema === undefined || each.schema === schema),
    )
  }

  function ofRead({ oid, schema, definition }: Relation): Effects {
    // The system's own views only tell.
    if (definition === undefined || systemSchemas.has(schema)) return nothing
    return once(`r${oid}`, () => {
      const parsed = parser.parse(definition)
      return parsed.kind === 'tree' ? ofBody(bodyOf(parsed.statements)) : { lasting: 'cannot be read' }
    })
  }

  function ofCalls(calls: readonly BodyCall[]): Effects {
    return firstOf(calls.map((call) => () => ofCall(call)))
  }

  function ofCall(call: BodyCall): Effects {
    const { schema, name } = call
    const routines = callers.resolve(call)
    if (routines.length > 0)
      return firstOf(
        routines.map(
          ({ oid }) =>
            () =>
              ofRoutine(oid),
        ),
      )
    if (schema?.startsWith('pg_temp') === true) return { lasting: `calls ${schema}.${name}` }
    if (name === 'nextval' || name === 'setval') return { sequence: `${name} is not undone by a rollback` }
    if (undone.has(name)) return nothing
    return system.get(name) === 'volatile' && !isHarmlessFunction(name) ? { lasting: `calls ${name}` } : nothing
  }

  function triggersOf(relation: Relation): readonly Trigger[] {
    return reachOf(relation).flatMap(({ oid }) => triggers.get(oid) ?? [])
  }

  /** The relation, its partitions and children, and what it is a view of. */
  function reachOf(relation: Relation, seen = new Set<number>()): Relation[] {
    if (seen.has(relation.oid)) return []
    seen.add(relation.oid)
    const below = (children.get(relation.oid) ?? []).map(({ oid }) => oid)
    const next = [...below, ...relation.sources.map(({ relation: oid }) => oid)]
    return [relation, ...next.flatMap((oid) => reachOf(catalog.relations.get(oid) ?? relation, seen))]
  }

  function ofWrite(relation: Relation, commands: readonly Command[]): Effects {
    return once(`${relation.oid} ${commands.join()}`, () => {
      if (relation.rules) return { lasting: `writes to ${relation.sql}, which has rules` }
      if (relation.kind === 'foreign table') return { lasting: `writes to ${relation.sql}, which is on another server` }
      return firstOf(
        reachOf(relation).flatMap((each) => [
          ...(triggers.get(each.oid) ?? [])
            .filter((trigger) => trigger.commands.some((command) => commands.includes(command)))
            .map(
              ({ routine }) =>
                () =>
                  ofRoutine(routine),
            ),
          ...(commands.includes('insert') && isTable(each) ? [() => ofDefaults(each)] : []),
          ...cascadesOf(each, commands),
        ]),
      )
    })
  }

  function ofDefaults({ columns, sql }: Relation): Effects {
    return firstOf(
      columns.map(({ expression, identity, name }) => () => {
        if (identity !== undefined) return { sequence: `${sql} numbers ${name}` }
        return expression === undefined ? nothing : ofExpression(expression)
      }),
    )
  }

  function cascadesOf({ oid }: Relation, commands: readonly Command[]): (() => Effects)[] {
    return (referrers.get(oid) ?? []).flatMap(({ relation, onDelete, onUpdate }) => {
      const table = catalog.relations.get(relation)
      const done = [
        ...(commands.includes('delete') ? [actions[onDelete]?.('delete')] : []),
        ...(commands.includes('update') ? [actions[onUpdate]?.('update')] : []),
      ].filter((command) => command !== undefined)
      return table === undefined || done.length === 0 ? [] : [() => ofWrite(table, done)]
    })
  }

  function ofExpression(text: string): Effects {
    return once(`e${text}`, () => {
      const parsed = parser.parse(`select ${text}`)
      return parsed.kind === 'tree' ? ofBody(bodyOf(parsed.statements)) : { lasting: 'cannot be read' }
    })
  }

  return { ofRoutine, ofExpression, ofCalls, ofRead, triggersOf, ofWrite }
}

/** What the action of a foreign key does to the rows that refer. */
const actions: Readonly<Record<string, (command: 'delete' | 'update') => Command>> = {
  cascade: (command) => command,
  'set null': () => 'update',
  'set default': () => 'update',
}

/** `CopyStmt` → `COPY` */
function toWords(type: string): string {
  return type
    .replace(/Stmt$/, '')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase()
}

/** The first of each kind; no more is looked at once something lasts. */
function firstOf(finds: readonly (() => Effects)[]): Effects {
  let sequence: string | undefined
  for (const find of finds) {
    const found = find()
    if (found.lasting !== undefined) return { ...found, ...(sequence !== undefined && { sequence }) }
    sequence ??= found.sequence
  }
  return sequence === undefined ? nothing : { sequence }
}

function groupBy<T>(list: readonly T[], keyOf: (each: T) => number): ReadonlyMap<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const each of list) {
    const group = groups.get(keyOf(each))
    if (group === undefined) groups.set(keyOf(each), [each])
    else group.push(each)
  }
  return groups
}
