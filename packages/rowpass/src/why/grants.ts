/**
 * Which privileges a statement needs, and which of them the acting role lacks.
 *
 * @see https://www.postgresql.org/docs/18/ddl-priv.html, and "Parameters" and "Description" of SELECT, INSERT, UPDATE,
 *   DELETE and MERGE: privileges of columns will do where the table's is missing
 */
import type { Command, Role } from '../access/catalog/catalog.ts'
import type { Database } from '../access/database.ts'
import type { Reached } from './reach.ts'

/** A privilege that is needed. */
export interface Right {
  readonly privilege: 'USAGE' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'EXECUTE'
  readonly on: 'schema' | 'table' | 'sequence' | 'function'
  /** SQL name of the object. */
  readonly object: string
  /** Columns that it is missing for; empty where the whole object is meant. */
  readonly columns: readonly string[]
  readonly held: boolean
  /** The role that needs it. */
  readonly role: string
}

/** The rights that one reached needs, those that are held included. */
export function rightsFor(reached: Reached): readonly Right[] {
  const { database, relation, actions, use, via, reads, needsSelect, actor } = reached
  const { access } = database
  const rights: Right[] = []
  const right = (privilege: Right['privilege'], held: boolean, columns: readonly string[] = []) =>
    rights.push({ privilege, on: 'table', object: relation.sql, columns: held ? [] : columns, held, role: actor.name })
  const onTable = (command: Command) => access.onTable(actor, command, relation)
  const onAny = (command: Exclude<Command, 'delete'>) =>
    relation.columns.some((column) => access.onColumn(actor, command, relation, column)) || onTable(command)

  if (via.length === 0) {
    const { schema } = relation
    const held = access.usesSchema(actor, schema)
    rights.push({ privilege: 'USAGE', on: 'schema', object: schema, columns: [], held, role: actor.name })
  }
  if (needsSelect) {
    const closed = closedColumns(reached, reads, 'select')
    right('SELECT', onTable('select') || (onAny('select') && closed.length === 0), closed)
  }
  if (actions.has('lock')) right('UPDATE', onAny('update'))
  if (actions.has('insert') || actions.has('merge_insert')) {
    const named = use.insertColumns ?? relation.columns.map(({ name }) => name)
    const closed = via.length > 0 ? [] : closedColumns(reached, new Set(named), 'insert')
    right('INSERT', onTable('insert') || (closed.length === 0 && named.length > 0), closed)
    if (use.insertColumns !== undefined) rights.push(...defaultRights(reached, new Set(use.insertColumns)))
  }
  if (actions.has('update') || actions.has('merge_update') || actions.has('conflict_update')) {
    const closed = via.length > 0 ? [] : closedColumns(reached, use.updateColumns, 'update')
    right('UPDATE', onTable('update') || (onAny('update') && closed.length === 0), closed)
  }
  if (actions.has('delete') || actions.has('merge_delete')) right('DELETE', onTable('delete'))
  return rights
}

function closedColumns(
  { database, relation, actor }: Reached,
  needed: ReadonlySet<string>,
  command: Exclude<Command, 'delete'>,
): readonly string[] {
  return relation.columns
    .filter((column) => needed.has(column.name) && !database.access.onColumn(actor, command, relation, column))
    .map(({ name }) => name)
}

/** Defaults run with the rights of who inserts. */
function defaultRights({ database, relation, actor }: Reached, named: ReadonlySet<string>): Right[] {
  const { access, catalog } = database
  const omitted = relation.columns.filter(({ name }) => !named.has(name))
  const missing = (privilege: Right['privilege'], on: Right['on'], object: string): Right => ({
    privilege,
    on,
    object,
    columns: [],
    held: false,
    role: actor.name,
  })
  return omitted.flatMap(({ sequences, calls }) => [
    ...catalog.sequences
      .filter((each) => sequences.includes(each.oid) && !access.advances(actor, each))
      .map(({ sql }) => missing('USAGE', 'sequence', sql)),
    ...closedRoutines(database, actor, calls).map((sql) => missing('EXECUTE', 'function', sql)),
  ])
}

/** Names of those of the functions that a role may not execute. */
export function closedRoutines({ access, catalog }: Database, role: Role, calls: readonly number[]): readonly string[] {
  return calls.flatMap((oid) => {
    const routine = catalog.routines.get(oid)
    return routine === undefined || access.executes(role, routine) ? [] : [routine.sql]
  })
}
