/**
 * The gateways behind a login, as the sessions of a database tell them: how a gateway names its sessions, and how they are
 * counted.
 */
import type pg from 'pg'

/** The `application_name` of the sessions of one gateway process. It is known to whoever has a token. */
export function sessionName({ version, process }: { version: string; process: string }): string {
  return `rowpass gateway ${version} ${process}`
}

/** One gateway process with its sessions in this database. */
export interface SeenGateway {
  /** null where its sessions do not say it. */
  readonly version: string | null
  readonly process: string | null
  readonly sessions: number
  /** When the oldest of the sessions began, ISO 8601; null where this login may not see it. */
  readonly since: string | null
}

/** The sessions of a login. */
export interface SeenSessions {
  /** In this database and others of the server, as its CONNECTION LIMIT counts them. */
  readonly open: number
  readonly gateways: readonly SeenGateway[]
  /** Sessions in this database under other names: a gateway while it reads the catalogs, a pooler, a person. */
  readonly others: number
}

/**
 * Counts the sessions of a gateway's login.
 *
 * @param client any login; only the login itself, roles with its rights and those of `pg_read_all_stats` see since when
 * @throws the error of node-postgres, 42501 where `db harden --functions` has taken `pg_stat_activity` from this login
 */
export async function readSessions(client: pg.ClientBase, login: string): Promise<SeenSessions> {
  const { rows } = await client.query<{ name: string; here: boolean; sessions: number; since: Date | null }>(
    `select coalesce(application_name, '') as name, datname = current_database() as here, count(*)::int as sessions,
            min(backend_start) as since
       from pg_stat_activity where usename = $1 group by 1, 2 order by 4, 1`,
    [login],
  )
  const gateways: SeenGateway[] = []
  let others = 0
  for (const { name, here, sessions, since } of rows) {
    const [found, version = null, process = null] = /^rowpass gateway(?: (\S+) (\w+))?$/.exec(name) ?? []
    if (here && found !== undefined) gateways.push({ version, process, sessions, since: since?.toISOString() ?? null })
    else if (here) others += sessions
  }
  return { open: rows.reduce((sum, row) => sum + row.sessions, 0), gateways, others }
}

/** What the server lets logins without privileges share. */
export async function readAvailable(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ available: number }>(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
              - coalesce(current_setting('reserved_connections', true), '0')::int as available`,
  )
  return rows[0]?.available ?? 0
}
