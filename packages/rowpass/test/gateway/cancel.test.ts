/** Statements that must end early, and servers that do: clients that leave, time limits, backends that are killed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectHttp2, constants } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openForServer } from '../../../local/src/postgres/data-folder.ts'
import { startEmbeddedPostgres } from '../../../local/src/postgres/embedded.ts'
import { createLocalDatabase } from '../../../local/src/postgres/local-database.ts'
import { provision } from '../../src/database/provision.ts'
import type { Flight, Work } from '../../src/postgres/flight.ts'
import { Pool, type PoolOptions } from '../../src/postgres/pool.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import { startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

const setUp = `
  create function wait() returns text language plpgsql volatile as $$
    begin
      perform pg_advisory_xact_lock_shared(816);
      return 'waited';
    end $$;
  create function wait_for_ever() returns text language plpgsql volatile as $$
    begin
      loop
        begin
          perform pg_sleep(60);
        exception when query_canceled then
          null;
        end;
      end loop;
    end $$;
  create table marks (mark text not null);
  grant select, insert on marks to authenticated;
  grant execute on function wait(), wait_for_ever() to authenticated;
`

describePg('ending early', () => {
  let scene: Scene
  let holder: pg.Client

  beforeAll(async () => {
    scene = await startScene({ ROWPASS_POOL_SIZE: '1', ROWPASS_LOCK_TIMEOUT_MS: '20000' }, setUp)
    holder = new pg.Client(scene.database.superuserUrl)
    await holder.connect()
  })
  afterAll(async () => {
    await holder.end()
    await scene.close()
  })

  /** Runs `work` while every `wait()` waits. */
  async function holding(work: () => Promise<void>): Promise<void> {
    await holder.query('select pg_advisory_lock(816)')
    try {
      await work()
    } finally {
      await holder.query('select pg_advisory_unlock(816)')
    }
  }

  const waiting = async (): Promise<Record<string, unknown>[]> =>
    scene.asSuperuser(`select pid from pg_locks where locktype = 'advisory' and objid = 816 and not granted
      and database = (select oid from pg_database where datname = current_database())`)
  const untilWaiting = (): Promise<void> => waitUntil(async () => (await waiting()).length === 1)
  const marks = async (like: string) => scene.asSuperuser(`select mark from marks where mark like '${like}%'`)

  describe('when the client goes away', () => {
    const body = (mark: string) => JSON.stringify({ query: `insert into marks select '${mark}' || wait()` })
    const headers = (token: string) => ({
      authorization: `Bearer ${token}`,
      'neon-connection-string': scene.gateway.connectionString,
    })

    const ways: [title: string, leave: (mark: string) => Promise<() => Promise<unknown>>][] = [
      [
        'an HTTP/1.1 connection is closed',
        async (mark) => {
          const controller = new AbortController()
          const gone = fetch(scene.gateway.url, {
            method: 'POST',
            body: body(mark),
            headers: headers(scene.ada),
            signal: controller.signal,
          })
          gone.catch(() => {})
          return async () => controller.abort()
        },
      ],
      [
        'an HTTP/2 stream is reset',
        async (mark) => {
          const session = connectHttp2(new URL(scene.gateway.url).origin)
          const stream = session.request({ ':method': 'POST', ':path': '/sql', ...headers(scene.ada) })
          stream.on('error', () => {})
          stream.end(body(mark))
          return async () => {
            stream.close(constants.NGHTTP2_CANCEL)
            session.close()
          }
        },
      ],
      [
        'an HTTP/2 connection is destroyed',
        async (mark) => {
          const session = connectHttp2(new URL(scene.gateway.url).origin)
          session.on('error', () => {})
          const stream = session.request({ ':method': 'POST', ':path': '/sql', ...headers(scene.ada) })
          stream.on('error', () => {})
          stream.end(body(mark))
          return async () => session.destroy()
        },
      ],
      [
        'a Request is aborted in the same process',
        async (mark) => {
          const controller = new AbortController()
          const request = new Request('http://in-process/sql', {
            method: 'POST',
            body: body(mark),
            headers: headers(scene.ada),
            signal: controller.signal,
          })
          void scene.gateway.gateway.fetch(request)
          return async () => controller.abort()
        },
      ],
    ]
    it.each(ways)('%s: its statement ends, its INSERT did not happen, the connection serves on', async (_, start) => {
      await holding(async () => {
        const leave = await start('gone ')
        await untilWaiting()
        const [{ pid } = {}] = await waiting()
        await leave()
        await waitUntil(async () => (await waiting()).length === 0)
        const answer = await scene.gateway.sql(scene.bob, 'select auth.user_id() as id, pg_backend_pid()::text as pid')
        expect(answer.body.rows).toEqual([{ id: 'bob', pid: String(pid) }])
      })
      expect(await marks('gone ')).toEqual([])
    })
  })

  describe('when time is over', () => {
    let gateway: TestGateway
    let ada: string

    beforeAll(async () => {
      gateway = await startTestGateway(scene.database, {
        ROWPASS_POOL_SIZE: '1',
        ROWPASS_REQUEST_TIMEOUT_MS: '300',
        ROWPASS_LOCK_TIMEOUT_MS: '20000',
      })
      ada = await gateway.issuer.token('ada')
    })
    afterAll(() => gateway.close())

    const timeout = { code: '57014', hint: expect.stringMatching(/^timeout: /) }

    it('SEC-44 a request is cancelled, whatever its statements have set, and nothing of it remains', async () => {
      await holding(async () => {
        const { status, body } = await gateway.batch(ada, [
          `select set_any('statement_timeout', '0', false), set_any('lock_timeout', '0', false)`,
          `insert into marks values ('late')`,
          'select wait()',
        ])
        expect({ status, ...body }).toMatchObject({ status: 400, ...timeout })
      })
      expect(await marks('late')).toEqual([])
      expect((await gateway.sql(ada, `select current_setting('statement_timeout') as t`)).body.rows).toEqual([
        { t: '15s' },
      ])
    })

    it('SEC-44 a statement that ignores the cancel request loses its connection, and ends', async () => {
      const { body } = await gateway.sql(ada, 'select wait_for_ever()')
      expect(body).toMatchObject({ code: '08007', hint: expect.stringMatching(/^outcome_unknown: /) })
      expect(gateway.events.filter(({ type }) => type === 'statement_stuck')).toEqual([
        {
          type: 'statement_stuck',
          requestId: expect.any(String),
          iss: gateway.issuer.iss,
          sub: 'ada',
          backendPid: expect.any(Number),
        },
      ])
      const bob = await gateway.issuer.token('bob')
      expect((await gateway.sql(bob, 'select auth.user_id() as id')).body.rows).toEqual([{ id: 'bob' }])
      // Nobody has to end it: the backend sees that its client is gone, which no handler of exceptions can hide from it.
      await waitUntil(() => gateway.events.some(({ type }) => type === 'backend_ended'))
      expect((await gateway.sql(ada, 'select auth.user_id() as id')).body.rows).toEqual([{ id: 'ada' }])
    })
  })

  describe('in a pool', () => {
    let pool: Pool

    beforeAll(async () => {
      await scene.asOwner(`create table seats (id int primary key, taken int default 0);
        insert into seats values (1), (2), (3), (4); grant select, update on seats to rowpass_gateway`)
    })

    async function open(over: Partial<PoolOptions> = {}): Promise<void> {
      const url = new URL(scene.database.gatewayUrl)
      pool = new Pool({
        server: url,
        user: url.username,
        password: url.password,
        database: scene.database.name,
        applicationName: 'rowpass test',
        connectTimeoutMs: 5_000,
        statementTimeoutMs: 20_000,
        lockTimeoutMs: 20_000,
        maxResponseBytes: 1_000_000,
        maxPreparedStatements: 100,
        size: 1,
        maxPipelineDepth: 8,
        maxQueued: 100,
        queueTimeoutMs: 20_000,
        slowLimit: 2,
        requestTimeoutMs: 20_000,
        ...over,
      })
      await waitUntil(() => pool.open === 1)
      // Often enough that the text is known to be quick, and shares its connection.
      for (let count = 0; count < 20; count++) await take(4).flight
    }

    function take(id: number): { flight: Promise<Flight>; abort(): void } {
      const work: Work = {
        identity: undefined,
        statements: [
          {
            sql: 'update seats set taken = taken + 1 where id = $1',
            params: [String(id)],
            prepare: true,
            shape: { arrayMode: true, rawText: true },
          },
        ],
        begin: undefined,
        exclusive: false,
        reset: false,
      }
      const client = new AbortController()
      const flight = pool.run(work, { owner: `owner ${id}`, signal: client.signal })
      return { flight, abort: () => client.abort() }
    }

    const taken = async () =>
      (await scene.asOwner('select taken from seats order by id limit 3')).map((row) => row.taken)
    const blocked = async () => {
      const rows = await scene.asSuperuser(
        `select pid from pg_stat_activity where application_name = 'rowpass test' and wait_event_type = 'Lock'
           and datname = current_database()`,
      )
      return rows[0]?.pid
    }
    const untilBlocked = () => waitUntil(async () => (await blocked()) !== undefined)

    it('a request that still waits for a connection leaves the queue and never runs', async () => {
      await open({ maxPipelineDepth: 1 })
      await holder.query('begin; select from seats for update')
      const [first, gone, last] = [take(1), take(2), take(3)]
      await untilBlocked()
      expect(pool.queued).toBe(2)
      gone.abort()
      expect(await gone.flight).toMatchObject({ error: { code: 'timeout' } })
      expect(pool.queued).toBe(1)
      await holder.query('rollback')
      for (const { flight } of [first, last]) expect((await flight).error).toBeUndefined()
      expect(await taken()).toEqual([1, 0, 1])
      await pool.close()
    })

    it('a request whose client has gone before never runs', async () => {
      await open()
      const before = await taken()
      const work = { identity: undefined, begin: undefined, exclusive: false, reset: false }
      const shape = { arrayMode: true, rawText: true }
      const sql = 'update seats set taken = taken + 1'
      const flight = await pool.run(
        { ...work, statements: [{ sql, params: [], prepare: false, shape }] },
        { owner: 'gone', signal: AbortSignal.abort() },
      )
      expect(flight.error).toMatchObject({ code: 'timeout' })
      await pool.close()
      expect(await taken()).toEqual(before)
    })

    it('the neighbours of a cancelled request are answered, even one that a cancel request has struck', async () => {
      await open()
      await holder.query('begin; select from seats for update')
      const [cancelled, struck, last] = [take(1), take(2), take(3)]
      expect(pool.inFlight).toBe(3)
      await untilBlocked()
      cancelled.abort()
      expect(await cancelled.flight).toMatchObject({ cancelled: true, error: { error: { code: '57014' } } })
      await untilBlocked()
      // As if the request meant for its neighbour had come too late.
      await scene.asSuperuser(`select pg_cancel_backend(${await blocked()})`)
      await waitUntil(() => pool.inFlight === 1 && pool.queued === 1)
      await holder.query('rollback')
      for (const { flight } of [struck, last]) expect((await flight).error).toBeUndefined()
      expect(await taken()).toEqual([1, 1, 2])
      await pool.close()
    })
  })

  describe('when the server ends sessions', () => {
    it('under load, each request is answered or refused, none runs twice, and the pool recovers', async () => {
      const gateway = await startTestGateway(scene.database, {
        ROWPASS_POOL_SIZE: '3',
        ROWPASS_QUEUE_TIMEOUT_MS: '20000',
      })
      const token = await gateway.issuer.token('ada')
      const total = 600
      const answered: string[] = []
      let next = 0
      let kills = 0
      const worker = async (): Promise<void> => {
        while (next < total) {
          const mark = `kept ${next++}`
          const { body } =
            next % 5 === 0
              ? await gateway.batch(token, [{ query: 'insert into marks values ($1)', params: [mark] }, 'select 1'])
              : await gateway.sql(token, 'insert into marks values ($1)', [mark])
          if (body.rows !== undefined || body.results !== undefined) answered.push(mark)
          else expect(body.hint).toMatch(/^(database_unavailable|outcome_unknown): /)
        }
      }
      const killer = async (): Promise<void> => {
        while (next < total) {
          const killed = await scene.asSuperuser(
            `select pg_terminate_backend(pid) from pg_stat_activity
              where usename = 'rowpass_gateway' and datname = current_database() order by random() limit 2`,
          )
          kills += killed.length
        }
      }
      await Promise.all([...Array.from({ length: 12 }, worker), killer()])
      expect(kills).toBeGreaterThan(2)
      expect(answered.length).toBeGreaterThan(0)
      const kept = (await marks('kept ')).map(({ mark }) => mark)
      expect(new Set(kept).size).toBe(kept.length)
      expect(answered.filter((mark) => !kept.includes(mark))).toEqual([])
      await waitUntil(async () => (await gateway.sql(token, 'select 1 as one')).status === 200)
      await gateway.close()
    })

    it('closing ends although the session that it waits for is killed', async () => {
      const gateway = await startTestGateway(scene.database, {
        ROWPASS_POOL_SIZE: '1',
        ROWPASS_LOCK_TIMEOUT_MS: '20000',
      })
      const token = await gateway.issuer.token('ada')
      await holding(async () => {
        const answer = gateway.sql(token, 'select wait()')
        await untilWaiting()
        const [{ pid } = {}] = await waiting()
        const closed = gateway.close()
        await scene.asSuperuser(`select pg_terminate_backend(${pid})`)
        expect((await answer).body).toMatchObject({ code: '08006' })
        await closed
      })
    })
  })
})

