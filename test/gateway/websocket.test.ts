import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RowpassEvent } from '../../src/events.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createLogins } from '../../src/gateway/login.ts'
import { createWebSocketGateway, type WebSocketGateway, type WebSocketParts } from '../../src/gateway/websocket.ts'
import { waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'
import { connect, firstCell, message, packet, type RawClient, startup, terminate } from './raw-client.ts'

interface Served {
  readonly url: string
  readonly gateway: WebSocketGateway
  readonly events: RowpassEvent[]
  close(): Promise<void>
}

const issuers = JSON.stringify([{ iss: 'a', jwks_url: 'https://a.example.test/', audience: 'a' }])

describePg('PostgreSQL over WebSocket', () => {
  let database: TestDatabase
  let login: { user: string; password: string; database: string }
  let admin: pg.Client
  const open: Served[] = []

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    const { username, password } = new URL(database.ownerUrl)
    login = { user: username, password, database: database.name }
    admin = new pg.Client(database.superuserUrl)
    await admin.connect()
  })
  afterAll(async () => {
    await admin.end()
    await database.close()
  })
  afterEach(async () => {
    for (const served of open.splice(0)) await served.close()
  })

  /** Only the WebSocket part of a gateway, so that its times can be short. */
  async function serve(settings: Record<string, string> = {}, parts: Partial<WebSocketParts> = {}): Promise<Served> {
    const config = parseGatewayConfig({
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: issuers,
      ROWPASS_PASSWORD_MODE: 'true',
      ...settings,
    })
    const events: RowpassEvent[] = []
    const emit = (event: RowpassEvent): void => void events.push(event)
    const logins = createLogins(config, emit)
    const gateway = createWebSocketGateway({ config, logins, emit, ...parts })
    const http: Server = createServer().on('upgrade', gateway.upgrade)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const close = async (): Promise<void> => {
      await gateway.close()
      http.closeAllConnections()
      http.close()
    }
    const served = { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v2`, gateway, events, close }
    open.push(served)
    return served
  }

  function start(parameters: Record<string, string> = {}): Buffer {
    const { user, database } = login
    return startup({ user, database, client_encoding: 'UTF8', ...parameters })
  }

  async function logIn(url: string, parameters: Record<string, string> = {}): Promise<RawClient> {
    const client = await connect(url)
    client.send(start(parameters), message('p', login.password))
    await client.until('Z')
    client.messages.length = 0
    return client
  }

  async function ask(client: RawClient, sql: string): Promise<string | undefined> {
    client.messages.length = 0
    client.send(message('Q', sql))
    await client.until('Z')
    return firstCell(client)
  }

  /** What the server knows of the sessions of this test's users. */
  async function activity(): Promise<{ pid: number; state: string; query: string; wait_event: string | null }[]> {
    const { rows } = await admin.query(
      'select pid, state, query, wait_event from pg_stat_activity where datname = $1 and usename = $2',
      [database.name, login.user],
    )
    return rows
  }

  describe('startup', () => {
    it('startup, password and first query may come in one message', async () => {
      const { url, events } = await serve()
      const client = await connect(url)
      client.send(start(), message('p', login.password), message('Q', 'select 41 + 1'))
      await waitUntil(() => client.messages.filter(({ type }) => type === 'Z').length === 2)
      const types = client.messages.map(({ type }) => type).join('')
      expect(types).toMatch(/^RRS+KZTDCZ$/)
      expect(client.messages[0]?.body.readInt32BE()).toBe(3)
      expect(client.messages[1]?.body.readInt32BE()).toBe(0)
      expect(firstCell(client)).toBe('42')
      client.send(terminate)
      expect(await client.closed).toBe(1000)
      await waitUntil(() => events.length === 2)
      expect(events).toEqual([
        { type: 'session_opened', sessionId: expect.any(String), role: login.user },
        {
          type: 'session_closed',
          sessionId: (events[0] as { sessionId: string }).sessionId,
          role: login.user,
          endedBy: 'client',
          bytesReceived: message('Q', 'select 41 + 1').length + terminate.length,
          bytesSent: expect.any(Number),
          durationMs: expect.any(Number),
        },
      ])
    })

    it('messages may be cut anywhere', async () => {
      const { url } = await serve()
      const client = await connect(url)
      const bytes = Buffer.concat([start(), message('p', login.password), message('Q', 'select 7')])
      for (const byte of bytes) client.send(Buffer.from([byte]))
      await client.until('D')
      expect(firstCell(client)).toBe('7')
      client.socket.terminate()
    })

    it('a first query of a megabyte waits for the login', async () => {
      const { url } = await serve()
      const client = await connect(url)
      const query = `select length('${'x'.repeat(1_000_000)}')`
      client.send(start(), message('p', login.password), message('Q', query))
      await client.until('D')
      expect(firstCell(client)).toBe('1000000')
      client.socket.terminate()
    })

    it('encryption inside of the WebSocket is declined, and not discussed for ever', async () => {
      const { url } = await serve()
      const client = await connect(url)
      client.send(packet(80_877_103))
      await client.until('N')
      client.send(packet(80_877_104))
      await waitUntil(() => client.messages.length === 2)
      client.send(packet(80_877_103))
      expect(await client.error()).toMatchObject({ C: '08P01', M: 'too many requests for encryption' })
      expect(await client.closed).toBe(1008)
    })

    it('a newer minor version and unknown protocol options are negotiated down', async () => {
      const { url } = await serve()
      const client = await connect(url)
      client.send(startup({ user: login.user, database: login.database, '_pq_.more': '1' }, (3 << 16) | 2))
      const { body } = await client.until('v')
      expect(body.readInt32BE(0)).toBe(3 << 16)
      expect(body.subarray(4).toString('latin1')).toBe('\0\0\0\x01_pq_.more\0')
      client.send(message('p', login.password))
      await client.until('Z')
      client.socket.terminate()
    })

    it.each<[string, () => Buffer[], string, RegExp]>([
      ['a packet that is too short', () => [Buffer.from([0, 0, 0, 4, 0, 0, 0, 0])], '08P01', /invalid length/],
      ['a packet over 10,000 bytes', () => [start({ options: 'x'.repeat(10_000) })], '08P01', /invalid length/],
      ['protocol 2', () => [startup({ user: 'a' }, 2 << 16)], '08P01', /unsupported frontend protocol/],
      ['no user', () => [startup({ database: login.database })], '28P01', /no PostgreSQL user name/],
      ['an empty user', () => [start({ user: '' })], '28P01', /no PostgreSQL user name/],
      ['replication', () => [start({ replication: 'database' })], '08P01', /replication/],
      ['another encoding', () => [start({ client_encoding: 'LATIN1' })], '08P01', /client_encoding must be UTF8/],
      ['a parameter that is no name', () => [start({ 'a b': 'c' })], '08P01', /not a name/],
      ['an unknown database', () => [start({ database: 'postgres' })], '3D000', /"postgres" does not exist/],
      ['a query before the password', () => [start(), message('Q', 'select 1')], '08P01', /expected a password/],
      ['a password of 508 bytes', () => [start(), message('p', 'x'.repeat(508))], '08P01', /expected a password/],
      ['a password with a NUL', () => [start(), message('p', 'a\0b')], '08P01', /invalid password packet size/],
      ['a wrong one of 507 bytes', () => [start(), message('p', 'x'.repeat(507))], '28P01', /authentication failed/],
      ['an empty password', () => [start(), message('p', '')], '28P01', /empty password/],
      [
        'a wrong password',
        () => [start(), message('p', 'wrong')],
        '28P01',
        /^password authentication failed for user 'r/,
      ],
      [
        'an unknown user',
        () => [start({ user: 'nobody' }), message('p', 'x')],
        '28P01',
        /^password authentication failed for user 'nobody'$/,
      ],
      [
        'a setting that the server does not know',
        () => [start({ no_such: '1' }), message('p', login.password)],
        '42704',
        /unrecognized configuration parameter "no_such"/,
      ],
      ['a cancel request without its key', () => [packet(80_877_102)], '08P01', /invalid length of cancel request/],
    ])('refuses %s, and closes', async (_title, bytes, code, text) => {
      const { url, events } = await serve()
      const client = await connect(url)
      client.send(...bytes())
      expect(await client.error()).toMatchObject({ S: 'FATAL', C: code, M: expect.stringMatching(text) })
      expect(await client.closed).toBe(1008)
      expect(events.filter(({ type }) => type !== 'login_failed')).toMatchObject([
        { type: 'session_refused', sqlstate: code },
      ])
    })

    it('a client that does not say who it is is not waited for', async () => {
      const { url } = await serve({}, { startupTimeoutMs: 50 })
      const silent = await connect(url)
      expect(await silent.closed).toBe(1006)
      const slow = await connect(url)
      slow.send(start())
      await slow.until('R')
      expect(await slow.closed).toBe(1006)
    })

    it('of more than 64 clients that are about to log in, the one that has been silent for longest gives way', async () => {
      const { url } = await serve()
      const clients = await Promise.all(Array.from({ length: 64 }, () => connect(url)))
      const another = await logIn(url)
      const closed = await Promise.race(clients.map(async (client) => [client, await client.closed] as const))
      expect(closed[1]).toBe(1006)
      expect(clients.filter(({ socket }) => socket.readyState !== socket.OPEN)).toEqual([closed[0]])
      expect(await ask(another, 'select 1')).toBe('1')
      for (const { socket } of [...clients, another]) socket.terminate()
    })

    it('where 64 logins wait for the server, another client is refused', async () => {
      const silent = createTcpServer((socket) => socket.on('error', () => {}))
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
      const { port } = silent.address() as AddressInfo
      const { url } = await serve({
        ROWPASS_DATABASE_URL: `postgresql://u:p@127.0.0.1:${port}/${database.name}`,
        ROWPASS_CONNECT_TIMEOUT_MS: '1000',
        ROWPASS_PASSWORD_SESSIONS: '64',
        ROWPASS_PASSWORD_PAIR_FAILURES: '64',
        ROWPASS_PASSWORD_ADDRESS_FAILURES: '64',
      })
      const clients = await Promise.all(Array.from({ length: 64 }, () => connect(url)))
      for (const client of clients) client.send(start(), message('p', login.password))
      const connections = () => new Promise<number>((resolve) => silent.getConnections((_, count) => resolve(count)))
      await waitUntil(async () => (await connections()) === 64)
      await expect(connect(url)).rejects.toThrow('503')
      for (const { socket } of clients) socket.terminate()
      silent.close()
    })

    it('SEC-65 of clients that send too much before they are known, the one that sent most is cut off', async () => {
      const { url } = await serve()
      const clients = await Promise.all(Array.from({ length: 9 }, () => connect(url)))
      const [first, ...others] = clients as [RawClient, ...RawClient[]]
      first.socket.send(Buffer.alloc(9_000_000), { fin: false })
      for (const { socket } of others) socket.send(Buffer.alloc(8_000_000), { fin: false })
      expect(await first.closed).toBe(1006)
      expect(others.map(({ socket }) => socket.readyState)).toEqual(Array(8).fill(first.socket.OPEN))
      expect(await ask(await logIn(url), 'select 1')).toBe('1')
      for (const { socket } of others) socket.terminate()
    })

    it('an empty password is not filled in from the environment of the gateway', async () => {
      const { url } = await serve()
      process.env.PGPASSWORD = login.password
      try {
        const client = await connect(url)
        client.send(start(), message('p', ''))
        expect(await client.error()).toMatchObject({ C: '28P01' })
      } finally {
        delete process.env.PGPASSWORD
      }
    })
  })

  describe('what a client may choose', () => {
    it.each<[string, Record<string, string>, string, string]>([
      ['a parameter of its own', { TimeZone: 'Asia/Tokyo' }, 'TimeZone', 'Asia/Tokyo'],
      ['a value with spaces and backslashes', { 'app.path': 'a b\\c' }, 'app.path', 'a b\\c'],
      ['search_path', { search_path: '"$user", auth' }, 'search_path', '"$user", auth'],
      ['application_name', { application_name: 'a, b' }, 'application_name', 'a, b'],
      ['statement_timeout', { statement_timeout: '1234' }, 'statement_timeout', '1234ms'],
      ['options', { options: '-c work_mem=5MB --lock_timeout=7s' }, 'lock_timeout', '7s'],
      [
        'options that choose an endpoint of Neon',
        { options: 'endpoint=a -c work_mem=5MB project=b' },
        'work_mem',
        '5MB',
      ],
      ['both, and the parameter wins', { options: '-c work_mem=5MB', work_mem: '6MB' }, 'work_mem', '6MB'],
      ['its idle timeout', { idle_session_timeout: '5s' }, 'idle_session_timeout', '5s'],
    ])('forwards %s', async (_title, parameters, setting, value) => {
      const { url } = await serve()
      const client = await logIn(url, parameters)
      expect(await ask(client, `select current_setting('${setting}')`)).toBe(value)
      client.socket.terminate()
    })

    it('SEC-64 the server is the configured one, whatever address the client names', async () => {
      const { url } = await serve()
      const { port } = new URL(database.ownerUrl)
      const client = await connect(`${url}?address=192.0.2.1:1`, { headers: { host: 'db.example.test:1' } })
      client.send(start(), message('p', login.password))
      await client.until('Z')
      expect(await ask(client, 'select inet_server_port()')).toBe(port)
      client.socket.terminate()
      const other = await connect(url)
      other.send(start({ host: '192.0.2.1', hostaddr: '192.0.2.1', port: '1' }), message('p', login.password))
      expect(await other.error()).toMatchObject({ C: '42704', M: expect.stringContaining('"host"') })
    })
  })

  describe('frames', () => {
    it('text is refused', async () => {
      const { url } = await serve()
      const client = await logIn(url)
      client.socket.send('select 1')
      expect(await client.closed).toBe(1003)
    })

    it('a message over the limit ends the connection', async () => {
      const { url } = await serve({ ROWPASS_MAX_REQUEST_BYTES: '1000' })
      const client = await logIn(url)
      client.send(message('Q', `select '${'x'.repeat(1_000)}'`))
      expect(await client.closed).toBe(1009)
    })

    it('a ping is answered', async () => {
      const { url } = await serve()
      const client = await connect(url)
      client.socket.ping('still there?')
      const [answer] = await once(client.socket, 'pong')
      expect(String(answer)).toBe('still there?')
      client.socket.terminate()
    })

    it('pongs do not pile up for a client that does not read them', async () => {
      const { url } = await serve()
      const client = await connect(url)
      let pongs = 0
      client.socket.on('pong', () => pongs++)
      client.socket.pause()
      const sent = 200_000
      for (let index = 0; index < sent; index++) client.socket.ping('x'.repeat(125))
      await waitUntil(() => client.socket.bufferedAmount === 0)
      client.socket.resume()
      client.socket.ping('last')
      await waitUntil(() => pongs > 0)
      const closed = once(client.socket, 'close')
      client.socket.close()
      await closed
      expect(pongs).toBeLessThan(sent)
    })

    it('a fragmented message is one', async () => {
      const { url } = await serve()
      const client = await logIn(url)
      const query = message('Q', 'select 5')
      client.socket.send(query.subarray(0, 8), { fin: false, binary: true })
      client.socket.send(query.subarray(8), { fin: true, binary: true })
      await client.until('Z')
      expect(firstCell(client)).toBe('5')
      client.socket.terminate()
    })

    it('a server that is faster than its client waits', async () => {
      const { url } = await serve({ ROWPASS_MAX_RESPONSE_BYTES: '1000' })
      const client = await logIn(url)
      client.socket.pause()
      client.send(message('Q', `select repeat('x', 1000000) from generate_series(1, 60)`))
      let stuckFor = 0
      // Buffers fill first. A gateway that took what its client does not would never be seen waiting this often in a row.
      await waitUntil(async () => {
        const stuck = (await activity()).some(({ wait_event }) => wait_event === 'ClientWrite')
        stuckFor = stuck ? stuckFor + 1 : 0
        return stuckFor === 40
      })
      client.socket.resume()
      await client.until('Z')
      expect(client.messages.filter(({ type }) => type === 'D')).toHaveLength(60)
      client.socket.terminate()
    })

    it('a client that is faster than its server waits', async () => {
      const { url } = await serve()
      const client = await logIn(url)
      client.send(message('Q', 'select pg_sleep(0.5)'))
      const query = message('Q', `select 1 -- ${'x'.repeat(1_000_000)}`)
      for (let index = 0; index < 40; index++) client.send(query)
      const sleeping = async () => (await activity()).some(({ wait_event }) => wait_event === 'PgSleep')
      await waitUntil(sleeping)
      let unsent = 0
      do unsent = client.socket.bufferedAmount
      while (await sleeping())
      expect(unsent).toBeGreaterThan(10_000_000)
      await waitUntil(() => client.messages.filter(({ type }) => type === 'Z').length === 41, 10_000)
      expect(client.socket.bufferedAmount).toBe(0)
      client.socket.terminate()
    })
  })

  describe('ends', () => {
    it('SEC-42 a query whose client has gone is cancelled, and its session ends', async () => {
      const { url, events } = await serve()
      await admin.query('create table if not exists public.late (n int)')
      await admin.query(`grant insert on public.late to ${login.user}`)
      const client = await logIn(url)
      client.send(message('Q', 'insert into public.late select 1 from pg_sleep(1)'))
      await waitUntil(async () => (await activity()).some(({ wait_event }) => wait_event === 'PgSleep'))
      client.socket.terminate()
      await waitUntil(async () => (await activity()).length === 0, 900)
      await waitUntil(() => events.some(({ type }) => type === 'session_closed'))
      expect(events.at(-1)).toMatchObject({ type: 'session_closed', endedBy: 'client' })
      const { rows } = await admin.query('select count(*)::int as n from public.late')
      expect(rows).toEqual([{ n: 0 }])
    })

    it('a client that goes while it is logged in leaves no session', async () => {
      const { url, events } = await serve()
      for (let index = 0; index < 5; index++) {
        const client = await connect(url)
        client.send(start(), message('p', login.password), message('Q', 'select pg_sleep(60)'))
        await client.until('R')
        client.socket.terminate()
      }
      const ended = () => events.filter(({ type }) => type === 'session_closed' || type === 'session_refused').length
      await waitUntil(() => ended() === 5)
      await waitUntil(async () => (await activity()).length === 0)
    })

    it('a client that gives no sign of life is gone; one that answers pings is not', async () => {
      const { url } = await serve({}, { heartbeatMs: 60 })
      const living = await logIn(url)
      const dead = await connect(url, { autoPong: false })
      dead.send(start(), message('p', login.password))
      await dead.until('Z')
      expect(await dead.closed).toBe(1006)
      await waitUntil(async () => (await activity()).length === 1)
      expect(await ask(living, 'select 1')).toBe('1')
      living.socket.terminate()
    })

    it('a session that the server ends tells its client why', async () => {
      const { url, events } = await serve()
      const client = await logIn(url)
      const pid = await ask(client, 'select pg_backend_pid()')
      client.messages.length = 0
      await admin.query('select pg_terminate_backend($1)', [pid])
      expect(await client.error()).toMatchObject({ C: '57P01' })
      expect(await client.closed).toBe(1000)
      await waitUntil(() => events.length === 2)
      expect(events[1]).toMatchObject({ type: 'session_closed', endedBy: 'database' })
      expect(await ask(await logIn(url), 'select 1')).toBe('1')
    })

    it.each([
      ['outside a transaction', {}, 'select 1', '57P05'],
      ['in a transaction', { idle_session_timeout: '0' }, 'begin', '25P03'],
    ])('the server ends a session that sits idle %s', async (_title, parameters, sql, code) => {
      const { url } = await serve({ ROWPASS_PASSWORD_IDLE_TIMEOUT_MS: '50' })
      const client = await connect(url)
      client.send(start(parameters), message('p', login.password), message('Q', sql))
      expect(await client.error()).toMatchObject({ C: code })
    })

    it('the gateway ends its sessions when it closes', async () => {
      const { url, gateway, events } = await serve()
      const busy = await logIn(url)
      busy.send(message('Q', 'select pg_sleep(60)'))
      const starting = await connect(url)
      await waitUntil(async () => (await activity()).some(({ wait_event }) => wait_event === 'PgSleep'))
      await gateway.close()
      expect(await busy.closed).toBe(1001)
      expect(await starting.closed).toBe(1001)
      expect(events.find(({ type }) => type === 'session_closed')).toMatchObject({ endedBy: 'gateway' })
      await waitUntil(async () => (await activity()).length === 0)
      await expect(connect(url)).rejects.toThrow('503')
    })
  })

  describe('limits', () => {
    it('a session over the limit is refused with 53300, and there is room again when one ends', async () => {
      const { url } = await serve({ ROWPASS_PASSWORD_SESSIONS: '2' })
      const first = await logIn(url)
      await logIn(url)
      const third = await connect(url)
      third.send(start(), message('p', login.password))
      expect(await third.error()).toMatchObject({ C: '53300', H: expect.stringMatching(/^overloaded: /) })
      first.socket.close()
      await waitUntil(async () => {
        const next = await connect(url)
        next.send(start(), message('p', login.password))
        await waitUntil(() => next.messages.some(({ type }) => type === 'Z' || type === 'E'))
        return next.messages.some(({ type }) => type === 'Z')
      })
    })

    it('what the server itself refuses is passed on', async () => {
      const role = `limited_${login.database.slice(-10)}`
      await admin.query(`create role ${role} login password 'x' connection limit 0`)
      const { url } = await serve()
      const client = await connect(url)
      client.send(start({ user: role }), message('p', 'x'))
      expect(await client.error()).toMatchObject({ C: '53300', M: `too many connections for role "${role}"` })
      await admin.query(`drop role ${role}`)
    })

    it('a wrong password takes no place', async () => {
      const { url } = await serve({ ROWPASS_PASSWORD_SESSIONS: '1' })
      for (let index = 0; index < 3; index++) {
        const client = await connect(url)
        client.send(start(), message('p', 'wrong'))
        expect(await client.error()).toMatchObject({ C: '28P01' })
      }
      expect(await ask(await logIn(url), 'select 1')).toBe('1')
    })
  })

  describe('cancel requests', () => {
    function cancelKey(client: { processID: number; secretKey: number }): Buffer {
      const body = Buffer.alloc(8)
      body.writeInt32BE(client.processID, 0)
      body.writeInt32BE(client.secretKey, 4)
      return packet(80_877_102, body)
    }

    it('one with the key of a session here is passed on', async () => {
      const { url } = await serve()
      const client = await connect(url)
      client.send(start(), message('p', login.password), message('Q', 'select pg_sleep(60)'))
      const { body } = await client.until('K')
      await waitUntil(async () => (await activity()).some(({ wait_event }) => wait_event === 'PgSleep'))
      const canceller = await connect(url)
      canceller.send(packet(80_877_102, body))
      expect(await canceller.closed).toBe(1000)
      expect(await client.error()).toMatchObject({ C: '57014' })
      client.socket.terminate()
    })

    it('one that only knows the process is not', async () => {
      const { url } = await serve()
      const client = await connect(url)
      client.send(start(), message('p', login.password), message('Q', `select 'slept' from pg_sleep(0.3)`))
      const { body } = await client.until('K')
      const canceller = await connect(url)
      canceller.send(cancelKey({ processID: body.readInt32BE(0), secretKey: body.readInt32BE(4) ^ 1 }))
      expect(await canceller.closed).toBe(1000)
      await client.until('D')
      expect(firstCell(client)).toBe('slept')
      client.socket.terminate()
    })

    it('SEC-41 keys cannot be tried without end from one address', async () => {
      const { url } = await serve({ ROWPASS_ADDRESS_HEADER: 'X-Real-IP' })
      const client = await connect(url)
      client.send(start(), message('p', login.password), message('Q', 'select pg_sleep(60)'))
      const { body } = await client.until('K')
      await waitUntil(async () => (await activity()).some(({ wait_event }) => wait_event === 'PgSleep'))
      const cancel = async (key: Buffer, address: string): Promise<void> => {
        const canceller = await connect(url, { headers: { 'x-real-ip': address } })
        canceller.send(packet(80_877_102, key))
        await canceller.closed
      }
      const processID = body.readInt32BE(0)
      const guesses = Array.from({ length: 100 }, (_, index) => cancelKey({ processID, secretKey: index }))
      for (const guess of guesses) await cancel(guess, '192.0.2.1')
      await cancel(body, '192.0.2.1')
      expect(client.messages.map(({ type }) => type)).not.toContain('E')
      await cancel(body, '192.0.2.2')
      expect(await client.error()).toMatchObject({ C: '57014' })
      client.socket.terminate()
    })

    it('SEC-41 one with the key of any other session is not', async () => {
      const { url } = await serve()
      const other = new pg.Client(database.ownerUrl)
      await other.connect()
      const sleep = other.query("select 'slept' as it from pg_sleep(0.3)")
      const canceller = await connect(url)
      canceller.send(cancelKey(other as unknown as { processID: number; secretKey: number }))
      expect(await canceller.closed).toBe(1000)
      expect((await sleep).rows).toEqual([{ it: 'slept' }])
      await other.end()
    })
  })

  describe('who may connect', () => {
    it('SEC-65 a page of another origin is refused, one of the list and a program are not', async () => {
      const { url } = await serve({ ROWPASS_CORS_ORIGINS: 'https://app.example.test' })
      await expect(connect(url, { origin: 'https://evil.example.test' })).rejects.toThrow('403')
      await expect(connect(url, { origin: 'null' })).rejects.toThrow('403')
      for (const options of [{ origin: 'https://app.example.test' }, {}]) {
        const { socket } = await connect(url, options)
        socket.terminate()
      }
    })

    it('the refusal of an origin says which setting decides', async () => {
      const { url } = await serve()
      const { port } = new URL(url)
      const socket = connectTcp(Number(port), '127.0.0.1')
      const key = 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
      socket.write(
        `GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\norigin: https://b\r\n${key}\r\n`,
      )
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk)
      expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1.1 403 Forbidden\r\n.*see ROWPASS_CORS_ORIGINS/s)
    })

    it('without password mode everybody is told so', async () => {
      const { url, events } = await serve({ ROWPASS_PASSWORD_MODE: 'false' })
      const client = await connect(url)
      client.send(start(), message('p', login.password))
      expect(await client.error()).toMatchObject({ C: '28000', H: expect.stringMatching(/^password_mode_off: /) })
      expect(await client.closed).toBe(1008)
      expect(events).toMatchObject([{ type: 'session_refused', code: 'password_mode_off' }])
      expect(await activity()).toEqual([])
    })

    it('where the server cannot be reached, the client learns no more than that', async () => {
      const { url, events } = await serve({ ROWPASS_DATABASE_URL: `postgresql://u:p@127.0.0.1:1/${database.name}` })
      const client = await connect(url)
      client.send(start(), message('p', login.password))
      expect(await client.error()).toMatchObject({ C: '08006', M: 'The database cannot be reached' })
      expect(events).toMatchObject([{ type: 'session_refused', code: 'database_unavailable' }])
    })
  })
})
