/**
 * A test database with the tables of a schema, made of the SQL that drizzle-kit and `forceAndGrants` write for them.
 */
import { createRequire } from 'node:module'
import pg from 'pg'
import { forceAndGrants } from '../../src/policies/force-and-grants.ts'
import { createTestDatabase, type TestDatabase } from '../support/pg.ts'

/** The part of drizzle-kit that makes SQL of tables; its own declarations need packages that are not installed. */
interface Kit {
  generateDrizzleJson(schema: Record<string, unknown>): unknown
  generateMigration(before: unknown, after: unknown): Promise<string[]>
}

export async function createSchemaDatabase(schema: Record<string, unknown>): Promise<TestDatabase> {
  const database = await createTestDatabase({ contents: 'platform' })
  const owner = new pg.Client(database.ownerUrl)
  await owner.connect()
  try {
    for (const statement of await migrationOf(schema)) await owner.query(statement)
    await owner.query(forceAndGrants(schema))
  } finally {
    await owner.end()
  }
  return database
}

/** The statements by which drizzle-kit makes an empty database hold the schema. */
export async function migrationOf(schema: Record<string, unknown>): Promise<string[]> {
  const kit: Kit = createRequire(import.meta.url)('drizzle-kit/api')
  return kit.generateMigration(kit.generateDrizzleJson({}), kit.generateDrizzleJson(schema))
}
