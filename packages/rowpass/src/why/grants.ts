/**
 * Which privileges a statement needs, and which of them the acting role lacks.
 *
 * @see https://www.postgresql.org/docs/18/ddl-priv.html, and "Parameters" and "Description" of SELECT, INSERT, UPDATE,
 *   DELETE and MERGE: privileges of columns will do where the table's is missing
 */
import type { Access } from './access.ts'

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

/** The rights that one access needs, those that are held included. */
export function rightsFor(access: Access): readonly Right[] {
  const { relation, actions, use, via, reads, needsSelect, actor } = access
  const rights: Right[] = []
  const right = (privilege: Right['privilege'], held: boolean, columns: readonly string[] = []) =>
    rights.push({ privilege, on: 'table', object: relation.sql, columns: held ? [] : columns, held, role: actor.name })

  if (via.length === 0) {
    const { schema, schemaUsage: held } = relation
    rights.push({ privilege: 'USAGE', on: 'schema', object: schema, columns: [], held, role: actor.name })
  }
  if (needsSelect) {
    const closed = closedColumns(access, reads, 'select')
    right('SELECT', relation.select || (relation.selectAny && closed.length === 0), closed)
  }
  if (actions.has('lock')) right('UPDATE', relation.updateAny)
  if (actions.has('insert') || actions.has('merge_insert')) {
    const named = use.insertColumns ?? relation.columns.map(({ name }) => name)
    const closed = via.length > 0 ? [] : closedColumns(access, new Set(named), 'insert')
    right('INSERT', relation.insert || (closed.length === 0 && named.length > 0), closed)
    if (use.insertColumns !== undefined) rights.push(...defaultRights(access, new Set(use.insertColumns)))
  }
  if (actions.has('update') || actions.has('merge_update') || actions.has('conflict_update')) {
    const closed = via.length > 0 ? [] : closedColumns(access, use.updateColumns, 'update')
    right('UPDATE', relation.update || (relation.updateAny && closed.length === 0), closed)
  }
  if (actions.has('delete') || actions.has('merge_delete')) right('DELETE', relation.delete)
  return rights
}

function closedColumns(
  { relation }: Access,
  needed: ReadonlySet<string>,
  privilege: 'select' | 'insert' | 'update',
): readonly string[] {
  return relation.columns.filter((column) => needed.has(column.name) && !column[privilege]).map(({ name }) => name)
}

/** Defaults run with the rights of who inserts. */
function defaultRights({ relation, actor }: Access, named: ReadonlySet<string>): Right[] {
  const omitted = relation.columns.filter(({ name }) => !named.has(name))
  const missing = (privilege: Right['privilege'], on: Right['on'], object: string): Right => ({
    privilege,
    on,
    object,
    columns: [],
    held: false,
    role: actor.name,
  })
  return omitted.flatMap(({ closedSequences, closedFunctions }) => [
    ...closedSequences.map((name) => missing('USAGE', 'sequence', name)),
    ...closedFunctions.map((name) => missing('EXECUTE', 'function', name)),
  ])
}
