import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { connect, firstCell, message, packet } from './raw-client.ts'
import { useWebSocketStage } from './websocket-stage.ts'

describePg('sessions over WebSocket', () => {
  const stage = useWebSocketStage()
  const { serve, start, logIn, ask, activity } = stage

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
      await stage.admin.query('create table if not exists public.late (n int)')
      await stage.admin.query(`grant insert on public.late to ${stage.login.user}`)
      const client = await logIn(url)
      client.send(message('Q', 'insert into public.late select 1 from pg_sleep(1)'))
      await waitUntil(async () => (await activity()).some(({ wait_event }) => wait_event === 'PgSleep'))
      client.socket.terminate()
      await waitUntil(async () => (await activity()).length === 0, 900)
      await waitUntil(() => events.some(({ type }) => type === 'session_closed'))
      expect(events.at(-1)).toMatchObject({ type: 'session_closed', endedBy: 'client' })
      const { rows } = await stage.admin.query('select count(*)::int as n from public.late')
      expect(rows).toEqual([{ n: 0 }])
    })

    it('a client that goes while it is logged in leaves no session', async () => {
      const { url, events } = await serve()
      for (let index = 0; index < 5; index++) {
        const client = await connect(url)
        client.send(start(), message('p', stage.login.password), message('Q', 'select pg_sleep(60)'))
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
      dead.send(start(), message('p', stage.login.password))
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
      await stage.admin.query('select pg_terminate_backend($1)', [pid])
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
      client.send(start(parameters), message('p', stage.login.password), message('Q', sql))
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
    it('a session over the limit waits, is refused with 53300, and there is room again when one ends', async () => {
      const { url } = await serve({ ROWPASS_PASSWORD_SESSIONS: '2', ROWPASS_QUEUE_TIMEOUT_MS: '200' })
      const first = await logIn(url)
      await logIn(url)
      const third = await connect(url)
      third.send(start(), message('p', stage.login.password))
      expect(await third.error()).toMatchObject({ C: '53300', H: expect.stringMatching(/^overloaded: /) })
      first.socket.close()
      await waitUntil(async () => {
        const next = await connect(url)
        next.send(start(), message('p', stage.login.password))
        await waitUntil(() => next.messages.some(({ type }) => type === 'Z' || type === 'E'))
        return next.messages.some(({ type }) => type === 'Z')
      })
    })

    it('SEC-65 one address leaves a sixth of the sessions to others, who log in at once', async () => {
      const { url } = await serve({
        ROWPASS_PASSWORD_SESSIONS: '6',
        ROWPASS_ADDRESS_HEADER: 'x-client',
        ROWPASS_QUEUE_TIMEOUT_MS: '200',
      })
      const logInFrom = async (address: string) => {
        const client = await connect(url, { headers: { 'x-client': address } })
        client.send(start(), message('p', stage.login.password))
        return client
      }
      for (let count = 0; count < 5; count++) await (await logInFrom('192.0.2.1')).until('Z')
      expect(await (await logInFrom('192.0.2.1')).error()).toMatchObject({ C: '53300' })
      const other = await logInFrom('192.0.2.2')
      await other.until('Z')
      expect(await ask(other, 'select 1')).toBe('1')
    })

    it('what the server itself refuses is passed on', async () => {
      const role = `limited_${stage.login.database.slice(-10)}`
      await stage.admin.query(`create role ${role} login password 'x' connection limit 0`)
      const { url } = await serve()
      const client = await connect(url)
      client.send(start({ user: role }), message('p', 'x'))
      expect(await client.error()).toMatchObject({ C: '53300', M: `too many connections for role "${role}"` })
      await stage.admin.query(`drop role ${role}`)
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
    function keyOf(client: { processID: number; secretKey: number }): Buffer {
      const body = Buffer.alloc(8)
      body.writeInt32BE(client.processID, 0)
      body.writeInt32BE(client.secretKey, 4)
      return body
    }

    const cancelKey = (client: { processID: number; secretKey: number }) => packet(80_877_102, keyOf(client))

    it('one with the key of a session here is passed on', async () => {
      const { url } = await serve()
      const client = await connect(url)
      client.send(start(), message('p', stage.login.password), message('Q', 'select pg_sleep(60)'))
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
      client.send(start(), message('p', stage.login.password), message('Q', `select 'slept' from pg_sleep(0.3)`))
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
      client.send(start(), message('p', stage.login.password), message('Q', 'select pg_sleep(60)'))
      const { body } = await client.until('K')
      await waitUntil(async () => (await activity()).some(({ wait_event }) => wait_event === 'PgSleep'))
      const cancel = async (key: Buffer, address: string): Promise<void> => {
        const canceller = await connect(url, { headers: { 'x-real-ip': address } })
        canceller.send(packet(80_877_102, key))
        await canceller.closed
      }
      const processID = body.readInt32BE(0)
      // 100 are counted, and one of them is forgotten every three seconds.
      const guesses = Array.from({ length: 130 }, (_, index) => keyOf({ processID, secretKey: index }))
      for (const guess of guesses) await cancel(guess, '192.0.2.1')
      await cancel(body, '192.0.2.1')
      // Were it passed on, it would have arrived by then.
      await delay(500)
      expect(client.messages.map(({ type }) => type)).not.toContain('E')
      await cancel(body, '192.0.2.2')
      expect(await client.error()).toMatchObject({ C: '57014' })
      client.socket.terminate()
    })

    it('SEC-41 one with the key of any other session is not', async () => {
      const { url } = await serve()
      const other = new pg.Client(stage.database.ownerUrl)
      await other.connect()
      const sleep = other.query("select 'slept' as it from pg_sleep(0.3)")
      const canceller = await connect(url)
      canceller.send(cancelKey(other as unknown as { processID: number; secretKey: number }))
      expect(await canceller.closed).toBe(1000)
      expect((await sleep).rows).toEqual([{ it: 'slept' }])
      await other.end()
    })
  })
})
