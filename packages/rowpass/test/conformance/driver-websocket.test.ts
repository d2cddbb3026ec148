import { Client, neonConfig, Pool } from '@neondatabase/serverless'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { openScene, type Scene } from './scene.ts'
import { renameEverything } from './snippets/neon-pool.ts'

describePg('Pool and Client over WebSocket', () => {
  let scene: Scene
  let direct: pg.Client
  let pool: Pool

  beforeAll(async () => {
    scene = await openScene()
    direct = new pg.Client(scene.directUrl)
    await direct.connect()
    pool = new Pool({ connectionString: scene.passwordUrl })
  })
  afterEach(() => {
    neonConfig.pipelineConnect = 'password'
    neonConfig.coalesceWrites = true
  })
  afterAll(async () => {
    await pool.end()
    await direct.end()
    await scene.close()
  })

  describe.each([
    ['password', true],
    ['password', false],
    [false, true],
    [false, false],
  ] as const)('pipelineConnect %s, coalesceWrites %s', (pipelineConnect, coalesceWrites) => {
    it('a Client connects, asks and ends', async () => {
      Object.assign(neonConfig, { pipelineConnect, coalesceWrites })
      const client = new Client(scene.passwordUrl)
      await client.connect()
      expect((await client.query('select $1::int as one', [1])).rows).toEqual([{ one: 1 }])
      expect((await client.query('select $1::text as large', ['x'.repeat(200_000)])).rows[0].large).toHaveLength(
        200_000,
      )
      await client.end()
    })

    it.each([
      ['user', { username: 'nobody' }, '28P01', /^password authentication failed for user 'nobody'$/],
      ['password', { password: 'x' }, '28P01', /^password authentication failed for user 'rowpass_owner'$/],
      ['database', { pathname: '/elsewhere' }, '3D000', /^database "elsewhere" does not exist$/],
    ])('a wrong %s rejects with its SQLSTATE', async (_title, members, code, message) => {
      Object.assign(neonConfig, { pipelineConnect, coalesceWrites })
      const wrong = new Pool({ connectionString: Object.assign(new URL(scene.passwordUrl), members).href })
      wrong.on('error', () => {})
      await expect(wrong.query('select 1')).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
      await wrong.end()
    })
  })

  it('a transaction is open between statements, and one that fails has no effect', async () => {
    await renameEverything(
      scene.passwordUrl,
      new Map([
        [1, 'uno'],
        [2, 'due'],
      ]),
    )
    const names = async () => (await pool.query('select name from things order by id')).rows.map(({ name }) => name)
    expect(await names()).toEqual(['uno', 'due'])
    const failing = renameEverything(
      scene.passwordUrl,
      new Map([
        [1, 'eins'],
        [2, null as never],
      ]),
    )
    await expect(failing).rejects.toMatchObject({ code: '23502', column: 'name' })
    expect(await names()).toEqual(['uno', 'due'])
  })

  it('several statements, prepared ones, rows as arrays', async () => {
    const client = await pool.connect()
    const several = (await client.query('select 1 as a; select 2 as b')) as unknown as pg.QueryResult[]
    expect(several.map(({ rows }) => rows)).toEqual([[{ a: 1 }], [{ b: 2 }]])
    for (const value of [1, 2]) {
      expect((await client.query({ name: 'kept', text: 'select $1::int as n', values: [value] })).rows).toEqual([
        { n: value },
      ])
    }
    expect((await client.query({ text: 'select 1 as a, 2 as a', rowMode: 'array' })).rows).toEqual([[1, 2]])
    client.release()
  })

  it('queries at once, on several sessions', async () => {
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, n) => pool.query('select $1::int as n, pg_backend_pid() as pid', [n])),
    )
    expect(results.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    expect(new Set(results.map(({ rows }) => rows[0].pid)).size).toBeGreaterThan(1)
  })

  it('errors are those of node-postgres', async () => {
    const text = `do $$ begin raise exception 'no' using errcode = 'ABCDE', detail = 'd', hint = 'h', table = 't'; end $$`
    const expected = await direct.query(text).catch((error: unknown) => error as object)
    const error = await pool.query(text).catch((error: unknown) => error as object)
    expect({ ...error }).toEqual({ ...expected })
    expect(error).toMatchObject({ code: 'ABCDE', message: 'no', where: expect.stringContaining('PL/pgSQL') })
  })

  it('notices and notifications arrive', async () => {
    const client = await pool.connect()
    const notice = vi.fn()
    const notification = vi.fn()
    client.on('notice', notice)
    client.on('notification', notification)
    await client.query('listen news')
    await client.query(`do $$ begin raise notice 'hear'; end $$`)
    await direct.query(`notify news, 'read all about it'`)
    await waitUntil(() => notification.mock.calls.length === 1)
    expect(notice).toHaveBeenCalledWith(expect.objectContaining({ message: 'hear', severity: 'NOTICE' }))
    expect(notification).toHaveBeenCalledWith(
      expect.objectContaining({ channel: 'news', payload: 'read all about it' }),
    )
    client.release(true)
  })

  it('settings of the Client hold in its session', async () => {
    const client = new Client({
      connectionString: `${scene.passwordUrl}?application_name=mine&options=-c%20search_path%3Dauth`,
      statement_timeout: 50,
    })
    await client.connect()
    const { rows } = await client.query(`select current_setting('application_name') as name,
      current_setting('search_path') as path`)
    expect(rows).toEqual([{ name: 'mine', path: 'auth' }])
    await expect(client.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' })
    await client.end()
  })

  it('a session that the server ends is replaced by the pool', async () => {
    const own = new Pool({ connectionString: scene.passwordUrl, max: 1 })
    const failed = vi.fn()
    own.on('error', failed)
    const { rows } = await own.query('select pg_backend_pid() as pid')
    await direct.query('select pg_terminate_backend($1)', [rows[0].pid])
    await waitUntil(() => failed.mock.calls.length > 0)
    expect(failed.mock.calls[0]?.[0]).toMatchObject({ code: '57P01' })
    expect((await own.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await own.end()
  })
})
