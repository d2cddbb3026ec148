/** A gateway over a primary and its standby, which take turns. */
import { Client, neonConfig } from '@neondatabase/serverless'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { fillBenchDatabase } from '../../../../bench/database.ts'
import { debianPrograms, type Streaming, type StreamingServer, startStreaming } from '../../../../bench/streaming.ts'
import { withConnection } from '../../src/database/connect.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import { startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { sealKeysText, type TestDatabase } from '../support/pg.ts'

/** No key, so that a row that is written twice is there twice. */
const marks = `
  create table marks (mark text not null, owner_id text not null default auth.user_id());
  alter table marks enable row level security;
  create policy marks_own on marks to authenticated
    using (owner_id = (select auth.user_id())) with check (owner_id = (select auth.user_id()));
  grant select on marks to authenticated;
  grant insert (mark) on marks to authenticated;
  create function write_read_only() returns void language plpgsql volatile as $$
    begin
      perform set_config('transaction_read_only', 'on', true);
      insert into marks (mark) values ('never');
    end $$;
  grant execute on function write_read_only() to authenticated;
  create function wait_long() returns int language sql volatile as 'select 1 from pg_sleep(1000000)';
  grant execute on function wait_long() to authenticated`
const insert = 'insert into marks (mark) values ($1)'

