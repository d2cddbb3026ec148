/**
 * The database itself, its schemas, and what is published from it.
 */
import type { AclItem } from './grants.ts'
import { grantsOf, isTheirs } from './sql.ts'

/** The database, and who reads its catalogs. */
export interface DatabaseFacts {
  /** `server_version_num`. */
  readonly version: number
  readonly name: string
  readonly sql: string
  readonly owner: number
  readonly grants: readonly AclItem[]
  /** The role that reads. */
  readonly reader: number
  /** Whether it was made of scripts, to be thrown away: its reader stands for whoever will set it up, and is nobody's login. */
  readonly scratch: boolean
}

/** Fills {@link DatabaseFacts}. */
export const databaseSql = `
  select current_setting('server_version_num')::int as version, d.datname as name, quote_ident(d.datname) as sql,
         d.datdba as owner, ${grantsOf("coalesce(d.datacl, acldefault('d', d.datdba))")} as grants,
         (select oid from pg_roles where rolname = current_user) as reader,
         d.datname ~ '^rowpass_scratch_[0-9a-f]{10}_[0-9]+$' as scratch
    from pg_database d where d.datname = current_database()`

/** A schema that is not the system's. */
export interface Schema {
  readonly oid: number
  readonly name: string
  readonly sql: string
  readonly owner: number
  readonly grants: readonly AclItem[]
}

/** Fills {@link Schema}. */
export const schemasSql = `
  select n.oid, n.nspname as name, quote_ident(n.nspname) as sql, n.nspowner as owner,
         ${grantsOf("coalesce(n.nspacl, acldefault('n', n.nspowner))")} as grants
    from pg_namespace n where ${isTheirs} order by n.nspname`

/** A publication for logical replication. */
export interface Publication {
  readonly name: string
  readonly sql: string
  readonly allTables: boolean
  readonly relations: readonly number[]
}

/** Fills {@link Publication}. */
export const publicationsSql = `
  select p.pubname as name, quote_ident(p.pubname) as sql, p.puballtables as "allTables",
         coalesce((select jsonb_agg(distinct c.oid::int8) from pg_class c where c.oid in (
           select r.prrelid from pg_publication_rel r where r.prpubid = p.oid
           union all
           select t.oid from pg_publication_namespace s join pg_class t on t.relnamespace = s.pnnspid
            where s.pnpubid = p.oid and t.relkind in ('r', 'p'))), '[]') as relations
    from pg_publication p order by p.pubname`
