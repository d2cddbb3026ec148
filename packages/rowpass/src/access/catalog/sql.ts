/**
 * Pieces that the queries of the catalogs have in common. They run with an empty search_path, so that PostgreSQL
 * qualifies each name that it writes.
 */

/** Whether a schema `n` is neither the system's nor of a gateway's own. */
export const isTheirs =
  "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'rowpass_ddl') and n.nspname not like 'pg\\_temp\\_%'"

/** A privilege list as JSON. */
export const grantsOf = (acl: string): string => `
  coalesce((select jsonb_agg(jsonb_build_object('grantee', a.grantee::int8, 'privilege', a.privilege_type))
     from aclexplode(${acl}) a), '[]')`

/** The name of the extension that made an object; NULL where none did. */
export const extensionOf = (catalog: string, oid: string): string => `
  (select x.extname from pg_depend e join pg_extension x on x.oid = e.refobjid
    where e.classid = '${catalog}'::regclass and e.objid = ${oid} and e.deptype = 'e' limit 1)`

/** Which relations or functions something depends on, as a CTE: one pass over pg_depend for all. */
export const usesOf = (name: string, catalog: string, target: string): string => `
  ${name} as (
    select objid, jsonb_agg(distinct refobjid::int8) as oids from pg_depend
     where classid = '${catalog}'::regclass and refclassid = '${target}'::regclass and deptype in ('n', 'i')
     group by objid)`
