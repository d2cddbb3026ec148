/**
 * The roles of Rowpass as they are, for `rowpass status`: what `createRoles` would make or refuse, told and not changed.
 */
import type pg from 'pg'
import { findBonds, findPowers, findRights, issuerRole, requestRoles } from './roles.ts'

/** A role as it is. */
export interface RoleStatus {
  readonly name: string
  readonly exists: boolean
  /** In the words of CREATE ROLE. */
  readonly attributes: readonly string[]
  /** Roles that it is a member of. */
  readonly memberOf: readonly string[]
  /** What it must not be, have or lack, each as the end of a sentence that begins with its name. */
  readonly faults: readonly string[]
}

/**
 * Looks at the roles of tokens, at the gateway's login, and at the issuer's where there is an issuer.
 *
 * @param client any login; it needs no rights
 */
export async function readRoles(
  client: pg.ClientBase,
  { login, withIssuer }: { login: string; withIssuer: boolean },
): Promise<RoleStatus[]> {
  const names = [...requestRoles, login, ...(withIssuer ? [issuerRole] : [])]
  const { rows } = await client.query<Omit<RoleStatus, 'faults'>>(rolesSql, [names])
  const roles: RoleStatus[] = []
  for (const row of rows) roles.push({ ...row, faults: row.exists ? await findFaults(client, row, login) : [] })
  return roles
}

const rolesSql = `
  select name, r.oid is not null as exists,
         case when r.oid is null then '{}' else array_remove(array[
           case when rolcanlogin then 'LOGIN' else 'NOLOGIN' end, case when rolinherit then 'INHERIT' else 'NOINHERIT' end,
           case when rolsuper then 'SUPERUSER' end, case when rolbypassrls then 'BYPASSRLS' end,
           case when rolcreaterole then 'CREATEROLE' end, case when rolcreatedb then 'CREATEDB' end,
           case when rolreplication then 'REPLICATION' end,
           case when rolconnlimit >= 0 then 'CONNECTION LIMIT ' || rolconnlimit end,
           'VALID UNTIL ' || to_char(rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')], null) end as attributes,
         array(select m.roleid::regrole::text from pg_auth_members m where m.member = r.oid group by 1 order by 1) as "memberOf"
    from unnest($1::text[]) with ordinality as names (name, place) left join pg_roles r on r.rolname = name
   order by place`

async function findFaults(
  client: pg.ClientBase,
  { name, memberOf }: Pick<RoleStatus, 'name' | 'memberOf'>,
  login: string,
): Promise<string[]> {
  const powers = await findPowers(client, name)
  if (requestRoles.some((role) => role === name)) return powers
  const own = name === login ? requestRoles : []
  const lacking = own.filter((role) => !memberOf.includes(role)).map((role) => `is no member of ${role}`)
  const rights = name === login ? await findRights(client, name) : []
  return [...new Set([...powers, ...(await findBonds(client, name, own)), ...rights, ...lacking])]
}
