// node-postgres, and what takes a pool of it: Drizzle, Kysely. The pool of Neon's driver is used in the same way.
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { type RequestIdentity, sealed } from 'rowpass/seal'

const notes = pgTable('notes', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  body: text().notNull(),
})

interface Tables {
  notes: { body: string }
}

/** `pool` is made once; what is sealed is made for each request. */
export async function addNote(pool: pg.Pool, identity: RequestIdentity, body: string): Promise<string[]> {
  const mine = sealed(pool, identity)
  await mine.query('insert into notes (body) values ($1)', [body])

  await drizzle({ client: mine }).transaction((tx) => tx.insert(notes).values({ body: 'by Drizzle' }))

  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: mine }) })
  const rows = await kysely.selectFrom('notes').select('body').execute()
  return rows.map((row) => row.body)
}
