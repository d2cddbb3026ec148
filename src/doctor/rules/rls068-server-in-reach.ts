/**
 * RLS068: requests may have the rights of a role that PostgreSQL brings for the server's own work.
 */
import { listed } from '../analysis/words.ts'
import type { Role } from '../catalog/catalog.ts'
import type { Rule } from '../finding.ts'

/** What each lets a request do; https://www.postgresql.org/docs/current/predefined-roles.html */
const powers: Readonly<Record<string, string>> = {
  pg_execute_server_program: 'run programs on the server',
  pg_read_server_files: 'read files of the server, those of the tables among them',
  pg_write_server_files: 'write files of the server',
  pg_read_all_data: 'read every table that has no policies',
  pg_write_all_data: 'write every table that has no policies',
}

export const rls068: Rule = {
  code: 'RLS068',
  slug: 'server-in-reach',
  level: 'error',
  title: 'Requests have a role for the work of the server',
  why:
    'COPY … TO PROGRAM and the files of the server are past every grant and every policy. pg_read_all_data and ' +
    'pg_write_all_data stop at policies, and open every table that has none. Such roles are for administration.',
  *find({ catalog, access }) {
    const isMember = (role: Role, oid: number) => role.inherits.includes(oid) || role.becomes.includes(oid)
    for (const power of catalog.roles.values()) {
      const what = powers[power.name]
      if (what === undefined) continue
      const roles = access.apiRoles.filter((role) => isMember(role, power.oid))
      if (roles.length === 0) continue
      const names = listed(roles.map(({ sql }) => sql))
      const ways = [...catalog.roles.values()].filter(
        (role) =>
          role.memberOf.includes(power.oid) &&
          roles.some(({ oid, inherits, becomes }) => oid === role.oid || [...inherits, ...becomes].includes(role.oid)),
      )
      yield {
        object: power.sql,
        part: roles.map(({ sql }) => sql).join(','),
        says: `${names} may ${what}, by ${power.sql}.`,
        evidence: `pg_auth_members: ${listed(ways.map(({ sql }) => sql))} in ${power.sql}`,
        fix: { sql: ways.map(({ sql }) => `revoke ${power.sql} from ${sql}`) },
      }
    }
  },
}
