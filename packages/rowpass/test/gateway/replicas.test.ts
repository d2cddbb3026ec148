/** A gateway that reads from two replicas, which are paused, frozen and lost. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillBenchDatabase } from '../../../../bench/database.ts'
import { debianPrograms, type Streaming, type StreamingServer, startStreaming } from '../../../../bench/streaming.ts'
import { withConnection } from '../../src/database/connect.ts'
import type { RowpassEvent } from '../../src/events.ts'
import { createMetrics } from '../../src/gateway/metrics.ts'
import { endOfLog } from '../../src/gateway/replicas/position.ts'
import { Writes } from '../../src/gateway/replicas/writes.ts'
import type { Work } from '../../src/postgres/flight.ts'
import { Pool } from '../../src/postgres/pool.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import { sealSession } from '../../src/seal/seal.ts'
import { type SqlAnswer, startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { sealKeysText, type TestDatabase } from '../support/pg.ts'

/** `set_any` lies: it is called stable, so that statements with it are taken for reads. */
const tables = `
  create table marks (mark text not null, owner_id text not null default auth.user_id());
  alter table marks enable row level security;
  create policy marks_own on marks to authenticated
    using (owner_id = (select auth.user_id())) with check (owner_id = (select auth.user_id()));
  grant select, update on marks to authenticated;
  grant insert (mark) on marks to authenticated;
  insert into marks values ('of bob', 'bob');
  create function server() returns int language sql stable as 'select inet_server_port()';
  create function set_any(name text, value text) returns text language sql stable as 'select set_config($1, $2, true)';
  create function sums(n int) returns bigint language sql stable as 'select count(*) from generate_series(1, $1)';
  grant execute on function server(), set_any(text, text), sums(int) to authenticated;
  create unlogged table passing (n int);
  create table typed (value int not null);
  insert into typed values (1);
  grant select on passing, typed to authenticated`
const insert = 'insert into marks (mark) values ($1)'
const marksOf = 'select server(), mark from marks where mark = $1'
const own = 'select server(), auth.user_id() as id, owner_id, mark from marks'

