/**
 * Who may become whom with SET ROLE, and what is missing where somebody may not.
 */
import pg from 'pg'

/** What would let one role become another. */
export interface MissingMembership {
  /** The GRANT, as a whole statement. */
  readonly grant: string
  /** Who may run it, in words. */
  readonly by: string
  /** Other logins without powers that may become the role already. */
  readonly logins: readonly string[]
}

/** Whether a role may become another one; undefined where one of the two is not there. */
export async function mayBecome(client: pg.ClientBase, member: string, role: string): Promise<boolean | undefined> {
  const { rows } = await client.query<{ able: boolean | null }>(
    `select pg_has_role(to_regrole($1), to_regrole($2), ${setPrivilege}) as able`,
    [pg.escapeIdentifier(member), pg.escapeIdentifier(role)],
  )
  return rows[0]?.able ?? undefined
}

/** Before version 16 whoever is a member may. */
const setPrivilege = "case when current_setting('server_version_num')::int < 160000 then 'MEMBER' else 'SET' end"

/** Finds out what is missing. Does NOT look at whether it is. */
export async function findMissingMembership(
  client: pg.ClientBase,
  member: string,
  role: string,
): Promise<MissingMembership> {
  const { rows } = await client.query<{ modern: boolean; supers: string[]; admins: string[]; logins: string[] }>(
    `select current_setting('server_version_num')::int >= 160000 as modern,
            array(select rolname::text from pg_roles where rolsuper and rolcanlogin order by 1) as supers,
            array(select r.rolname::text from pg_roles r where not r.rolsuper and r.rolname <> $1 and (
                exists (select from pg_auth_members m where m.roleid = to_regrole($2) and m.member = r.oid and m.admin_option)
                or r.rolcreaterole and current_setting('server_version_num')::int < 160000) order by 1) as admins,
            array(select r.rolname::text from pg_roles r where r.rolcanlogin and not r.rolsuper and r.rolname <> $1
                and r.rolname !~ '^pg_' and pg_has_role(r.oid, to_regrole($2), ${setPrivilege}) order by 1) as logins`,
    [member, pg.escapeIdentifier(role)],
  )
  const { modern = true, supers = [], admins = [], logins = [] } = rows[0] ?? {}
  const options = modern ? ' with inherit false, set true' : ''
  const superusers = `a superuser${supers.length > 0 ? ` (${supers.slice(0, 3).join(', ')})` : ''}`
  const others = admins.length > 0 ? `, or ${admins.slice(0, 3).join(', ')}, which may grant it` : ''
  return {
    grant: `grant ${toName(role)} to ${toName(member)}${options};`,
    by: superusers + others,
    logins,
  }
}

/** Quoted where it has to be. */
function toName(role: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(role) ? role : pg.escapeIdentifier(role)
}
