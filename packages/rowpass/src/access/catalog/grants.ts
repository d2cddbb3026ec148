/**
 * Privileges as they stand in the catalogs.
 */
import { grantsOf } from './sql.ts'

/** One entry of a privilege list; grantee 0 is PUBLIC. */
export interface AclItem {
  readonly grantee: number
  /** As PostgreSQL spells it: `SELECT`, `TRUNCATE`, `EXECUTE` … */
  readonly privilege: string
}

/** An entry of ALTER DEFAULT PRIVILEGES. */
export interface DefaultPrivilege {
  readonly owner: number
  /** undefined: in every schema. */
  readonly schema: string | undefined
  readonly objects: 'tables' | 'sequences' | 'functions' | 'types' | 'schemas'
  readonly grants: readonly AclItem[]
}

/** Fills {@link DefaultPrivilege}. */
export const defaultPrivilegesSql = `
  select d.defaclrole as owner, quote_ident(n.nspname) as schema,
         case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
           when 'T' then 'types' else 'schemas' end as objects, ${grantsOf('d.defaclacl')} as grants
    from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace order by 1, 2, 3`
