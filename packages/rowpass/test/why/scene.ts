/**
 * Explains statements in a test database.
 */
import pg from 'pg'
import type { ClaimsCarrier } from '../../src/access/identity.ts'
import { type ExplainOptions, explain } from '../../src/why/explain.ts'
import type { Explanation } from '../../src/why/explanation.ts'
import { renderExplanation } from '../../src/why/report.ts'
import { type Contents, createTestDatabase, type TestDatabase } from '../support/pg.ts'

/** A database, and a connection to ask with. */
export interface Scene {
  readonly database: TestDatabase
  /** Of the superuser. */
  readonly client: pg.Client
  /** Of the owner, who is subject to FORCE. */
  readonly owner: pg.Client
  close(): Promise<void>
}

/** @param setup SQL that the owner runs */
export async function openScene(contents: Contents, setup = ''): Promise<Scene> {
  const database = await createTestDatabase({ contents })
  const client = new pg.Client(database.superuserUrl)
  const owner = new pg.Client(database.ownerUrl)
  await client.connect()
  await owner.connect()
  if (setup !== '') await client.query(setup)
  return {
    database,
    client,
    owner,
    async close() {
      await client.end()
      await owner.end()
      await database.close()
    },
  }
}

/** Settings that hand-made schemas read. */
export const jsonClaims: ClaimsCarrier = { kind: 'json', setting: 'request.jwt.claims' }

/** Everything that a reader could see of an explanation. */
export function everything(explanation: Explanation): string {
  return JSON.stringify(explanation) + renderExplanation(explanation)
}

/** Explains, and checks what holds for every explanation. */
export async function ask(client: pg.Client, options: ExplainOptions): Promise<Explanation> {
  const explanation = await explain(client, options)
  const { rows } = await client.query(
    'select pg_current_xact_id_if_assigned() is null as clean, current_user = session_user as self',
  )
  if (rows[0].clean !== true || rows[0].self !== true) throw new Error('the connection is not as it was')
  return explanation
}

/** The codes of the findings, in order. */
export function codes({ findings }: Explanation): string[] {
  return findings.map(({ code }) => code)
}
