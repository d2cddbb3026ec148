/**
 * A classifier with the facts of a real database, and a way to see what PostgreSQL itself makes of a text.
 */
import pg from 'pg'
import { createClassifier, type Verdict } from '../../src/statement/classify.ts'
import { type FunctionFacts, functionFactsSql, parseFunctionFacts } from '../../src/statement/facts.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { type Contents, createTestDatabase, type TestDatabase } from '../support/pg.ts'

/** A database, its facts, and the classifier made of them. */
export interface JudgedDatabase {
  readonly database: TestDatabase
  readonly facts: FunctionFacts
  readonly superuser: pg.Client
  /** Logged in as the gateway, without an identity. */
  readonly gateway: pg.Client
  readonly classify: (sql: string) => Verdict
  /**
   * Runs a text as `authenticated`, as it would run without a classifier, and rolls back.
   * @returns rows, or the SQLSTATE of the error
   */
  run(sql: string): Promise<unknown[][] | string>
  close(): Promise<void>
}

/** @param options.setUp SQL that a superuser runs before the gateway reads the facts */
export async function judgeDatabase(options: { contents?: Contents; setUp?: string } = {}): Promise<JudgedDatabase> {
  const database = await createTestDatabase({ contents: options.contents ?? 'application' })
  const superuser = await connect(database.superuserUrl)
  if (options.setUp !== undefined) await superuser.query(options.setUp)
  const gateway = await connect(database.gatewayUrl)
  const facts = parseFunctionFacts((await gateway.query(functionFactsSql)).rows)

  return {
    database,
    facts,
    superuser,
    gateway,
    classify: createClassifier(await loadParser(), facts),
    async run(sql) {
      await gateway.query('begin')
      try {
        await gateway.query(
          "select set_config('role', 'authenticated', true), set_config('statement_timeout', '2s', true)",
        )
        return (await gateway.query({ text: sql, rowMode: 'array' })).rows
      } catch (error) {
        return (error as pg.DatabaseError).code ?? String(error)
      } finally {
        await gateway.query('rollback')
      }
    },
    async close() {
      await gateway.end()
      await superuser.end()
      await database.close()
    },
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  await client.connect()
  return client
}