describe.skipIf(debianPrograms === undefined)('a primary that goes, and a standby that takes its place', () => {
  let streaming: Streaming
  let standby: StreamingServer
  let next: StreamingServer
  let gateway: TestGateway
  let ada: string
  /** The scheme and the gateway's login of a URL. */
  let login: string
  /** Of the tables' owner, as a driver is given it. */
  let ownerUrl: string
  let superuserUrl: (server: StreamingServer) => string

  beforeAll(async () => {
    streaming = await startStreaming()
    const { primary } = streaming
    const urls = await fillBenchDatabase(primary.superuserUrl, parseSealKeys(sealKeysText), 2, 1)
    await withConnection(urls.ownerUrl, (client) => client.query(marks))
    standby = await streaming.addStandby('standby')
    next = await streaming.addStandby('next')
    await onServer(primary, "alter system set synchronous_standby_names = 'FIRST 2 (standby, next)'")
    await onServer(primary, 'select pg_reload_conf()')
    superuserUrl = ({ port }) => Object.assign(new URL(urls.superuserUrl), { port }).href
    const url = new URL(urls.gatewayUrl)
    const hosts = [primary, standby, next].map(({ port }) => `127.0.0.1:${port}`).join(',')
    login = `postgresql://${url.username}:${url.password}`
    const gatewayUrl = `${login}@${hosts}/rowpass?target_session_attrs=read-write`
    gateway = await startTestGateway({ gatewayUrl, name: 'rowpass' } as TestDatabase, {
      ROWPASS_CONNECT_TIMEOUT_MS: '500',
      ROWPASS_REQUEST_TIMEOUT_MS: '1500',
      ROWPASS_PASSWORD_MODE: 'true',
    })
    ownerUrl = Object.assign(new URL(urls.ownerUrl), { hostname: 'db.example.test', port: '' }).href
    ada = await gateway.issuer.token('ada')
  }, 240_000)

  afterAll(async () => {
    await gateway?.close()
    await streaming?.close()
  })

  async function onServer(server: StreamingServer, sql: string): Promise<void> {
    await withConnection(server.superuserUrl, (client) => client.query(sql))
  }
  const readyz = async (): Promise<number> => (await fetch(new URL('/readyz', gateway.url))).status
  /** Which server a login with a password meets, by both ways that the driver has. */
  async function portsByPassword(): Promise<number[]> {
    const query = 'select inet_server_port() as port'
    const once = await gateway.send(JSON.stringify({ query, params: [] }), { 'neon-connection-string': ownerUrl })
    neonConfig.webSocketConstructor = WebSocket
    neonConfig.wsProxy = () => `${new URL(gateway.url).host}/v2`
    neonConfig.useSecureWebSocket = false
    neonConfig.pipelineConnect = false
    const session = new Client(ownerUrl)
    await session.connect()
    const { rows } = await session.query(query)
    await session.end()
    return [Number(once.body.rows[0].port), rows[0].port]
  }
  const countOf = (mark: string): Promise<number> =>
    gateway.sql(ada, 'select from marks where mark = $1', [mark]).then(({ body }) => body.rowCount)

  it('a primary that takes no writes any more is left, and met again when it does', async () => {
    const { primary } = streaming
    expect(await gateway.sql(ada, insert, ['before'])).toMatchObject({ status: 200 })
    expect(await portsByPassword()).toEqual([primary.port, primary.port])
    await onServer(primary, 'alter system set default_transaction_read_only = on')
    await onServer(primary, 'select pg_reload_conf()')
    await waitUntil(async () => (await gateway.sql(ada, insert, ['refused'])).body.code === '25006', 20_000)
    await waitUntil(async () => (await readyz()) === 503, 20_000)
    await withConnection(primary.superuserUrl, async (client) => {
      await client.query('set default_transaction_read_only = off')
      await client.query('alter system reset default_transaction_read_only')
      await client.query('select pg_reload_conf()')
    })
    await waitUntil(async () => (await readyz()) === 200, 20_000)
    expect(await gateway.sql(ada, insert, ['after'])).toMatchObject({ status: 200 })
    expect(await countOf('before')).toBe(1)
  })

  it('a transaction that is read-only by its own will ends no connection', async () => {
    const closed = () => gateway.events.filter(({ type }) => type === 'connection_closed').length
    const before = closed()
    const readOnly = { 'neon-batch-read-only': 'true' }
    const refused = { status: 400, body: { code: '25006' } }
    for (let count = 0; count < 20; count++) {
      expect(await gateway.batch(ada, [{ query: insert, params: ['never'] }], readOnly)).toMatchObject(refused)
      expect(await gateway.sql(ada, 'select write_read_only()')).toMatchObject(refused)
    }
    expect(await countOf('never')).toBe(0)
    expect(closed()).toBe(before)
  })

  it('a gateway of its own reads from the standbys, takes no write there, and hears of an ended session', async () => {
    const hosts = [streaming.primary, standby, next].map(({ port }) => `127.0.0.1:${port}`).join(',')
    const query = 'target_session_attrs=standby&load_balance_hosts=random'
    const reader = await startTestGateway({
      gatewayUrl: `${login}@${hosts}/rowpass?${query}`,
      name: 'rowpass',
    } as TestDatabase)
    try {
      const sid = crypto.randomUUID()
      const token = await reader.issuer.token('ada', { sid })
      const read = () =>
        reader.sql(token, 'select mark, pg_is_in_recovery() as standby from marks where mark = $1', ['before'])
      await waitUntil(async () => (await read()).body.rowCount === 1)
      expect((await read()).body.rows).toEqual([{ mark: 'before', standby: 't' }])
      expect(await reader.sql(token, insert, ['astray'])).toMatchObject({ status: 400, body: { code: '25006' } })
      expect(await read()).toMatchObject({ status: 200 })
      await withConnection(superuserUrl(streaming.primary), (client) =>
        client.query('select rowpass.end_session($1)', [sid]),
      )
      await waitUntil(async () => (await read()).body.code === '28000')
      expect(await countOf('astray')).toBe(0)
    } finally {
      await reader.close()
    }
  })

  it('a commit that waits for a standby in vain is not told as done, nor as undone', async () => {
    const { primary } = streaming
    const names = "'FIRST 2 (standby, next)'"
    await onServer(primary, `alter system set synchronous_standby_names = 'nobody'`)
    await onServer(primary, 'select pg_reload_conf()')
    const answer = await gateway.sql(ada, insert, ['waited'])
    await onServer(primary, `alter system set synchronous_standby_names = ${names}`)
    await onServer(primary, 'select pg_reload_conf()')
    expect(answer).toMatchObject({ status: 400, body: { code: '08007' } })
    expect(await countOf('waited')).toBe(1)
  })

  it('killed under load: not ready without a primary, nothing acknowledged is lost, nothing written twice', async () => {
    const acknowledged = new Set<string>()
    const refused = new Set<string>()
    const outcomes = new Map<string, number>()
    let writing = true
    async function write(writer: number): Promise<void> {
      for (let count = 0; writing; count++) {
        const mark = `${writer}/${count}`
        const { status, body } = await gateway.sql(ada, insert, [mark])
        outcomes.set(body.code ?? 'ok', (outcomes.get(body.code ?? 'ok') ?? 0) + 1)
        if (status === 200) acknowledged.add(mark)
        else if (body.code !== '08007') refused.add(mark)
      }
    }
    const writers = Array.from({ length: 8 }, (_, writer) => write(writer))
    await waitUntil(() => acknowledged.size > 100, 20_000)
    await streaming.primary.kill()
    await waitUntil(async () => (await readyz()) === 503, 20_000)
    const before = acknowledged.size
    await standby.promote()
    await waitUntil(() => acknowledged.size > before + 100, 30_000)
    expect(await readyz()).toBe(200)
    writing = false
    await Promise.all(writers)
    expect(await portsByPassword()).toEqual([standby.port, standby.port])
    const { rows } = await withConnection(superuserUrl(standby), (client) =>
      client.query<{ mark: string; times: number }>('select mark, count(*)::int as times from marks group by mark'),
    )
    const written = new Set(rows.map(({ mark }) => mark))
    expect([...acknowledged].filter((mark) => !written.has(mark))).toEqual([])
    expect([...refused].filter((mark) => written.has(mark))).toEqual([])
    expect(rows.filter(({ times }) => times > 1)).toEqual([])
    expect([...outcomes.keys()].filter((code) => !['ok', '08007', '08006', '53300'].includes(code))).toEqual([])
    expect(gateway.events).toContainEqual({
      ...{ type: 'server_changed', server: `127.0.0.1:${standby.port}` },
      before: `127.0.0.1:${streaming.primary.port}`,
    })
  })

  it('gone silent: whoever had a request there is served at the next one', async () => {
    // It follows the first primary, and takes its place too: what it has of the marks is no concern here.
    const stuck = Promise.all(Array.from({ length: 3 }, () => gateway.sql(ada, 'select wait_long()')))
    await waitUntil(() =>
      withConnection(superuserUrl(standby), async (client) => {
        const { rowCount } = await client.query(
          "select from pg_stat_activity where state = 'active' and query like '%wait_long%' and pid <> pg_backend_pid()",
        )
        return (rowCount ?? 0) > 0
      }),
    )
    standby.freeze(true)
    await next.promote()
    for (const { status } of await stuck) expect(status).not.toBe(200)
    await waitUntil(async () => (await gateway.sql(ada, insert, ['moved'])).status === 200, 20_000)
    expect(await countOf('moved')).toBe(1)
    expect(await readyz()).toBe(200)
  })
})
