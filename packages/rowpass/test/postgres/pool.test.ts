import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import type { RowpassEvent } from '../../src/events.ts'
import type { Flight, Work } from '../../src/postgres/flight.ts'
import { Pool, type PoolOptions } from '../../src/postgres/pool.ts'
import { waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const shape = { arrayMode: true, rawText: true }

/** Work of the login itself: what is tested here is how requests share connections, not as whom they run. */
function work(sql: string, params: string[] = [], over: Partial<Work> & { prepare?: boolean } = {}): Work {
  const { prepare = true, ...rest } = over
  return {
    identity: undefined,
    statements: [{ sql, params, prepare, shape }],
    begin: undefined,
    exclusive: false,
    reset: false,
    ...rest,
  }
}

describePg('the pool', () => {
  let database: TestDatabase
  let pool: Pool
  const events: RowpassEvent[] = []

  async function open(over: Partial<PoolOptions> = {}): Promise<void> {
    const url = new URL(database.gatewayUrl)
    pool = new Pool(
      {
        server: url,
        user: url.username,
        password: url.password,
        database: database.name,
        applicationName: 'rowpass test',
        connectTimeoutMs: 5_000,
        statementTimeoutMs: 10_000,
        lockTimeoutMs: 5_000,
        maxResponseBytes: 1_000_000,
        maxPreparedStatements: 100,
        size: 1,
        maxPipelineDepth: 8,
        maxQueued: 1_000,
        queueTimeoutMs: 5_000,
        slowLimit: 2,
        requestTimeoutMs: 10_000,
        ...over,
      },
      (event) => events.push(event),
    )
    await waitUntil(() => pool.open === (over.size ?? 1) && pool.inFlight === 0)
  }

  const fly = (one: Work, owner = 'ada'): Promise<Flight> => pool.run(one, { owner })

  /** The rows of a request that must succeed. */
  async function rows(sql: string, params: string[] = [], over: Parameters<typeof work>[2] = {}): Promise<unknown> {
    const flight = await fly(work(sql, params, over))
    if (flight.error !== undefined) throw new Error(JSON.stringify(flight.error))
    const [sink] = flight.sinks
    return sink === undefined ? undefined : JSON.parse(String(Buffer.concat(sink.finish() as Buffer[]))).rows
  }

  const asOwner = (sql: string) => withConnection(database.ownerUrl, (client) => client.query(sql))

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    await asOwner(
      'create table things (id int primary key, note text); grant select, insert on things to rowpass_gateway',
    )
  })
  afterEach(() => pool.close())
  afterAll(() => database.close())

  it('many requests share one connection, each with its own answer and its own error', async () => {
    await open()
    const flights = Array.from({ length: 200 }, (_, index) =>
      index % 10 === 3
        ? fly(work('select 1 / ($1::int - $1::int)', [String(index)]))
        : rows('select $1::int', [String(index)]),
    )
    const answers = await Promise.all(flights)
    for (const [index, answer] of answers.entries()) {
      if (index % 10 === 3) expect(answer).toMatchObject({ error: { kind: 'postgres', error: { code: '22012' } } })
      else expect(answer).toEqual([[String(index)]])
    }
  })

  it('the least recently used statement is closed, and a text can come back', async () => {
    await open({ maxPreparedStatements: 3 })
    for (const round of [1, 2]) {
      for (let index = 0; index < 10; index++)
        expect(await rows(`select ${index} + ${round}`)).toEqual([[String(index + round)]])
    }
    const [[count]] = (await rows(`select count(*) from pg_prepared_statements where name ~ '^s'`, [], {
      prepare: false,
    })) as [[string]]
    expect(Number(count)).toBeLessThanOrEqual(3)
  })

  it('a statement whose first text fails to parse can be sent again once it is right', async () => {
    await open()
    const query = 'select count(*) from later'
    const failed = await Promise.all([fly(work(query)), fly(work(query)), fly(work(query))])
    for (const { error } of failed) expect(error).toMatchObject({ error: { code: '42P01' } })
    await asOwner('create table later (); grant select on later to rowpass_gateway')
    expect(await rows(query)).toEqual([['0']])
  })

  it('a prepared statement outlives a change of its table', async () => {
    await open()
    await asOwner(
      'create table changing (a int); insert into changing values (7); grant select on changing to rowpass_gateway',
    )
    const query = 'select * from changing'
    expect(await rows(query)).toEqual([['7']])
    expect(await rows(query)).toEqual([['7']])
    await asOwner(`alter table changing add b text default 'new'`)
    expect(await Promise.all([rows(query), rows(query), rows(query)])).toEqual([
      [['7', 'new']],
      [['7', 'new']],
      [['7', 'new']],
    ])
    await asOwner('alter table changing alter a type text')
    expect(await rows(query)).toEqual([['7', 'new']])
  })

  it('an idle connection is taken before a busy one', async () => {
    await open({ size: 4 })
    const pids = await Promise.all([1, 2, 3].map(() => rows('select pg_backend_pid() from pg_sleep(0.05)')))
    expect(new Set(pids.map(String)).size).toBe(3)
  })

  it('nothing waits behind a slow request while another connection is free', async () => {
    await open({ size: 2 })
    const slow = rows('select pg_backend_pid() from pg_sleep(0.5)')
    const order: string[] = []
    void slow.then(() => order.push('slow'))
    for (let index = 0; index < 20; index++) await rows('select 1')
    order.push('fast')
    await slow
    expect(order).toEqual(['fast', 'slow'])
  })

  it('a request that wants a connection alone gets one although others never stop', async () => {
    await open({ size: 2 })
    let stop = false
    const steady = Array.from({ length: 12 }, async () => {
      while (!stop) await rows('select 1')
    })
    expect(await rows('select 2', [], { exclusive: true, reset: true })).toEqual([['2']])
    stop = true
    await Promise.all(steady)
  })

  it('a batch is one transaction: what it wrote is gone when its last statement fails', async () => {
    await open()
    const statements = [
      { sql: `insert into things values (1, 'kept')`, params: [], prepare: false, shape },
      { sql: 'select 1 / $1::int', params: ['0'], prepare: false, shape },
    ]
    const failed = await fly({
      identity: undefined,
      statements,
      begin: 'START TRANSACTION',
      exclusive: true,
      reset: false,
    })
    expect(failed.error).toMatchObject({ error: { code: '22012' } })
    expect(await rows('select count(*) from things')).toEqual([['0']])
    const done = await fly({
      identity: undefined,
      statements: statements.slice(0, 1),
      begin: 'START TRANSACTION',
      exclusive: true,
      reset: false,
    })
    expect(done.error).toBeUndefined()
    expect(await rows('select count(*) from things')).toEqual([['1']])
  })

  it('a transaction that was left open is ended before anybody else is served', async () => {
    await open()
    await fly(work('begin', [], { prepare: false, exclusive: true }))
    expect(
      await rows(`select current_setting('transaction_isolation'), pg_current_xact_id_if_assigned() is null`),
    ).toEqual([['read committed', 't']])
    expect(await rows(`select state from pg_stat_activity where pid = pg_backend_pid()`)).toEqual([['active']])
  })

  it('a full queue refuses at once, and the longest line makes room for a shorter one', async () => {
    await open({ maxPipelineDepth: 1, maxQueued: 3 })
    const running = rows('select pg_sleep(0.3)')
    const queued = [1, 2].map((n) => rows(`select ${n}`))
    const last = fly(work('select 3'))
    expect((await fly(work('select 4'))).error).toMatchObject({ code: 'overloaded' })
    const [eve] = (await Promise.all([fly(work('select 5'), 'eve'), running])) as [Flight, unknown]
    expect(eve.error).toBeUndefined()
    expect((await last).error).toMatchObject({ code: 'overloaded', detail: expect.stringContaining('identity') })
    expect(await Promise.all(queued)).toEqual([[['1']], [['2']]])
    expect(await rows('select 6')).toEqual([['6']])
  })

  it('a request that waits too long for a connection is refused', async () => {
    await open({ maxPipelineDepth: 1, queueTimeoutMs: 100 })
    const running = rows('select pg_sleep(0.6)')
    expect((await fly(work('select 1'))).error).toMatchObject({ kind: 'failure', code: 'overloaded' })
    await running
  })

  it('a connection that the server closes is replaced', async () => {
    await open({ size: 2 })
    const [[pid]] = (await rows('select pg_backend_pid()')) as [[string]]
    await withConnection(database.superuserUrl, (client) =>
      client.query('select pg_terminate_backend($1)', [Number(pid)]),
    )
    await waitUntil(() => events.some(({ type }) => type === 'connection_closed'))
    await waitUntil(() => pool.open === 2)
    expect(await rows('select 1')).toEqual([['1']])
  })

  it('a request over the time limit is cancelled, and its neighbours are answered', async () => {
    await open({ requestTimeoutMs: 200 })
    const neighbours = [1, 2, 3].map((n) => rows(`select ${n}, $1::int`, ['0']))
    const slow = fly(work('select pg_sleep(5)', [], { prepare: false, exclusive: true }))
    expect((await slow).error).toMatchObject({ kind: 'failure', code: 'timeout' })
    expect(await Promise.all(neighbours)).toEqual([[['1', '0']], [['2', '0']], [['3', '0']]])
    await waitUntil(() => pool.open === 1)
    expect(await rows('select 6')).toEqual([['6']])
  })

  it('closing waits for what is under way and leaves no connection', async () => {
    await open({ size: 3 })
    const last = rows('select 7 from pg_sleep(0.2)')
    await pool.close()
    expect(await last).toEqual([['7']])
    const client = new pg.Client(database.superuserUrl)
    await client.connect()
    await waitUntil(
      async () =>
        (await client.query(`select from pg_stat_activity where application_name = 'rowpass test'`)).rowCount === 0,
    )
    await client.end()
  })
})
