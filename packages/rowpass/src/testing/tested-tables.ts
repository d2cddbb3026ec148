/**
 * The tables that an isolation suite is about, as far as its statements need to know them.
 */
import { createAccess } from '../access/access.ts'
import { type Catalog, type Column, isTable, type Relation } from '../access/catalog/catalog.ts'

/** A column. */
export interface TestedColumn {
  /** Quoted where it has to be. */
  readonly name: string
  readonly hasDefault: boolean
  readonly isKey: boolean
  /** In a unique index that is not the primary key. */
  readonly isUnique: boolean
  /** A policy of the table reads it. */
  readonly isTrusted: boolean
  /** Whether some role of a request may insert it. */
  readonly isInsertable: boolean
  readonly isText: boolean
}

/** A table. */
export interface TestedTable {
  /** Quoted where it has to be, with its schema unless that is `public`. */
  readonly name: string
  /** The role that owns it. */
  readonly owner: string
  /** Statements that take away the foreign keys that refer to it, by which a DELETE would fail whatever policies say. */
  readonly freeing: readonly string[]
  readonly columns: readonly TestedColumn[]
}

/** Schemas that belong to Rowpass, to identity extensions and to drizzle-kit. */
const platformSchemas = new Set(['rowpass', 'rowpass_ddl', 'auth', 'issuer', 'drizzle'])

/** Whether a relation is a table of the application's own. */
export function isTheirs(relation: Relation): boolean {
  return isTable(relation) && !platformSchemas.has(relation.schema)
}

/** As tests write it: quoted where it has to be, with its schema unless that is `public`. */
export function shownName({ schema, sql }: Relation): string {
  return schema === 'public' ? sql.slice(sql.indexOf('.') + 1) : sql
}

/**
 * The tables with row-level security, those in `public` first, but for those of PostgreSQL, Rowpass and drizzle-kit; columns
 * that PostgreSQL fills by itself are left out.
 *
 * @param names roles of the people of the suite; one that does not exist has no rights
 */
export function findTestedTables(catalog: Catalog, names: readonly string[]): TestedTable[] {
  const access = createAccess(catalog)
  const roles = [...catalog.roles.values()].filter(({ name }) => names.includes(name))
  return [...catalog.relations.values()]
    .filter((each) => isTheirs(each) && each.rls)
    .toSorted((a, b) => Number(a.schema !== 'public') - Number(b.schema !== 'public'))
    .map((table) => ({
      name: shownName(table),
      owner: catalog.roles.get(table.owner)?.name ?? String(table.owner),
      freeing: catalog.foreignKeys.flatMap(({ target, relation, sql, inherited }) => {
        const referrer = catalog.relations.get(relation)
        return target !== table.oid || inherited || referrer === undefined
          ? []
          : [`alter table ${shownName(referrer)} drop constraint ${sql}`]
      }),
      columns: table.columns.filter(isGiven).map((column) => describe(column, table)),
    }))

  function describe(column: Column, table: Relation): TestedColumn {
    const indexes = catalog.indexes.filter(({ relation, key }) => relation === table.oid && key.includes(column.number))
    return {
      name: column.sql,
      hasDefault: column.hasDefault,
      isKey: indexes.some(({ primary }) => primary),
      isUnique: indexes.some(({ unique, primary }) => unique && !primary),
      isTrusted: catalog.policies.some(
        ({ relation, columns }) => relation === table.oid && columns.includes(column.number),
      ),
      isInsertable: roles.some((role) => access.onColumn(role, 'insert', table, column)),
      isText: column.category === 'S',
    }
  }
}

function isGiven({ generated, identity }: Column): boolean {
  return generated === undefined && identity !== 'always'
}