describe('when PostgreSQL is restarted', () => {
  it('requests are refused while it is gone, and served again by themselves', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rowpass-restart-'))
    openForServer(directory)
    let server = await startEmbeddedPostgres({ directory, durable: false })
    const ownerUrl = await createLocalDatabase(server.superuserUrl, 'owner-of-a-throw-away-database')
    const login = new URL(ownerUrl)
    login.username = 'rowpass_gateway'
    login.password = 'gateway-of-a-throw-away-database'
    await provision({ ownerUrl, gatewayUrl: login.href, sealKeys: parseSealKeys(sealKeysText) })
    const database = { name: 'rowpass', gatewayUrl: login.href } as TestDatabase
    const gateway = await startTestGateway(database, { ROWPASS_POOL_SIZE: '2', ROWPASS_QUEUE_TIMEOUT_MS: '300' })
    const token = await gateway.issuer.token('ada')
    const ask = async () => (await gateway.sql(token, 'select auth.user_id() as id')).body

    expect(await ask()).toMatchObject({ rows: [{ id: 'ada' }] })
    await server.stop()
    await waitUntil(() => !gateway.gateway.ready())
    expect(await ask()).toMatchObject({ code: '08006', hint: expect.stringMatching(/^database_unavailable: /) })
    expect((await fetch(new URL('/readyz', gateway.url))).status).toBe(503)
    expect((await fetch(new URL('/healthz', gateway.url))).status).toBe(200)
    server = await startEmbeddedPostgres({ directory, durable: false })
    await waitUntil(() => gateway.gateway.ready(), 15_000)
    expect(await ask()).toMatchObject({ rows: [{ id: 'ada' }] })

    await gateway.close()
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  })
})
