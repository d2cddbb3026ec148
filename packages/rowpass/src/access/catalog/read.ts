/**
 * Reads the facts of a database, all of one moment, and changes nothing.
 */
import type pg from 'pg'
import type { Catalog, Column, Relation, Role, Routine, SystemFunction } from './catalog.ts'
import * as queries from './queries.ts'

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
  await client.query('begin transaction isolation level repeatable read read only')
  try {
    return await readCatalogHere(client)
  } finally {
    await client.query('rollback')
  }
}

/**
 * Reads the catalogs in the transaction that is open, whose settings of time limits and names stay changed until it ends.
 */
export async function readCatalogHere(client: pg.ClientBase): Promise<Catalog> {
  await client.query(
    `set local statement_timeout = ${statementTimeoutMs}; set local lock_timeout = ${lockTimeoutMs}; ` +
      "set local search_path = ''; set local quote_all_identifiers = off",
  )

  /** The queries name their columns like the fields of the type, and node-postgres gives NULL for undefined. */
  const read = async <T>(sql: string): Promise<T[]> => (await client.query(sql)).rows.map(withoutNulls) as T[]
  const [database] = await read<Catalog['database'] & { version: number; reader: number }>(queries.databaseSql)
  if (database === undefined) throw new TypeError('pg_database has no row of this database')
  const roles = await read<RoleRow>(queries.rolesSql)
  const relations = await read<Relation>(queries.relationsSql)
  const columns = byRelation(await read<Column>(queries.columnsSql))
  return {
    version: database.version,
    database,
    reader: database.reader,
    roles: new Map(roles.map((role) => [role.oid, toRole(role, roles)])),
    schemas: await read(queries.schemasSql),
    relations: new Map(relations.map((each) => [each.oid, { ...each, columns: columns.get(each.oid) ?? [] }])),
    policies: await read(queries.policiesSql),
    routines: new Map((await read<Routine>(queries.routinesSql)).map((each) => [each.oid, each])),
    systemFunctions: (await read<NamesRow>(queries.systemFunctionsSql)).flatMap(({ names, ...each }) =>
      names.split(' ').map((name) => ({ name, ...each })),
    ),
    freeCasts: new Set((await read<{ cast: string }>(queries.freeCastsSql)).map(({ cast }) => cast)),
    indexes: await read(queries.indexesSql),
    foreignKeys: await read(queries.foreignKeysSql),
    triggers: await read(queries.triggersSql),
    publications: await read(queries.publicationsSql),
    sequences: await read(queries.sequencesSql),
    defaultPrivileges: await read(queries.defaultPrivilegesSql),
    roleSettings: await read(queries.roleSettingsSql),
  }
}

function withoutNulls(row: Record<string, unknown>): Record<string, unknown> {
  for (const name in row) row[name] ??= undefined
  return row
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

interface RoleRow extends Omit<Role, 'memberOf' | 'inherits' | 'becomes'> {
  readonly memberships: readonly { role: number; inherit: boolean; set: boolean }[]
}

function toRole({ memberships, ...role }: RoleRow, roles: readonly RoleRow[]): Role {
  const follow = (kind: 'inherit' | 'set'): number[] => {
    const reached = new Set<number>()
    const visit = (row: Pick<RoleRow, 'memberships'>): void => {
      for (const { role: oid, [kind]: follows } of row.memberships) {
        if (!follows || reached.has(oid)) continue
        reached.add(oid)
        const next = roles.find((each) => each.oid === oid)
        if (next !== undefined) visit(next)
      }
    }
    visit({ memberships })
    return [...reached]
  }
  const memberOf = memberships.filter((each) => each.inherit || each.set).map((each) => each.role)
  return { ...role, memberOf, inherits: follow('inherit'), becomes: follow('set') }
}
