/** What becomes of requests whose connection breaks. */
import { EventEmitter, once } from 'node:events'
import { createServer, Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { openPool, type PoolStage } from './stage.ts'

/** Passes everything on, until it is told to break a connection or to hold back what the server says. */
interface Proxy {
  readonly url: string
  /** The next request is passed on, and its connection broken before any answer. */
  breakNext(): void
  hold(): void
  /** Resolves when something has been passed on to the server. */
  sent(): Promise<void>
  release(): void
  close(): void
}

async function startProxy(to: URL): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  const passedOn = new EventEmitter()
  let breaking = false
  let holding = false
  const server = createServer((client) => {
    const upstream = new Socket().connect(Number(to.port), to.hostname)
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.on('data', (bytes) => {
      upstream.write(bytes)
      passedOn.emit('bytes')
      if (!breaking) return
      breaking = false
      upstream.pause()
      // The server has time to do what it was asked.
      setTimeout(() => client.destroy(), 50)
    })
    const pass = (act: () => void): void => void (holding ? held.push(act) : act())
    upstream.on('data', (bytes) => pass(() => void client.write(bytes)))
    upstream.on('close', () => pass(() => client.destroy()))
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(to)
  const address = server.address()
  url.hostname = '127.0.0.1'
  url.port = String(typeof address === 'object' ? address?.port : '')
  return {
    url: url.href,
    breakNext() {
      breaking = true
    },
    hold() {
      holding = true
    },
    async sent() {
      await once(passedOn, 'bytes')
    },
    release() {
      holding = false
      for (const act of held.splice(0)) act()
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const insert = "insert into marks values ('made') returning mark"
const slowWrite = 'update marks set mark = mark from pg_sleep(0.3)'

describePg('a connection that breaks', () => {
  let database: TestDatabase
  let owner: pg.Client
  let superuser: pg.Client
  let proxy: Proxy
  let stage: PoolStage

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    owner = new pg.Client(database.ownerUrl)
    superuser = new pg.Client(database.superuserUrl)
    await Promise.all([owner.connect(), superuser.connect()])
    await owner.query('create table marks (mark text); grant select, insert, update on marks to rowpass_gateway')
    proxy = await startProxy(new URL(database.gatewayUrl))
    stage = await openPool({ ...database, gatewayUrl: proxy.url }, { size: 1 })
  })
  afterAll(async () => {
    await stage.pool.close()
    proxy.close()
    await Promise.all([owner.end(), superuser.end()])
    await database.close()
  })

  const marks = async () => (await owner.query('select count(*)::int as n from marks')).rows[0].n
  const terminate = () =>
    superuser.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rowpass stage' and datname = current_database()",
    )

  it('before the answer: a request that only reads is sent again', async () => {
    proxy.breakNext()
    expect((await stage.ask('ada', 'select 1', [], { readOnly: true })).error).toBeUndefined()
  })

  it('before the answer: a change may have been made, and the answer says so; it is not made twice', async () => {
    const before = await marks()
    proxy.breakNext()
    expect((await stage.ask('ada', insert)).error).toMatchObject({ kind: 'failure', code: 'outcome_unknown' })
    await waitUntil(async () => (await marks()) === before + 1)
    expect((await stage.ask('ada', 'select 1', [], { readOnly: true })).error).toBeUndefined()
    expect(await marks()).toBe(before + 1)
  })

  describe('because PostgreSQL ends the session', () => {
    it('a change that had not begun is sent again, and made once', async () => {
      const before = await marks()
      proxy.hold()
      await terminate()
      await waitUntil(
        async () =>
          (
            await superuser.query(
              "select from pg_stat_activity where application_name = 'rowpass stage' and datname = current_database()",
            )
          ).rowCount === 0,
      )
      const sent = proxy.sent()
      const asked = stage.ask('ada', insert)
      await sent
      proxy.release()
      expect((await asked).error).toBeUndefined()
      expect(await marks()).toBe(before + 1)
    })

    it('one that had been running for some time is not sent again, and was not made', async () => {
      await waitUntil(() => stage.pool.open === 1)
      const asked = stage.ask('ada', slowWrite)
      await new Promise((resolve) => setTimeout(resolve, 200))
      await terminate()
      expect((await asked).error).toMatchObject({ kind: 'failure', code: 'database_unavailable' })
    })
  })

  describe('that of a pgbouncer to the server', () => {
    let front: Proxy
    let pgbouncer: PgBouncer
    let pooled: PoolStage

    beforeAll(async () => {
      front = await startProxy(new URL(database.gatewayUrl))
      pgbouncer = await startPgBouncer({ ...database, gatewayUrl: front.url }, 1)
      const { gatewayUrl } = pgbouncer
      pooled = await openPool({ ...database, gatewayUrl }, { size: 1, maxPreparedStatements: 0 })
      // Before its first request a connection to the server is given the client's parameters.
      await pooled.ask('ada', 'select 1')
    })
    afterAll(async () => {
      await pooled.pool.close()
      await pgbouncer.close()
      front.close()
    })

    it('a request that only reads is sent again', async () => {
      front.breakNext()
      expect((await pooled.ask('ada', 'select 1', [], { readOnly: true })).error).toBeUndefined()
    })

    it('a change may have been made, as far as it can tell, and is not made twice', async () => {
      const before = await marks()
      front.breakNext()
      expect((await pooled.ask('ada', insert)).error).toMatchObject({ kind: 'failure', code: 'outcome_unknown' })
      await waitUntil(async () => (await marks()) === before + 1)
      expect((await pooled.ask('ada', 'select 1', [], { readOnly: true })).error).toBeUndefined()
      expect(await marks()).toBe(before + 1)
    })
  })
})
