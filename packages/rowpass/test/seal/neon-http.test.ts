import { type NeonQueryFunction, neon } from '@neondatabase/serverless'
import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/neon-http'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle as oldestDrizzle } from 'drizzle-orm-oldest/neon-http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sealed } from '../../src/seal/sealed.ts'
import { describePg } from '../support/pg.ts'
import { openSealScene, type SealScene } from './scene.ts'

const notes = pgTable('notes', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  owner: text().notNull().default(sql`auth.user_id()`),
  body: text().notNull(),
})

describePg('sealed over HTTP', () => {
  let scene: SealScene
  let plain: NeonQueryFunction<false, false>

  beforeAll(async () => {
    scene = await openSealScene()
    plain = neon(scene.neonUrl)
  })
  afterEach(() => scene.asOwner(`delete from notes where body not like 'of %'`))
  afterAll(() => scene.close())

  describe('Neon’s driver', () => {
    it('reads and writes as its identity', async () => {
      const ada = sealed(plain, scene.ada)
      expect(await ada`select owner, body from notes`).toEqual([{ owner: 'ada', body: 'of ada' }])
      expect(await ada`insert into notes (body) values (${'more'}) returning owner`).toEqual([{ owner: 'ada' }])
      expect(await sealed(plain, scene.bob).query('select body from notes where id > $1', [0])).toEqual([
        { body: 'of bob' },
      ])
      expect(await ada.query('select 1 as one', [], { arrayMode: true, fullResults: true })).toMatchObject({
        rows: [[1]],
        fields: [{ name: 'one' }],
        rowCount: 1,
      })
    })

    it('a transaction is one, with its options', async () => {
      const ada = sealed(plain, scene.ada)
      const [inserted, seen] = await ada.transaction([
        ada`insert into notes (body) values ('in it') returning body`,
        ada`select body from notes order by id`,
      ])
      expect([inserted, seen]).toEqual([[{ body: 'in it' }], [{ body: 'of ada' }, { body: 'in it' }]])
      const level = ada.transaction((tx) => [tx`select current_setting('transaction_isolation') as it`], {
        isolationLevel: 'Serializable',
        readOnly: true,
      })
      expect(await level).toEqual([[{ it: 'serializable' }]])
      await expect(ada.transaction([ada`insert into notes (body) values ('gone')`, ada`select 1/0`])).rejects.toThrow()
      expect(await ada`select body from notes where body = 'gone'`).toEqual([])
    })

    it('a constraint that is checked at the end of the transaction fails it', async () => {
      const ada = sealed(plain, scene.ada)
      await expect(ada`insert into notes (body) values ('of ada')`).rejects.toMatchObject({ code: '23505' })
    })

    it('SEC-43 without a seal there are no rows', async () => {
      await expect(plain`select * from notes`).rejects.toMatchObject({ code: '42501' })
      const [, rows] = await plain.transaction([plain`set local role authenticated`, plain`select * from notes`])
      expect(rows).toEqual([])
    })

    it('SEC-79 a session that was ended gets no answer, even to what asks nothing about the caller', async () => {
      const ada = sealed(plain, await scene.identityOf('ada', { sid: 'ended' }))
      expect(await ada`select 1 as one`).toEqual([{ one: 1 }])
      await scene.asOwner(`select rowpass.end_session('ended')`)
      await expect(ada`select 1`).rejects.toMatchObject({ code: '28000' })
    })
  })

  describe.each([
    ['this', drizzle],
    ['the oldest', oldestDrizzle as unknown as typeof drizzle],
  ])('Drizzle, %s version', (_version, connect) => {
    it('runs every kind of statement as its identity', async () => {
      const db = connect({ client: plain, schema: { notes } })
      const ada = sealed(db, scene.ada)
      const bob = sealed(db, scene.bob)
      expect(await ada.insert(notes).values({ body: 'x' }).returning({ owner: notes.owner })).toEqual([
        { owner: 'ada' },
      ])
      expect((await bob.update(notes).set({ body: 'y' }).where(eq(notes.body, 'x'))).rowCount).toBe(0)
      expect(await bob.query.notes.findMany({ columns: { body: true } })).toEqual([{ body: 'of bob' }])
      expect(await ada.$count(notes)).toBe(2)
      expect((await ada.execute(sql`select auth.user_id() as it, ${1}::int as one`)).rows).toEqual([
        { it: 'ada', one: 1 },
      ])
      expect((await ada.delete(notes).where(eq(notes.body, 'x'))).rowCount).toBe(1)
      await expect(db.select().from(notes)).rejects.toMatchObject({ cause: { code: '42501' } })
    })

    it('a batch is one transaction of its identity', async () => {
      const ada = sealed(connect({ client: plain, schema: { notes } }), scene.ada)
      const [, rows] = await ada.batch([
        ada.insert(notes).values({ body: 'a' }),
        ada.select({ body: notes.body }).from(notes).orderBy(notes.id),
      ])
      expect(rows).toEqual([{ body: 'of ada' }, { body: 'a' }])
      const failing = ada.batch([ada.insert(notes).values({ body: 'b' }), ada.execute(sql`select 1/0`)])
      await expect(failing).rejects.toMatchObject({ code: '22012' })
      expect(await ada.$count(notes)).toBe(2)
    })
  })
})
