// postgres.js, and Drizzle on it.

import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'
import { type RequestIdentity, sealed } from 'rowpass/seal'

const notes = pgTable('notes', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  body: text().notNull(),
})

/** `sql` is what `postgres()` returned, once; what is sealed is made for each request. */
export async function addNote(sql: Sql, identity: RequestIdentity, body: string): Promise<string[]> {
  const mine = sealed(sql, identity)
  await mine`insert into notes (body) values (${body})`

  await sealed(drizzle({ client: sql }), identity)
    .insert(notes)
    .values({ body: 'by Drizzle' })

  const rows = await mine.begin((tx) => tx<{ body: string }[]>`select body from notes`)
  return rows.map((row) => row.body)
}
