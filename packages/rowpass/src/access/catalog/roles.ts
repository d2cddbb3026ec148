/**
 * Roles, what they are members of, and the settings that their sessions start with.
 */

/** A role. */
export interface Role {
  readonly oid: number
  readonly name: string
  readonly sql: string
  readonly login: boolean
  readonly superuser: boolean
  readonly bypassRls: boolean
  readonly createRole: boolean
  readonly replication: boolean
  /** Roles that it is a member of itself, by oid. */
  readonly memberOf: readonly number[]
  /** Roles whose privileges it has without doing anything, by oid. */
  readonly inherits: readonly number[]
  /** Roles that it can become with SET ROLE, by oid. */
  readonly becomes: readonly number[]
}

/** A role as it is read, with its direct memberships. */
export interface RoleRow extends Omit<Role, 'memberOf' | 'inherits' | 'becomes'> {
  readonly memberships: readonly { readonly role: number; readonly inherit: boolean; readonly set: boolean }[]
}

/**
 * Fills {@link RoleRow}. Before version 16 INHERIT belongs to the role, and SET is for every member. The owner of the
 * database is a member of `pg_database_owner` without a row that says so.
 */
export const rolesSql = `
  select r.oid, r.rolname as name, quote_ident(r.rolname) as sql, r.rolcanlogin as login, r.rolsuper as superuser,
         r.rolbypassrls as "bypassRls", r.rolcreaterole as "createRole", r.rolreplication as replication,
         coalesce((select jsonb_agg(jsonb_build_object('role', m.role, 'inherit', m.inherit, 'set', m.set)) from (
             select m.roleid::int8 as role, coalesce((to_jsonb(m)->>'inherit_option')::boolean, r.rolinherit) as inherit,
                    coalesce((to_jsonb(m)->>'set_option')::boolean, true) as set
               from pg_auth_members m where m.member = r.oid
             union all
             select o.oid::int8, r.rolinherit, false from pg_roles o join pg_database d on d.datdba = r.oid
              where o.rolname = 'pg_database_owner' and d.datname = current_database()) m), '[]') as memberships
    from pg_roles r order by r.rolname`

/** Follows the memberships of a role as far as they go. */
export function toRole({ memberships, ...role }: RoleRow, roles: ReadonlyMap<number, RoleRow>): Role {
  const follow = (kind: 'inherit' | 'set'): number[] => {
    const reached = new Set<number>()
    const visit = (row: Pick<RoleRow, 'memberships'>): void => {
      for (const { role: oid, [kind]: follows } of row.memberships) {
        if (!follows || reached.has(oid)) continue
        reached.add(oid)
        const next = roles.get(oid)
        if (next !== undefined) visit(next)
      }
    }
    visit({ memberships })
    return [...reached]
  }
  const memberOf = memberships.filter((each) => each.inherit || each.set).map((each) => each.role)
  return { ...role, memberOf, inherits: follow('inherit'), becomes: follow('set') }
}

/** A setting that sessions of a role, or of all roles, start with in this database. */
export interface RoleSetting {
  /** 0: all roles. */
  readonly role: number
  /** Whether it holds in this database only. */
  readonly here: boolean
  readonly setting: string
}

/** Fills {@link RoleSetting}. */
export const roleSettingsSql = `
  select s.setrole as role, s.setdatabase <> 0 as here, unnest(s.setconfig) as setting from pg_db_role_setting s
   where s.setdatabase in (0, (select oid from pg_database where datname = current_database())) order by 1, 2, 3`
