import { Client as NeonClient, Pool as NeonPool } from '@neondatabase/serverless'
import { eq, sql } from 'drizzle-orm'
import { drizzle as drizzleServerless } from 'drizzle-orm/neon-serverless'
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js'
import { type Generated, Kysely, sql as kyselySql, PostgresDialect } from 'kysely'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sealed } from '../../src/seal/sealed.ts'
import { describePg } from '../support/pg.ts'
import { pgbouncerProgram, startPgBouncer } from '../support/pgbouncer.ts'
import { openSealScene, type SealScene } from './scene.ts'

const notes = pgTable('notes', {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  owner: text().notNull().default(sql`auth.user_id()`),
  body: text().notNull(),
})

interface Tables {
  notes: { id: Generated<number>; owner: Generated<string>; body: string }
}

const all = 'select owner, body from notes order by id'
const adas = [{ owner: 'ada', body: 'of ada' }]

describePg('sealed over connections', () => {
  let scene: SealScene

  beforeAll(async () => {
    scene = await openSealScene()
  })
  afterEach(() => scene.asOwner(`delete from notes where body not like 'of %'`))
  afterAll(() => scene.close())

  // One connection, so that whatever is left in it is found.
  const pools: Record<string, () => pg.Pool> = {
    'node-postgres': () => new pg.Pool({ connectionString: scene.url, max: 1 }),
    'Neon’s driver': () => new NeonPool({ connectionString: scene.neonUrl, max: 1 }) as unknown as pg.Pool,
  }

  describe.each(Object.keys(pools))('the pool of %s', (name) => {
    let pool: pg.Pool
    beforeAll(() => {
      pool = pools[name]?.() as pg.Pool
    })
    afterAll(() => pool.end())

    it('reads and writes as its identity, and gives nothing to whoever comes next without', async () => {
      const ada = sealed(pool, scene.ada)
      expect((await ada.query(all)).rows).toEqual(adas)
      expect((await ada.query('insert into notes (body) values ($1) returning owner', ['x'])).rows).toEqual([
        { owner: 'ada' },
      ])
      expect((await sealed(pool, scene.bob).query({ text: all, rowMode: 'array' })).rows).toEqual([['bob', 'of bob']])
      await expect(pool.query(all)).rejects.toMatchObject({ code: '42501' })
      await pool.query('set role authenticated')
      expect((await pool.query(all)).rows).toEqual([])
      await pool.query('reset role')
    })

    it('a transaction of the caller is one, with savepoints in it', async () => {
      const client = await sealed(pool, scene.ada).connect()
      try {
        expect(await client.query('/* mine */ BEGIN ISOLATION LEVEL REPEATABLE READ')).toMatchObject({
          command: 'BEGIN',
        })
        expect((await client.query('show transaction_isolation')).rows).toEqual([
          { transaction_isolation: 'repeatable read' },
        ])
        await client.query(`insert into notes (body) values ('kept')`)
        await client.query('savepoint one')
        await client.query(`insert into notes (body) values ('undone')`)
        await client.query('rollback to savepoint one')
        expect((await client.query(all)).rows).toEqual([...adas, { owner: 'ada', body: 'kept' }])
        expect(await client.query('commit')).toMatchObject({ command: 'COMMIT' })
        await client.query('begin')
        await client.query('delete from notes')
        await client.query('ROLLBACK')
        expect((await client.query(all)).rowCount).toBe(2)
      } finally {
        client.release()
      }
      expect((await sealed(pool, scene.bob).query(all)).rowCount).toBe(1)
    })

    it('a transaction may set its isolation level before all else', async () => {
      const client = await sealed(pool, scene.ada).connect()
      await client.query('begin')
      await client.query('set transaction isolation level serializable')
      expect(
        (await client.query(`select current_setting('transaction_isolation') as it, auth.user_id() as who`)).rows,
      ).toEqual([{ it: 'serializable', who: 'ada' }])
      await client.query('commit')
      client.release()
    })

    it('a transaction that was not ended is undone, and leaves nothing', async () => {
      const client = await sealed(pool, scene.ada).connect()
      await client.query('begin')
      await client.query(`insert into notes (body) values ('forgotten')`)
      client.release()
      expect((await sealed(pool, scene.ada).query(all)).rows).toEqual(adas)
      await expect(pool.query(all)).rejects.toMatchObject({ code: '42501' })
    })

    it('an error undoes what it is in, also one at the end of the transaction', async () => {
      const ada = sealed(pool, scene.ada)
      await expect(ada.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
      await expect(ada.query(`insert into notes (body) values ('of ada')`)).rejects.toMatchObject({ code: '23505' })
      const client = await ada.connect()
      await client.query('begin')
      await client.query(`insert into notes (body) values ('of ada')`)
      await expect(client.query('commit')).rejects.toMatchObject({ code: '23505' })
      client.release()
      expect((await ada.query(all)).rows).toEqual(adas)
    })

    it('SEC-42 SEC-83 what a statement leaves in the session is not there for the next', async () => {
      const ada = sealed(pool, scene.ada)
      const { claims, seal } = scene.ada.session
      await ada.query(`select set_config('rowpass.claims', $1, false), set_config('rowpass.seal', $2, false)`, [
        claims,
        seal,
      ])
      await ada.query(`select set_config('role', 'authenticated', false), set_config('search_path', 'evil', false)`)
      await ada.query('select pg_advisory_lock(83)')
      await expect(pool.query(all)).rejects.toMatchObject({ code: '42501' })
      const [locks] = (
        await pool.query(
          `select count(*)::int as n from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`,
        )
      ).rows
      expect(locks).toEqual({ n: 0 })
      expect((await sealed(pool, scene.bob).query(all)).rows).toEqual([{ owner: 'bob', body: 'of bob' }])
    })

    it('SEC-83 a text is one statement, and no statement has a name', async () => {
      const ada = sealed(pool, scene.ada)
      await expect(ada.query('select 1; commit; select 2')).rejects.toMatchObject({ code: '42601' })
      await pool.query(`prepare app as select 'evil' as body`)
      expect((await ada.query({ name: 'app', text: 'select body from notes' })).rows).toEqual([{ body: 'of ada' }])
      await pool.query('deallocate app')
    })

    it('concurrent queries of one connection keep their order', async () => {
      const client = await sealed(pool, scene.ada).connect()
      const results = await Promise.all([1, 2, 3].map((n) => client.query('select $1::int as n', [n])))
      client.release()
      expect(results.map(({ rows }) => rows[0].n)).toEqual([1, 2, 3])
    })
  })

  it.each([
    ['node-postgres', () => new pg.Client(scene.url)],
    ['Neon’s driver', () => new NeonClient(scene.neonUrl) as unknown as pg.Client],
  ])('a single client of %s is sealed as well', async (_name, connect) => {
    const client = connect()
    await client.connect()
    expect((await sealed(client, scene.ada).query(all)).rows).toEqual(adas)
    await expect(client.query(all)).rejects.toMatchObject({ code: '42501' })
    await client.end()
  })

  it.each([
    [
      'node-postgres',
      () => drizzlePg({ client: new pg.Pool({ connectionString: scene.url, max: 1 }), schema: { notes } }),
    ],
    [
      'neon-serverless',
      () =>
        drizzleServerless({
          client: new NeonPool({ connectionString: scene.neonUrl, max: 1 }),
          schema: { notes },
        }) as unknown as ReturnType<typeof drizzlePg<{ notes: typeof notes }, pg.Pool>>,
    ],
    [
      'postgres-js',
      () =>
        drizzlePostgresJs({
          client: postgres(scene.url, { max: 1, onnotice: () => undefined }),
          schema: { notes },
        }) as unknown as ReturnType<typeof drizzlePg<{ notes: typeof notes }, pg.Pool>>,
    ],
  ])('Drizzle over %s reads, writes and nests transactions as its identity', async (_name, connect) => {
    const db = connect()
    const ada = sealed(db, scene.ada)
    expect(await ada.insert(notes).values({ body: 'x' }).returning({ owner: notes.owner })).toEqual([{ owner: 'ada' }])
    expect(await sealed(db, scene.bob).query.notes.findMany({ columns: { body: true } })).toEqual([{ body: 'of bob' }])
    await ada.transaction(
      async (tx) => {
        await tx.update(notes).set({ body: 'y' }).where(eq(notes.body, 'x'))
        await expect(
          tx.transaction(async (nested) => {
            await nested.delete(notes)
            nested.rollback()
          }),
        ).rejects.toThrow('Rollback')
        expect(await tx.$count(notes)).toBe(2)
      },
      { isolationLevel: 'serializable' },
    )
    const failing = ada.transaction(async (tx) => {
      await tx.delete(notes)
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    expect(await ada.select({ body: notes.body }).from(notes).orderBy(notes.id)).toEqual([
      { body: 'of ada' },
      { body: 'y' },
    ])
    await expect(db.select().from(notes)).rejects.toMatchObject({ cause: { code: '42501' } })
    await (db.$client as { end(): Promise<void> }).end()
  })

  describe('what node-postgres is given in place of a text', () => {
    const bodies = `select body, auth.user_id() as who from notes, generate_series(1, 5) order by id`
    let pool: pg.Pool
    beforeAll(() => {
      pool = new pg.Pool({ connectionString: scene.url, max: 1 })
    })
    afterAll(() => pool.end())

    const inTransaction = async <T>(identity: SealScene['ada'], work: (client: pg.PoolClient) => Promise<T>) => {
      const client = await sealed(pool, identity).connect()
      try {
        await client.query('begin')
        const result = await work(client)
        await client.query('commit')
        return result
      } finally {
        client.release()
      }
    }

    it('a cursor reads as its identity, row by row, and leaves nothing', async () => {
      const read = (identity: SealScene['ada']) =>
        inTransaction(identity, async (client) => {
          const cursor = client.query(new Cursor<{ body: string; who: string }>(bodies))
          const [first, rest, none] = [await cursor.read(2), await cursor.read(10), await cursor.read(1)]
          await cursor.close()
          return [first, rest, none]
        })
      const row = { body: 'of ada', who: 'ada' }
      expect(await read(scene.ada)).toEqual([[row, row], [row, row, row], []])
      expect((await read(scene.bob)).flat()).toEqual(Array(5).fill({ body: 'of bob', who: 'bob' }))
      await expect(pool.query(all)).rejects.toMatchObject({ code: '42501' })
    })

    it('a cursor that is closed before its end lets the transaction go on', async () => {
      const counted = await inTransaction(scene.ada, async (client) => {
        const cursor = client.query(new Cursor(bodies))
        expect(await cursor.read(1)).toHaveLength(1)
        await cursor.close()
        await client.query(`insert into notes (body) values ('behind a cursor')`)
        return (await client.query('select from notes')).rowCount
      })
      expect(counted).toBe(2)
    })

    it('a cursor that fails says why, and so does all that comes after it in the transaction', async () => {
      const client = await sealed(pool, scene.ada).connect()
      await client.query('begin')
      const cursor = client.query(new Cursor('select 1/(n - 3) from generate_series(1, 5) n'))
      await expect(cursor.read(5)).rejects.toMatchObject({ code: '22012' })
      await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' })
      client.release()
      expect((await sealed(pool, scene.ada).query(all)).rows).toEqual(adas)
    })

    it('a stream gives its rows as its identity', async () => {
      const read = (identity: SealScene['ada']) =>
        inTransaction(identity, async (client) => {
          const rows: unknown[] = []
          for await (const row of client.query(new QueryStream(bodies, [], { batchSize: 2 }))) rows.push(row)
          return rows
        })
      expect(await read(scene.ada)).toEqual(Array(5).fill({ body: 'of ada', who: 'ada' }))
      expect(await read(scene.bob)).toEqual(Array(5).fill({ body: 'of bob', who: 'bob' }))
    })

    it('a stream that is left early lets the next one have the connection', async () => {
      await inTransaction(scene.ada, async (client) => {
        for await (const row of client.query(new QueryStream(bodies, [], { batchSize: 1 }))) {
          expect(row).toEqual({ body: 'of ada', who: 'ada' })
          break
        }
      })
      expect((await sealed(pool, scene.bob).query(all)).rows).toEqual([{ owner: 'bob', body: 'of bob' }])
    })

    it('a query of its own calls back as its identity, and SEC-83 is one statement', async () => {
      const ask = (client: pg.PoolClient, text: string) =>
        new Promise<unknown[]>((resolve, reject) => {
          client.query(new pg.Query(text, [], (error, result) => (error ? reject(error) : resolve(result.rows))))
        })
      await inTransaction(scene.ada, async (client) => expect(await ask(client, all)).toEqual(adas))
      const client = await sealed(pool, scene.ada).connect()
      await client.query('begin')
      await expect(ask(client, 'select 1; commit; select 2')).rejects.toMatchObject({ code: '42601' })
      client.release()
    })

    it('nothing that is read step by step runs outside of a transaction', async () => {
      const client = await sealed(pool, scene.ada).connect()
      for (const given of [new Cursor(bodies), new QueryStream(bodies), new pg.Query(all)]) {
        expect(() => client.query(given)).toThrow('a cursor or a stream needs a transaction')
      }
      client.release()
    })
  })

  it('Kysely over a sealed pool reads, writes and runs transactions as its identity', async () => {
    const pool = new pg.Pool({ connectionString: scene.url, max: 1 })
    const connect = (identity: SealScene['ada']) =>
      new Kysely<Tables>({ dialect: new PostgresDialect({ pool: sealed(pool, identity) }) })
    const ada = connect(scene.ada)
    await ada.transaction().execute(async (tx) => {
      await tx.insertInto('notes').values({ body: 'x' }).execute()
      const controlled = await kyselySql<{ it: string }>`select auth.user_id() as it`.execute(tx)
      expect(controlled.rows).toEqual([{ it: 'ada' }])
    })
    const failing = ada.transaction().execute(async (tx) => {
      await tx.deleteFrom('notes').execute()
      throw new Error('mine')
    })
    await expect(failing).rejects.toThrow('mine')
    expect(await ada.selectFrom('notes').select('body').orderBy('id').execute()).toEqual([
      { body: 'of ada' },
      { body: 'x' },
    ])
    expect(await connect(scene.bob).selectFrom('notes').select('body').execute()).toEqual([{ body: 'of bob' }])
    await pool.end()
  })

  describe('postgres.js', () => {
    let plain: postgres.Sql
    beforeAll(() => {
      plain = postgres(scene.url, { max: 1, onnotice: () => undefined })
    })
    afterAll(() => plain.end())

    it('reads and writes as its identity, in every form of a query', async () => {
      const ada = sealed(plain, scene.ada)
      expect([...(await ada`select owner, body from notes order by id`)]).toEqual(adas)
      const inserted = await ada`insert into notes ${ada({ body: 'x' })} returning ${ada('owner')}`
      expect([...inserted]).toEqual([{ owner: 'ada' }])
      const mine = ada`where body = ${'x'}`
      expect(await ada`select body from notes ${mine}`.values()).toEqual([['x']])
      expect([...(await sealed(plain, scene.bob).unsafe('select body from notes where id > $1', [0]))]).toEqual([
        { body: 'of bob' },
      ])
      const seen: unknown[] = []
      await ada`select body from notes order by id`.forEach((row) => void seen.push(row.body))
      expect(seen).toEqual(['of ada', 'x'])
      await expect(plain`select * from notes`).rejects.toMatchObject({ code: '42501' })
    })

    it('begin is one transaction, with savepoints, cursors and options', async () => {
      const ada = sealed(plain, scene.ada)
      const bodies = await ada.begin('isolation level repeatable read', async (tx) => {
        await expect(
          tx.savepoint(async (nested) => {
            await nested`select 1/0`
          }),
        ).rejects.toMatchObject({ code: '22012' })
        await tx`insert into notes (body) values ('kept')`
        await expect(
          tx.savepoint(async (nested) => {
            await nested`delete from notes`
            throw new Error('mine')
          }),
        ).rejects.toThrow('mine')
        const found: string[] = []
        for await (const [row] of tx`select body from notes order by id`.cursor(1)) found.push(row?.body)
        return found
      })
      expect(bodies).toEqual(['of ada', 'kept'])
      expect((await ada.begin((tx) => [tx`select 1 as one`, tx`select auth.user_id() as it`]))[1]?.[0]).toEqual({
        it: 'ada',
      })
      await expect(ada.begin((tx) => tx`insert into notes (body) values ('of ada')`)).rejects.toMatchObject({
        code: '23505',
      })
    })

    it('SEC-42 SEC-83 what a statement leaves in the session is not there for the next', async () => {
      const ada = sealed(plain, scene.ada)
      const { claims, seal } = scene.ada.session
      await ada`select set_config('rowpass.claims', ${claims}, false), set_config('rowpass.seal', ${seal}, false)`
      await ada`select set_config('role', 'authenticated', false), pg_advisory_lock(83)`
      await expect(plain`select * from notes`).rejects.toMatchObject({ code: '42501' })
      await expect(ada.unsafe('select 1; commit')).rejects.toMatchObject({ code: '42601' })
      await expect(ada`select 1/0`).rejects.toMatchObject({ code: '22012' })
      expect([...(await sealed(plain, scene.bob)`select body from notes`)]).toEqual([{ body: 'of bob' }])
    })

    it('what cannot be sealed is refused', async () => {
      const ada = sealed(plain, scene.ada)
      expect(() => ada.reserve()).toThrow('cannot be sealed')
      expect(() => ada.listen('x', () => undefined)).toThrow('cannot be sealed')
      const read = async () => {
        for await (const _ of ada`select 1`.cursor(1)) return
      }
      await expect(read()).rejects.toThrow('use begin()')
    })
  })

  it.skipIf(pgbouncerProgram === undefined)(
    'SEC-46 behind a pooler in transaction mode, with one server for all, each has their own identity',
    async () => {
      const bouncer = await startPgBouncer(scene.database, 1)
      const pool = new pg.Pool({ connectionString: bouncer.gatewayUrl, max: 4 })
      const sqlOf = postgres(bouncer.gatewayUrl, { max: 4, prepare: false, onnotice: () => undefined })
      try {
        const bodies = await Promise.all(
          Array.from({ length: 40 }, async (_, index) => {
            const [identity, expected] = index % 2 === 0 ? [scene.ada, 'of ada'] : [scene.bob, 'of bob']
            const rows =
              index % 4 < 2
                ? (await sealed(pool, identity).query('select body from notes')).rows
                : [...(await sealed(sqlOf, identity)`select body from notes`)]
            return rows.length === 1 && rows[0].body === expected
          }),
        )
        expect(bodies).not.toContain(false)
        await expect(pool.query(all)).rejects.toMatchObject({ code: '42501' })
      } finally {
        await pool.end()
        await sqlOf.end()
        await bouncer.close()
      }
    },
  )

  it('anything else is refused', () => {
    expect(() => sealed({}, scene.ada)).toThrow(expect.objectContaining({ code: 'option_invalid' }))
  })
})
