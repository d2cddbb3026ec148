/**
 * Reads the facts of a database, all of one moment, and changes nothing.
 */
import type pg from 'pg'
import { inTrial } from '../trial.ts'
import type { Catalog, Column, Relation, Routine, SystemFunction } from './catalog.ts'
import { columnsSql } from './columns.ts'
import { foreignKeysSql, indexesSql } from './constraints.ts'
import { type DatabaseFacts, databaseSql, publicationsSql, schemasSql } from './database.ts'
import { freeCastsSql, routinesSql, systemFunctionsSql } from './functions.ts'
import { defaultPrivilegesSql } from './grants.ts'
import { policiesSql } from './policies.ts'
import { relationsSql, sequencesSql } from './relations.ts'
import { type RoleRow, roleSettingsSql, rolesSql, toRole } from './roles.ts'
import { eventTriggersSql, triggersSql } from './triggers.ts'

const statementTimeoutMs = 60_000
const lockTimeoutMs = 5_000

/**
 * Reads the catalogs in one transaction of its own, REPEATABLE READ and READ ONLY.
 *
 * Any login can read them; nothing of a table's rows is read. 2,000 tables with 6,000 policies take about two
 * seconds on two cores that others load as well; `npm run bench:doctor` measures it.
 *
 * @param client a connection outside of a transaction
 * @throws pg.DatabaseError when a catalog is locked for 5 seconds, or the reading of one takes a minute
 */
export async function readCatalog(client: pg.ClientBase): Promise<Catalog> {
  return inTrial(client, { repeatable: true, readOnly: true }, () => readCatalogHere(client))
}

/**
 * Reads the catalogs in the transaction that is open, whose settings of time limits and names stay changed until it, or a
 * savepoint around the reading, is rolled back.
 *
 * @param systemRelations relations of the system to describe as well, by oid
 */
export async function readCatalogHere(
  client: pg.ClientBase,
  systemRelations: readonly number[] = [],
): Promise<Catalog> {
  await client.query(
    `set local statement_timeout = ${statementTimeoutMs}; set local lock_timeout = ${lockTimeoutMs}; ` +
      "set local search_path = ''; set local quote_all_identifiers = off",
  )

  /** The queries name their columns like the fields of the type, and node-postgres gives NULL for undefined. */
  const read = async <T>(sql: string, values: unknown[] = []): Promise<T[]> =>
    (await client.query(sql, values)).rows.map(withoutNulls) as T[]
  const [database] = await read<DatabaseFacts>(databaseSql)
  if (database === undefined) throw new TypeError('pg_database has no row of this database')
  const roles = byOid(await read<RoleRow>(rolesSql))
  const relations = await read<Relation>(relationsSql, [systemRelations])
  const columns = byRelation(await read<Column>(columnsSql, [systemRelations]))
  return {
    database,
    roles: new Map([...roles].map(([oid, role]) => [oid, toRole(role, roles)])),
    schemas: await read(schemasSql),
    relations: byOid(relations.map((each) => ({ ...each, columns: columns.get(each.oid) ?? [] }))),
    policies: await read(policiesSql),
    routines: byOid(await read<Routine>(routinesSql)),
    systemFunctions: (await read<NamesRow>(systemFunctionsSql)).flatMap(({ names, ...each }) =>
      names.split(' ').map((name) => ({ name, ...each })),
    ),
    freeCasts: new Set((await read<{ cast: string }>(freeCastsSql)).map(({ cast }) => cast)),
    indexes: await read(indexesSql),
    foreignKeys: await read(foreignKeysSql),
    triggers: await read(triggersSql),
    eventTriggers: await read(eventTriggersSql),
    publications: await read(publicationsSql),
    sequences: await read(sequencesSql),
    defaultPrivileges: await read(defaultPrivilegesSql),
    roleSettings: await read(roleSettingsSql),
  }
}

function withoutNulls(row: Record<string, unknown>): Record<string, unknown> {
  for (const name in row) row[name] ??= undefined
  return row
}

function byOid<T extends { readonly oid: number }>(list: readonly T[]): Map<number, T> {
  return new Map(list.map((each) => [each.oid, each]))
}

function byRelation(columns: readonly Column[]): Map<number, Column[]> {
  const found = new Map<number, Column[]>()
  for (const column of columns) {
    const list = found.get(column.relation)
    if (list === undefined) found.set(column.relation, [column])
    else list.push(column)
  }
  return found
}

interface NamesRow extends Omit<SystemFunction, 'name'> {
  readonly names: string
}