describe.skipIf(debianPrograms === undefined)('reads that go to replicas', { timeout: 240_000 }, () => {
  let streaming: Streaming
  let replicas: StreamingServer[]
  let gateway: TestGateway
  let ada: string
  let bob: string
  let urlOf: (server: StreamingServer, user?: 'superuser') => string
  let start: (settings?: Record<string, string>) => Promise<TestGateway>

  beforeAll(async () => {
    streaming = await startStreaming()
    const { primary } = streaming
    const urls = await fillBenchDatabase(primary.superuserUrl, parseSealKeys(sealKeysText), 2, 1)
    await withConnection(urls.ownerUrl, (client) => client.query(tables))
    replicas = [await streaming.addStandby('one'), await streaming.addStandby('two')]
    urlOf = ({ port }, user) =>
      Object.assign(new URL(user === undefined ? urls.gatewayUrl : urls.superuserUrl), { port }).href
    start = (settings = {}) =>
      startTestGateway({ gatewayUrl: urls.gatewayUrl, name: 'rowpass' } as TestDatabase, {
        ROWPASS_REPLICA_URLS: replicas.map((replica) => urlOf(replica)).join(),
        ROWPASS_REPLICA_MAX_LAG_MS: '60000',
        ...settings,
      })
    gateway = await start()
    ada = await gateway.issuer.token('ada')
    bob = await gateway.issuer.token('bob')
    await waitUntil(() => countOf(gateway, 'replica_joined') === 2, 20_000)
  }, 120_000)

  afterAll(async () => {
    await gateway?.close()
    await streaming?.close()
  })

  const countOf = ({ events }: TestGateway, type: RowpassEvent['type']) =>
    events.filter((event) => event.type === type).length
  const lostFor = ({ events }: TestGateway) =>
    events.flatMap((event) => (event.type === 'replica_lost' ? [event.reason] : []))
  const isReplica = (port: unknown) => replicas.some((replica) => replica.port === Number(port))
  const serverOf = ({ body }: SqlAnswer) => body.rows?.[0]?.server
  /** Until a replica has answered: the first of a text go to the primary, and so do those behind a write. */
  async function fromReplica(read: () => Promise<SqlAnswer>): Promise<SqlAnswer> {
    let answer = await read()
    await waitUntil(async () => {
      if (!isReplica(serverOf(answer))) answer = await read()
      return isReplica(serverOf(answer))
    }, 60_000)
    return answer
  }
  const on = (server: StreamingServer, sql: string) =>
    withConnection(urlOf(server, 'superuser'), async (client) => (await client.query(sql)).rows)
  const replay = (what: 'pause' | 'resume') =>
    Promise.all(replicas.map((replica) => on(replica, `select pg_wal_replay_${what}()`)))

  it('spread over both, and nothing is written there', async () => {
    const servers = new Set<unknown>()
    await waitUntil(async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => gateway.sql(bob, own)))
      for (const answer of answers) {
        servers.add(serverOf(answer))
        expect(answer.body.rows).toMatchObject([{ id: 'bob', owner_id: 'bob', mark: 'of bob' }])
      }
      return replicas.every(({ port }) => servers.has(String(port)))
    }, 60_000)
    expect(await gateway.sql(ada, `${insert} returning server()`, ['first'])).toMatchObject({
      body: { rows: [{ server: String(streaming.primary.port) }] },
    })
  })

  it('see at once what their owner has written, and others go on', async () => {
    await fromReplica(() => gateway.sql(bob, own))
    await fromReplica(() => gateway.sql(ada, marksOf, ['first']))
    await replay('pause')
    try {
      await gateway.sql(ada, insert, ['paused'])
      for (let others = 0; others < 8; ) {
        expect((await gateway.sql(ada, marksOf, ['paused'])).body.rowCount).toBe(1)
        if (isReplica(serverOf(await gateway.sql(bob, own)))) others++
      }
    } finally {
      await replay('resume')
    }
    await fromReplica(() => gateway.sql(ada, marksOf, ['paused']))
  })

  it('see each of many writes while they are replayed', async () => {
    for (let count = 0; count < 30; count++) {
      await gateway.sql(ada, insert, [`mark ${count}`])
      const { body } = await gateway.sql(ada, marksOf, [`mark ${count}`])
      expect(body.rows).toMatchObject([{ mark: `mark ${count}` }])
    }
    await fromReplica(() => gateway.sql(ada, marksOf, ['mark 29']))
  })

  it('go to the primary while replicas are later than they may be, and come back', async () => {
    const strict = await start({ ROWPASS_REPLICA_MAX_LAG_MS: '2000' })
    try {
      const token = await strict.issuer.token('bob')
      await fromReplica(() => strict.sql(token, own))
      await replay('pause')
      await on(streaming.primary, "insert into marks values ('late', 'bob')")
      await waitUntil(() => lostFor(strict).filter((reason) => reason === 'lag').length >= 2, 20_000)
      const joined = countOf(strict, 'replica_joined')
      for (const _ of Array(10)) {
        const { body } = await strict.sql(token, own)
        expect(body.rows.map((row: Record<string, string>) => isReplica(row.server))).toEqual([false, false])
      }
      await replay('resume')
      await waitUntil(() => countOf(strict, 'replica_joined') >= joined + 2, 20_000)
      await fromReplica(() => strict.sql(token, own))
    } finally {
      await replay('resume')
      await on(streaming.primary, "delete from marks where mark = 'late'")
      await strict.close()
    }
  })

  it('stay at the primary by token, by transaction, by what they do and by how long they take', async () => {
    const ofSession = await gateway.issuer.token('bob', { sid: crypto.randomUUID() })
    const narrowed = await gateway.issuer.token('bob', { scope: 'sql:read' })
    await fromReplica(() => gateway.sql(bob, own))
    const atPrimary = (what: string, server: unknown) =>
      expect({ what, server }).toEqual({ what, server: String(streaming.primary.port) })
    for (let others = 0; others < 8; ) {
      atPrimary('session', serverOf(await gateway.sql(ofSession, own)))
      atPrimary('narrowed', serverOf(await gateway.sql(narrowed, own)))
      if (isReplica(serverOf(await gateway.sql(bob, own)))) others++
    }
    for (const _ of Array(8)) {
      atPrimary('for update', serverOf(await gateway.sql(bob, 'select server() from marks for update')))
      const { body } = await gateway.batch(bob, [own], { 'neon-batch-read-only': 'true' })
      atPrimary('batch', body.results[0].rows[0].server)
    }
    for (const _ of Array(4)) atPrimary('slow', serverOf(await gateway.sql(bob, 'select server(), sums(3000000)')))
  })

  it('are answered by the primary where a replica cannot', async () => {
    const read = () => gateway.sql(bob, 'select server(), (select count(*) from passing)')
    for (const _ of Array(8)) expect(await read()).toMatchObject({ status: 200 })
    const broken = () => gateway.sql(bob, 'select server(), 1 / (select count(*) from passing)')
    for (const _ of Array(8)) expect(await broken()).toMatchObject({ status: 400, body: { code: '22012' } })
  })

  it('SEC-37 are of no other identity there', async () => {
    const forged = '{"sub":"bob","exp":99999999999}'
    const attacks: [sql: string, params: string[]][] = [
      [`select set_any('rowpass.claims', $1), mark from marks`, [forged]],
      [`select set_any('rowpass.seal', $1), mark from marks`, [`x${'0'.repeat(64)};:test:99999999999::`]],
      [`with a as materialized (select set_any('rowpass.claims', $1) as x) select x, mark from a, marks`, [forged]],
      [`select set_any('role', $1), mark from marks`, ['rowpass_owner']],
      [`select set_any('role', $1), mark from marks`, ['none']],
      [`select set_any('row_security', $1), mark from marks`, ['off']],
      ['select set_config($1, $1, true)', ['role']],
      ['reset role', []],
    ]
    await fromReplica(() => gateway.sql(ada, own))
    for (const [sql, params] of attacks) {
      // Often enough to be known as quick, and to go there.
      for (const _ of Array(3)) {
        const answer = await gateway.sql(ada, sql, params)
        expect(JSON.stringify(answer.body)).not.toContain('of bob')
      }
      // Nothing stays behind in a connection.
      for (const _ of Array(2)) {
        const { body } = await gateway.sql(ada, own)
        expect(new Set(body.rows.map(({ id, owner_id }: Record<string, string>) => `${id} ${owner_id}`))).toEqual(
          new Set(['ada ada']),
        )
        expect((await gateway.sql(bob, own)).body.rows).toMatchObject([{ id: 'bob', mark: 'of bob' }])
      }
    }
    await fromReplica(() => gateway.sql(ada, own))
  })

  it('use no type of a parameter from before a migration', async () => {
    const read = (value: string) => gateway.sql(bob, 'select server(), value from typed where value = $1', [value])
    await fromReplica(() => read('01'))
    await on(streaming.primary, 'alter table typed alter value type text')
    await waitUntil(async () => (await read('01')).body.rowCount === 0)
    const migrated = await fromReplica(() => read('1'))
    expect(migrated.body.rows).toMatchObject([{ value: '1' }])
    const servers = new Set<unknown>()
    await waitUntil(async () => {
      expect((await read('01')).body.rowCount).toBe(0)
      servers.add(serverOf(await read('1')))
      // Replicas take turns: an even number of requests would meet one of them only.
      await gateway.sql(bob, own)
      return replicas.every(({ port }) => servers.has(String(port)))
    }, 60_000)
  })

  it('end with the key of the seal', async () => {
    await fromReplica(() => gateway.sql(bob, own))
    await on(streaming.primary, 'create table saved as table rowpass.seal_keys; delete from rowpass.seal_keys')
    await waitUntil(async () => (await gateway.sql(bob, own)).status === 400)
    for (const _ of Array(40)) expect(await gateway.sql(bob, own)).toMatchObject({ body: { code: '28000' } })
    await on(streaming.primary, 'insert into rowpass.seal_keys table saved')
    await fromReplica(() => gateway.sql(bob, own))
  })

  it('of several gateways go there when they say what they have seen', async () => {
    const one = await start({ ROWPASS_GATEWAYS: '2' })
    const ROWPASS_ISSUERS = JSON.stringify([{ iss: one.issuer.iss, jwks_url: one.issuer.jwksUrl, audience: 'rowpass' }])
    const other = await start({ ROWPASS_GATEWAYS: '2', ROWPASS_ISSUERS })
    try {
      const token = await one.issuer.token('ada')
      const stranger = await one.issuer.token('bob')
      const read = (seen?: string, as = token) =>
        other.sql(as, marksOf, ['of two'], seen === undefined ? {} : { 'rowpass-seen': seen })
      const where = (seen?: string, as = token) =>
        other.sql(as, 'select server()', [], seen === undefined ? {} : { 'rowpass-seen': seen })
      await fromReplica(() => where('none'))
      await fromReplica(() => where('none', stranger))
      for (const _ of Array(8)) expect(isReplica(serverOf(await where()))).toBe(false)
      await replay('pause')
      const written = await one.sql(token, insert, ['of two'])
      const seen = written.headers.get('rowpass-seen') as string
      expect(seen).toMatch(/^[\w-]{48}$/)
      for (const _ of Array(8)) expect((await read(seen)).body.rowCount).toBe(1)
      for (const header of [
        seen.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
        'all',
        '0/0',
        '9'.repeat(5_000),
      ])
        expect({ header, replica: isReplica(serverOf(await where(header))) }).toEqual({ header, replica: false })
      await replay('resume')
      await fromReplica(() => where(seen))
      for (const _ of Array(8)) expect(isReplica(serverOf(await where(seen, stranger)))).toBe(false)
      expect((await read(seen)).headers.get('rowpass-seen')).toBeNull()
      expect((await gateway.sql(ada, insert, ['alone'])).headers.get('rowpass-seen')).toBeNull()
    } finally {
      await replay('resume')
      await other.close()
      await one.close()
    }
  })

  it('go on when a replica says nothing any more, when it is lost, and when it is back', async () => {
    const [one, two] = replicas as [StreamingServer, StreamingServer]
    await fromReplica(() => gateway.sql(bob, own))
    const before = countOf(gateway, 'replica_joined')
    one.freeze(true)
    for (const _ of Array(40)) expect(await gateway.sql(bob, own)).toMatchObject({ status: 200 })
    await waitUntil(() => lostFor(gateway).includes('unreachable'), 20_000)
    expect(gateway.gateway.ready()).toBe(true)
    for (const _ of Array(20)) expect(serverOf(await gateway.sql(bob, own))).not.toBe(String(one.port))
    one.freeze(false)
    await waitUntil(() => countOf(gateway, 'replica_joined') > before, 20_000)
    await waitUntil(async () => serverOf(await gateway.sql(bob, own)) === String(one.port), 20_000)
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const _ of Array(60)) expect(await gateway.sql(bob, own)).toMatchObject({ status: 200 })
      }),
    )
    await two.kill()
    await load
    await waitUntil(() =>
      gateway.events.some((event) => event.type === 'replica_lost' && event.server.endsWith(`:${two.port}`)),
    )
    expect((await fetch(new URL('/readyz', gateway.url))).status).toBe(200)
  })

  it('are served by no replica that has not followed its primary to the next', async () => {
    const { primary } = streaming
    const next = await streaming.addStandby('next')
    const [one] = replicas as [StreamingServer]
    const { username, password } = new URL(urlOf(primary))
    const hosts = [primary, next].map(({ port }) => `127.0.0.1:${port}`).join()
    const gatewayUrl = `postgresql://${username}:${password}@${hosts}/rowpass?target_session_attrs=read-write`
    const moving = await start({ ROWPASS_DATABASE_URL: gatewayUrl, ROWPASS_REPLICA_URLS: urlOf(one) })
    try {
      const token = await moving.issuer.token('ada')
      await moving.sql(token, insert, ['before'])
      await fromReplica(() => moving.sql(token, marksOf, ['before']))
      // Behind it in the log, so that its own log gets to places that the replica knows otherwise.
      await on(next, 'select pg_wal_replay_pause()')
      await on(primary, `insert into marks select repeat('x', 1000), 'nobody' from generate_series(1, 2000)`)
      await waitUntil(async () => {
        const [row] = await on(one, `select count(*)::int as n from marks where owner_id = 'nobody'`)
        return row?.n === 2000
      })
      await primary.kill()
      await on(next, 'select pg_wal_replay_resume()')
      await next.promote()
      await waitUntil(async () => (await moving.sql(token, insert, ['after'])).status === 200, 20_000)
      for (const _ of Array(40)) {
        const answer = await moving.sql(token, marksOf, ['after'])
        expect({ rows: answer.body.rowCount, server: serverOf(answer) }).toEqual({ rows: 1, server: String(next.port) })
      }
      await waitUntil(() => lostFor(moving).includes('other_history'))
    } finally {
      await moving.close()
    }
  })
})

