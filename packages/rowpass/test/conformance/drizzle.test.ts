import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { neon } from '@neondatabase/serverless'
import { eq, sql } from 'drizzle-orm'
import { drizzle as drizzleHttp } from 'drizzle-orm/neon-http'
import { migrate as migrateHttp } from 'drizzle-orm/neon-http/migrator'
import { migrate as migratePool } from 'drizzle-orm/neon-serverless/migrator'
import { integer, pgSchema, pgTable, text } from 'drizzle-orm/pg-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { openScene, type Scene } from './scene.ts'
import { connectWithToken } from './snippets/drizzle-http.ts'
import { connectWithPassword } from './snippets/drizzle-pool.ts'

const notes = pgTable('notes', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  owner: text().notNull().default(sql`auth.user_id()`),
  body: text().notNull(),
})

const things = pgTable('things', { id: integer().primaryKey(), name: text().notNull() })

describePg('Drizzle', () => {
  let scene: Scene
  let token: string
  let folder: string

  beforeAll(async () => {
    scene = await openScene()
    token = await scene.gateway.issuer.token('ada')
    folder = mkdtempSync(join(tmpdir(), 'rowpass-drizzle-'))
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await scene.close()
  })

  describe('neon-http with a token', () => {
    const connect = () => connectWithToken(scene.tokenUrl, token)
    afterEach(async () => void (await connect().delete(notes)))

    it('selects, inserts, updates and deletes as the bearer', async () => {
      const db = connect()
      expect(
        await db
          .insert(notes)
          .values([{ body: 'a' }, { body: 'b' }])
          .returning({ owner: notes.owner }),
      ).toEqual([{ owner: 'ada' }, { owner: 'ada' }])
      const updated = await db.update(notes).set({ body: 'c' }).where(eq(notes.body, 'b'))
      expect(updated.rowCount).toBe(1)
      const bob = connectWithToken(scene.tokenUrl, await scene.gateway.issuer.token('bob'))
      expect(await bob.select().from(notes)).toEqual([])
      expect((await bob.delete(notes)).rowCount).toBe(0)
      expect(await db.select({ body: notes.body }).from(notes).orderBy(notes.body)).toEqual([
        { body: 'a' },
        { body: 'c' },
      ])
      expect(await db.$count(notes)).toBe(2)
      expect((await db.execute(sql`select ${1}::int as one`)).rows).toEqual([{ one: 1 }])
    })

    it('a batch is one transaction', async () => {
      const db = connect()
      const [, rows] = await db.batch([
        db.insert(notes).values({ body: 'a' }),
        db.select({ body: notes.body }).from(notes),
      ])
      expect(rows).toEqual([{ body: 'a' }])
      const failing = db.batch([db.insert(notes).values({ body: 'b' }), db.insert(notes).values({ body: '' })])
      await expect(failing).rejects.toMatchObject({ code: '23514', constraint: 'notes_body_check' })
      expect(await db.$count(notes)).toBe(1)
    })

    it('an error has the SQLSTATE of PostgreSQL as its cause’s code', async () => {
      const db = connect()
      await db.insert(notes).values({ body: 'twice' })
      await expect(db.insert(notes).values({ body: 'twice' })).rejects.toMatchObject({
        cause: { code: '23505', constraint: 'notes_body_key' },
      })
      await expect(db.insert(notes).values({ owner: 'bob', body: 'his' })).rejects.toMatchObject({
        cause: { code: '42501', hint: expect.stringMatching(/^policy_refused: /) },
      })
    })

    it('$withAuth gives single statements a token; a batch has the one of neon()', async () => {
      const db = drizzleHttp({ client: neon(scene.tokenUrl) })
      const ada = db.$withAuth(token)
      await ada.insert(notes).values({ body: 'a' })
      expect(await ada.select({ owner: notes.owner }).from(notes)).toEqual([{ owner: 'ada' }])
      await expect(db.batch([ada.select().from(notes)])).rejects.toMatchObject({
        code: '28000',
        hint: expect.stringMatching(/^token_missing: .*\$withAuth/),
      })
    })

    it('transaction() is not possible over HTTP, says Drizzle', async () => {
      await expect(connect().transaction(async () => 1)).rejects.toThrow('No transactions support')
    })
  })

  describe('neon-serverless with a password', () => {
    it('selects, and transactions that commit, roll back and nest', async () => {
      const db = connectWithPassword(scene.passwordUrl)
      await db.transaction(async (tx) => {
        await tx.update(things).set({ name: 'uno' }).where(eq(things.id, 1))
        await expect(
          tx.transaction(async (nested) => {
            await nested.delete(things)
            nested.rollback()
          }),
        ).rejects.toThrow('Rollback')
      })
      const failing = db.transaction(async (tx) => {
        await tx.delete(things)
        await tx.insert(things).values({ id: 1, name: null as never })
      })
      await expect(failing).rejects.toMatchObject({ cause: { code: '23502' } })
      expect(await db.select().from(things).orderBy(things.id)).toEqual([
        { id: 1, name: 'uno' },
        { id: 2, name: 'two' },
      ])
      const level = db.transaction(
        async (tx) => (await tx.execute(sql`select current_setting('transaction_isolation') as it`)).rows,
        { isolationLevel: 'serializable', accessMode: 'read only' },
      )
      expect(await level).toEqual([{ it: 'serializable' }])
      await db.$client.end()
    })
  })

  describe('migrations', () => {
    /** Migrations as drizzle-kit writes them, into a schema of their own. */
    function writeMigrations(name: string): { migrationsFolder: string; migrationsSchema: string } {
      const migrationsFolder = join(folder, name)
      mkdirSync(join(migrationsFolder, 'meta'), { recursive: true })
      const entries = [{ idx: 0, version: '7', when: 1_700_000_000_000, tag: '0000_first', breakpoints: true }]
      writeFileSync(
        join(migrationsFolder, 'meta', '_journal.json'),
        JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
      )
      const statements = [`create schema ${name}`, `create table ${name}.made (id int primary key)`]
      writeFileSync(join(migrationsFolder, '0000_first.sql'), statements.join(';\n--> statement-breakpoint\n'))
      return { migrationsFolder, migrationsSchema: `${name}_log` }
    }

    it.each(['over_http', 'over_websocket'] as const)('run %s with a password, once', async (name) => {
      const config = writeMigrations(name)
      const http = drizzleHttp({ client: neon(scene.passwordUrl) })
      const pool = connectWithPassword(scene.passwordUrl)
      const migrate = () => (name === 'over_http' ? migrateHttp(http, config) : migratePool(pool, config))
      await migrate()
      await migrate()
      const made = pgSchema(name).table('made', { id: integer() })
      expect(await http.select().from(made)).toEqual([])
      await pool.$client.end()
    })
  })
})
