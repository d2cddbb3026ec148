import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { connect, firstCell, message, packet, type RawClient, startup, terminate } from './raw-client.ts'
import { useWebSocketStage } from './websocket-stage.ts'

describePg('PostgreSQL over WebSocket', () => {
  const stage = useWebSocketStage()
  const { serve, start, logIn, ask, activity } = stage

  describe('startup', () => {
    it('startup, password and first query may come in one message', async () => {
      const { url, events } = await serve()
      const client = await connect(url)
      client.send(start(), message('p', stage.login.password), message('Q', 'select 41 + 1'))
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
        { type: 'session_opened', sessionId: expect.any(String), role: stage.login.user },
        {
          type: 'session_closed',
          sessionId: (events[0] as { sessionId: string }).sessionId,
          role: stage.login.user,
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
      const bytes = Buffer.concat([start(), message('p', stage.login.password), message('Q', 'select 7')])
      for (const byte of bytes) client.send(Buffer.from([byte]))
      await client.until('D')
      expect(firstCell(client)).toBe('7')
      client.socket.terminate()
    })

    it('a first query of a megabyte waits for the login', async () => {
      const { url } = await serve()
      const client = await connect(url)
      const query = `select length('${'x'.repeat(1_000_000)}')`
      client.send(start(), message('p', stage.login.password), message('Q', query))
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
      client.send(startup({ user: stage.login.user, database: stage.login.database, '_pq_.more': '1' }, (3 << 16) | 2))
      const { body } = await client.until('v')
      expect(body.readInt32BE(0)).toBe(3 << 16)
      expect(body.subarray(4).toString('latin1')).toBe('\0\0\0\x01_pq_.more\0')
      client.send(message('p', stage.login.password))
      await client.until('Z')
      client.socket.terminate()
    })

    it.each<[string, () => Buffer[], string, RegExp]>([
      ['a packet that is too short', () => [Buffer.from([0, 0, 0, 4, 0, 0, 0, 0])], '08P01', /invalid length/],
      ['a packet over 10,000 bytes', () => [start({ options: 'x'.repeat(10_000) })], '08P01', /invalid length/],
      ['protocol 2', () => [startup({ user: 'a' }, 2 << 16)], '08P01', /unsupported frontend protocol/],
      ['no user', () => [startup({ database: stage.login.database })], '28P01', /no PostgreSQL user name/],
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
        () => [start({ no_such: '1' }), message('p', stage.login.password)],
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
        ROWPASS_DATABASE_URL: `postgresql://u:p@127.0.0.1:${port}/${stage.database.name}`,
        ROWPASS_CONNECT_TIMEOUT_MS: '1000',
        // One address leaves a sixth of them to others.
        ROWPASS_PASSWORD_SESSIONS: '86',
        ROWPASS_PASSWORD_PAIR_FAILURES: '64',
        ROWPASS_PASSWORD_ADDRESS_FAILURES: '64',
      })
      const clients = await Promise.all(Array.from({ length: 64 }, () => connect(url)))
      for (const client of clients) client.send(start(), message('p', stage.login.password))
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
      // Long before the time is over that a client has to say who it is.
      expect(await Promise.race([first.closed, delay(5_000, 'open')])).toBe(1006)
      expect(others.map(({ socket }) => socket.readyState)).toEqual(Array(8).fill(first.socket.OPEN))
      expect(await ask(await logIn(url), 'select 1')).toBe('1')
      for (const { socket } of others) socket.terminate()
    })

    it('an empty password is not filled in from the environment of the gateway', async () => {
      const { url } = await serve()
      process.env.PGPASSWORD = stage.login.password
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
      const { port } = new URL(stage.database.ownerUrl)
      const client = await connect(`${url}?address=192.0.2.1:1`, { headers: { host: 'db.example.test:1' } })
      client.send(start(), message('p', stage.login.password))
      await client.until('Z')
      expect(await ask(client, 'select inet_server_port()')).toBe(port)
      client.socket.terminate()
      const other = await connect(url)
      other.send(start({ host: '192.0.2.1', hostaddr: '192.0.2.1', port: '1' }), message('p', stage.login.password))
      expect(await other.error()).toMatchObject({ C: '42704', M: expect.stringContaining('"host"') })
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
      client.send(start(), message('p', stage.login.password))
      expect(await client.error()).toMatchObject({ C: '28000', H: expect.stringMatching(/^password_mode_off: /) })
      expect(await client.closed).toBe(1008)
      expect(events).toMatchObject([{ type: 'session_refused', code: 'password_mode_off' }])
      expect(await activity()).toEqual([])
    })

    it('where the server cannot be reached, the client learns no more than that', async () => {
      const { url, events } = await serve({
        ROWPASS_DATABASE_URL: `postgresql://u:p@127.0.0.1:1/${stage.database.name}`,
      })
      const client = await connect(url)
      client.send(start(), message('p', stage.login.password))
      expect(await client.error()).toMatchObject({ C: '08006', M: 'The database cannot be reached' })
      expect(events).toMatchObject([{ type: 'session_refused', code: 'database_unavailable' }])
    })
  })
})
