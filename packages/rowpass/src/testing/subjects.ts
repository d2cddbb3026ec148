/**
 * The tables that an isolation suite is about, as far as its statements need to know them.
 */
import type { Person } from './tester.ts'

/** A column. */
export interface SubjectColumn {
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
export interface Subject {
  /** Quoted where it has to be, with its schema unless that is `public`. */
  readonly name: string
  /** The role that owns it. */
  readonly owner: string
  /** Statements that take away the foreign keys that refer to it, by which a DELETE would fail whatever policies say. */
  readonly freeing: readonly string[]
  readonly columns: readonly SubjectColumn[]
}

/**
 * Reads the tables with row-level security, but for those of PostgreSQL, Rowpass and drizzle-kit; columns that PostgreSQL
 * fills by itself are left out.
 *
 * @param owner the connection's own role
 * @param roles those of the people of the suite
 */
export async function readSubjects(owner: Person, roles: readonly string[]): Promise<Subject[]> {
  return owner.sql<Subject>`
    select case n.nspname when 'public' then '' else quote_ident(n.nspname) || '.' end || quote_ident(c.relname) as name,
           pg_get_userbyid(c.relowner) as owner,
           array(select format('alter table %s drop constraint %I', conrelid::regclass, conname) from pg_constraint
                  where confrelid = c.oid and contype = 'f' and conparentid = 0 order by 1) as freeing,
           (select json_agg(json_build_object(
              'name', quote_ident(a.attname),
              'hasDefault', a.atthasdef or a.attidentity <> '',
              'isKey', coalesce(bool_or_index.is_key, false),
              'isUnique', coalesce(bool_or_index.is_unique, false),
              'isTrusted', exists (select from pg_depend d join pg_policy p on p.oid = d.objid
                where d.classid = 'pg_policy'::regclass and d.refclassid = 'pg_class'::regclass and p.polrelid = c.oid
                  and d.refobjid = c.oid and d.refobjsubid = a.attnum),
              'isInsertable', exists (select from unnest(${roles}::text[]) role
                where to_regrole(quote_ident(role)) is not null
                  and has_column_privilege(to_regrole(quote_ident(role)), c.oid, a.attnum, 'INSERT')),
              'isText', t.typcategory = 'S') order by a.attnum)
              from pg_attribute a join pg_type t on t.oid = a.atttypid
              left join lateral (
                select bool_or(indisprimary) as is_key, bool_or(indisunique and not indisprimary) as is_unique
                  from pg_index where indrelid = c.oid and a.attnum = any (indkey)
              ) as bool_or_index on true
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
               and a.attidentity <> 'a') as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relrowsecurity and n.nspname !~ '^pg_'
       and n.nspname not in ('information_schema', 'rowpass', 'rowpass_ddl', 'auth', 'issuer', 'drizzle')
     order by n.nspname <> 'public', n.nspname, c.relname`
}
