/**
 * The transaction in which the doctor tries things as the roles of requests: read-only, bounded in time, rolled back.
 */
import pg from 'pg'
import type { Role } from '../../access/catalog/catalog.ts'
import { become, stepBack } from '../../access/identity.ts'
import { attemptText, inSavepoint } from '../../access/trial.ts'
import { Failure } from '../../errors.ts'
import type { Model } from '../analysis/model.ts'

/** Where things are tried. */
export interface Probe {
  readonly client: pg.ClientBase
  /** Roles of requests that the connection can take on. */
  readonly roles: readonly Role[]
  /** What could not be tried, for the report. */
  readonly notes: readonly string[]
}

/** Longest time of one statement. */
const statementTimeoutMs = 1_000
const lockTimeoutMs = 500

/**
 * Makes the open transaction ready: takes on each role of requests once, which may need a grant that is rolled back with
 * the transaction, and makes the transaction read-only from there on.
 *
 * The search path stays the connection's: what a role or a server sets for requests is not known here.
 */
export async function openProbe(client: pg.ClientBase, model: Model): Promise<Probe> {
  await client.query(`set local lock_timeout = ${lockTimeoutMs}; set local statement_timeout = ${statementTimeoutMs}`)
  const { roles, refused } = await takeOnRoles(client, model.access.apiRoles)
  const notes = [...refused].map(([{ sql }, because]) => `nothing was tried as ${sql}: ${because}`)
  await client.query('set local transaction_read_only = on')
  return { client, roles, notes }
}

/**
 * Takes on each role once; where that needs a grant, it stays until the transaction is rolled back.
 *
 * @returns those that can be taken on, and why others cannot
 */
export async function takeOnRoles(
  client: pg.ClientBase,
  roles: readonly Role[],
): Promise<{ readonly roles: readonly Role[]; readonly refused: ReadonlyMap<Role, string> }> {
  const able: Role[] = []
  const refused = new Map<Role, string>()
  for (const role of roles) {
    const takeOn = async () => {
      await become(client, { role: role.name, claims: {} }, undefined)
      await stepBack(client)
    }
    try {
      await inSavepoint(client, takeOn, { keep: true })
      able.push(role)
    } catch (error) {
      if (!(error instanceof Failure || error instanceof pg.DatabaseError)) throw error
      refused.set(role, error instanceof Failure ? (error.detail ?? error.message) : error.message)
    }
  }
  return { roles: able, refused }
}

/**
 * Runs a query as one of the roles under test; settings and role are the former again afterwards.
 *
 * @param settings custom settings to make before the role is taken on
 * @returns the rows, or the SQLSTATE of what PostgreSQL refused it with: its message may hold values of rows
 */
export async function queryAs<Row extends pg.QueryResultRow>(
  { client }: Probe,
  role: Role,
  query: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly Row[] | string> {
  const steps = [
    ...Object.entries(settings).map((each) => `select set_config(${each.map(pg.escapeLiteral).join(', ')}, true)`),
    `set local role ${role.sql}`,
    query,
  ]
  const results = await attemptText(client, steps)
  if (results instanceof pg.DatabaseError) return results.code ?? 'XX000'
  return (results.at(-1)?.rows ?? []) as Row[] // what the query gives, the caller says
}