describe.skipIf(debianPrograms === undefined)('a server that is to be a replica', () => {
  let streaming: Streaming
  let standby: StreamingServer
  let login: (server: StreamingServer) => URL

  beforeAll(async () => {
    streaming = await startStreaming()
    const urls = await fillBenchDatabase(streaming.primary.superuserUrl, parseSealKeys(sealKeysText), 1, 1)
    standby = await streaming.addStandby('standby')
    login = ({ port }) => Object.assign(new URL(urls.gatewayUrl), { port })
  }, 120_000)
  afterAll(() => streaming?.close())

  it.each([
    ['a standby that is there', () => standby, '0/0', undefined],
    ['a standby that is not', () => standby, 'ffffffff/ffffffff', '22012'],
    ['a primary', () => streaming.primary, '0/0', '22012'],
    ['an identity that has expired', () => standby, '0/0', '28000', -3_600],
  ] as const)('%s is told by the server that runs the request', async (...[, server, replayed, code, ttl = 60]) => {
    for (const maxPreparedStatements of [10, 0]) {
      const url = login(server())
      const pool = new Pool({
        ...{ server: url, user: url.username, password: url.password, database: 'rowpass', applicationName: 'test' },
        ...{ size: 1, maxPipelineDepth: 4, maxQueued: 10, slowLimit: 1, maxPreparedStatements, maxResponseBytes: 1e6 },
        ...{ connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, lockTimeoutMs: 5_000, queueTimeoutMs: 5_000 },
        ...{ requestTimeoutMs: 5_000, onStandby: true },
      })
      try {
        const exp = Math.floor(Date.now() / 1_000) + ttl
        const [key] = parseSealKeys(sealKeysText)
        const session = sealSession(key, { role: 'authenticated', exp, claimsJson: JSON.stringify({ sub: 'a', exp }) })
        const work: Work = {
          identity: { role: 'authenticated', session },
          statements: [
            { sql: 'select auth.user_id()', params: [], prepare: true, shape: { arrayMode: true, rawText: true } },
          ],
          ...{ begin: undefined, exclusive: false, reset: false, readOnly: true, replayed },
        }
        const { error } = await pool.run(work, { owner: 'a' })
        expect(error?.kind === 'postgres' ? error.error.code : error).toBe(code)
      } finally {
        await pool.close()
      }
    }
  })

  it.each([
    ['0/2000028', '0/2000000'],
    ['0/2002018', '0/2002000'],
    ['0/2002028', '0/2002028'],
    ['0/2002020', '0/2002020'],
    ['0/2000018', '0/2000000'],
    ['1/2345678', '1/2345678'],
  ])('at %s has to have replayed the log up to %s', async (next, end) => {
    const { rows } = await withConnection(standby.superuserUrl, (client) =>
      client.query(`select ${endOfLog(`'${next}'::pg_lsn`)}::text as lsn`),
    )
    expect(rows).toEqual([{ lsn: end }])
  })
})

describe('the metrics of replicas', () => {
  it('are read at each scrape, and do not add up by that', async () => {
    const metrics = createMetrics()
    const counts = { used: 1, answered: 3, askedAgain: 1 }
    metrics.watchReplicas(counts)
    await metrics.text()
    Object.assign(counts, { used: 2, answered: 5 })
    const text = await metrics.text()
    for (const line of ['replicas_used 2', 'replica_reads_total{outcome="answered"} 5', 'outcome="asked_again"} 1']) {
      expect(text).toContain(line)
    }
  })
})

describe('owners that have written', () => {
  it('are known by the latest of those that were forgotten when there are too many', () => {
    const writes = new Writes()
    for (let n = 0; n < 10_003; n++) writes.mark(`owner ${n}`, n)
    expect([writes.latest('owner 2'), writes.latest('nobody'), writes.latest('owner 500')]).toEqual([2, 2, 500])
    writes.mark('owner 3', 20_000)
    writes.forget(10_000)
    expect([writes.latest('owner 3'), writes.latest('owner 9000')]).toEqual([20_000, 2])
  })
})
