// Neon's driver over HTTP, and Drizzle on it: each statement, or batch, is one request and one transaction.
import { neon } from '@neondatabase/serverless'
import { drizzle } from 'drizzle-orm/neon-http'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { type RequestIdentity, sealed } from 'rowpass/seal'

const notes = pgTable('notes', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  body: text().notNull(),
})

export async function addNote(databaseUrl: string, identity: RequestIdentity, body: string): Promise<string[]> {
  const sql = sealed(neon(databaseUrl), identity)
  await sql`insert into notes (body) values (${body})`

  const db = sealed(drizzle({ client: neon(databaseUrl) }), identity)
  const [, rows] = await db.batch([db.insert(notes).values({ body: 'by Drizzle' }), db.select().from(notes)])
  return rows.map((row) => row.body)
}
