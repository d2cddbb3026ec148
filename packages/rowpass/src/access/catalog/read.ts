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

/** What to read. */
export interface CatalogScope {
  /** Relations of the system to describe as well, by oid. */
  readonly systemRelations?: readonly number[]
  /** What is needed; the rest stays empty. Default: everything. */
  readonly only?: readonly CatalogPart[]
}

/** A part of the catalog that can be read for itself. */
export type CatalogPart = keyof typeof queries

/** Each names its columns like the fields of its type. */
const queries = {
  roles: rolesSql,
  schemas: schemasSql,
  relations: relationsSql,
  columns: columnsSql,
  policies: policiesSql,
  routines: routinesSql,
  systemFunctions: systemFunctionsSql,
  freeCasts: freeCastsSql,
  indexes: indexesSql,
  foreignKeys: foreignKeysSql,
  triggers: triggersSql,
  eventTriggers: eventTriggersSql,
  publications: publicationsSql,
  sequences: sequencesSql,
  defaultPrivileges: defaultPrivilegesSql,
  roleSettings: roleSettingsSql,
} as const

const everything = Object.keys(queries) as CatalogPart[]

/**
 * Reads the catalogs in the transaction that is open, whose settings of time limits and names stay changed until it, or a
 * savepoint around the reading, is rolled back. All in one message: most of the time of a small database is the way there
 * and back.
 */
export async function readCatalogHere(client: pg.ClientBase, reading: CatalogScope = {}): Promise<Catalog> {
  const { systemRelations = [], only = everything } = reading
  const settings =
    `set local statement_timeout = ${statementTimeoutMs}; set local lock_timeout = ${lockTimeoutMs}; ` +
    "set local search_path = ''; set local quote_all_identifiers = off"
  const texts = [databaseSql, ...only.map((part) => queries[part])].map((sql) =>
    sql.replaceAll('$1', `'{${systemRelations.map(Number).join(',')}}'`),
  )
  // Several statements give a list of results, which the types of the driver do not say.
  const results = (await client.query([settings, ...texts].join(';\n'))) as unknown as pg.QueryResult[]
  const [[database], ...lists] = results.slice(-texts.length).map(({ rows }) => rows.map(withoutNulls)) as unknown as [
    unknown[],
    ...unknown[][],
  ]
  const read = <T>(part: CatalogPart): T[] => (lists[only.indexOf(part)] ?? []) as T[]
  const roles = byOid(read<RoleRow>('roles'))
  const columns = byRelation(read<Column>('columns'))
  return {
    database: database as DatabaseFacts,
    roles: new Map([...roles].map(([oid, role]) => [oid, toRole(role, roles)])),
    schemas: read('schemas'),
    relations: byOid(read<Relation>('relations').map((each) => ({ ...each, columns: columns.get(each.oid) ?? [] }))),
    policies: read('policies'),
    routines: byOid(read<Routine>('routines')),
    systemFunctions: read<NamesRow>('systemFunctions').flatMap(({ names, ...each }) =>
      names.split(' ').map((name) => ({ name, ...each })),
    ),
    freeCasts: new Set(read<{ cast: string }>('freeCasts').map(({ cast }) => cast)),
    indexes: read('indexes'),
    foreignKeys: read('foreignKeys'),
    triggers: read('triggers'),
    eventTriggers: read('eventTriggers'),
    publications: read('publications'),
    sequences: read('sequences'),
    defaultPrivileges: read('defaultPrivileges'),
    roleSettings: read('roleSettings'),
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
