/**
 * RLS068: requests may have the rights of a role that PostgreSQL brings for the server's own work.
 */

import type { Role } from '../../access/catalog/catalog.ts'
import { isService } from '../../access/roles.ts'
import { listed } from '../analysis/words.ts'
import type { Fix, Level, Rule } from '../finding.ts'

interface Power {
  readonly level: Level
  /** What it lets a request do. */
  readonly may: string
}

/** https://www.postgresql.org/docs/current/predefined-roles.html */
const powers: Readonly<Record<string, Power>> = {
  pg_execute_server_program: { level: 'error', may: 'run programs on the server' },
  pg_read_server_files: { level: 'error', may: 'read files of the server, those of the tables among them' },
  pg_write_server_files: { level: 'error', may: 'write files of the server' },
  pg_read_all_data: { level: 'error', may: 'read every table that has no policies' },
  pg_write_all_data: { level: 'error', may: 'write every table that has no policies' },
  pg_monitor: { level: 'warning', may: 'read the SQL of all other sessions, with the values in it' },
  pg_read_all_stats: { level: 'warning', may: 'read the SQL of all other sessions, with the values in it' },
  pg_signal_backend: { level: 'warning', may: 'end the sessions of all others' },
  pg_maintain: { level: 'warning', may: 'lock, rebuild and vacuum every table' },
  pg_create_subscription: { level: 'warning', may: 'have the server connect to other servers' },
}

interface Attribute extends Power {
  readonly name: string
  readonly column: string
}

function attributesOf({ replication, createRole }: Role, version: number): readonly Attribute[] {
  return [
    ...(replication
      ? [
          {
            name: 'replication',
            column: 'rolreplication',
            level: 'error',
            may: 'read the changes of all tables',
          } as const,
        ]
      : []),
    ...(createRole
      ? [
          {
            name: 'createrole',
            column: 'rolcreaterole',
            level: version < 160_000 ? 'error' : 'warning',
            may:
              version < 160_000 ? 'make itself a member of each role but superusers' : 'make roles, and pass them on',
          } as const,
        ]
      : []),
  ]
}

export const rls068: Rule = {
  code: 'RLS068',
  slug: 'server-in-reach',
  level: 'error',
  title: 'Requests have a role for the work of the server',
  why:
    'COPY … TO PROGRAM and the files of the server are past every grant and every policy. pg_read_all_data and ' +
    'pg_write_all_data stop at policies, and open every table that has none. With pg_monitor and pg_signal_backend requests ' +
    'see and end one another. REPLICATION reads the changes of all tables; CREATEROLE gives itself other roles, before version 16 ' +
    'each one but superusers. Such roles are for administration.',
  *find({ catalog, tables, access }) {
    const owners = new Set(tables.map(({ owner }) => owner))
    const api = new Set(access.apiRoles.map(({ oid }) => oid))
    for (const role of catalog.roles.values()) {
      // A superuser needs neither, and an owner has them to migrate: this database's, or another one's of a platform.
      const serves = api.has(role.oid) || (role.login && !isService(role) && role.becomes.some((oid) => api.has(oid)))
      if (!serves || role.superuser || role.bypassRls || owners.has(role.oid)) continue
      for (const { name, column, level, may } of attributesOf(role, catalog.database.version)) {
        yield {
          object: role.sql,
          part: name,
          says: `${role.sql} serves requests and may ${may}, by ${name.toUpperCase()}.`,
          level,
          evidence: `pg_roles.${column} of ${role.sql} is true`,
          fix: role.login
            ? {
                person:
                  `Does what logs in as ${role.sql} use it, here or in another database of the server? It fails after: ` +
                  `alter role ${role.sql} no${name}`,
              }
            : { sql: [`alter role ${role.sql} no${name}`], loses: [`${role.sql}: ${name.toUpperCase()}`] },
        }
      }
    }
    const isMember = (role: Role, oid: number) => role.inherits.includes(oid) || role.becomes.includes(oid)
    for (const power of catalog.roles.values()) {
      const found = powers[power.name]
      if (found === undefined) continue
      const roles = access.apiRoles.filter((role) => isMember(role, power.oid))
      for (const role of roles) {
        const ways = [...catalog.roles.values()].filter(
          (each) =>
            each.memberOf.includes(power.oid) &&
            // What pg_monitor brings along is said of pg_monitor.
            !each.name.startsWith('pg_') &&
            (each.oid === role.oid || isMember(role, each.oid)),
        )
        if (ways.length === 0) continue
        yield {
          object: power.sql,
          part: role.sql,
          says: `${role.sql} may ${found.may}, by ${power.sql}.`,
          level: found.level,
          evidence: `pg_auth_members: ${listed(ways.map(({ sql }) => sql))} in ${power.sql}`,
          fix: takePower(power, ways, access.apiRoles, [...catalog.roles.values()]),
        }
      }
    }
  },
}

/** A group may have members that serve no requests, such as a monitor. */
function takePower(power: Role, ways: readonly Role[], serving: readonly Role[], roles: readonly Role[]): Fix {
  const sql = ways.map((way) => `revoke ${power.sql} from ${way.sql}`)
  const groups = ways.filter((way) => !serving.includes(way))
  const membersOf = ({ oid }: Role): Role[] =>
    roles.filter((role) => !role.superuser && !serving.includes(role) && role.memberOf.includes(oid))
  const loginsOf = (role: Role): Role[] => [...(role.login ? [role] : []), ...membersOf(role).flatMap(loginsOf)]
  const others = [...new Set(groups.flatMap(loginsOf))]
  if (others.length === 0) return { sql, loses: [`${listed(ways.map((way) => way.sql))}: what ${power.sql} allows`] }
  return {
    person:
      `Is ${power.sql} for ${listed(others.map((other) => other.sql))}? It is lost there as well after: ` +
      `${sql.map((each) => `${each};`).join(' ')} Else take the roles of requests out of the group.`,
  }
}
