import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { neon, Pool } from '@neondatabase/serverless'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { LoginFailed } from '../../src/events.ts'
import { type GatewayConfig, parseGatewayConfig } from '../../src/gateway/config.ts'
import { createLogins } from '../../src/gateway/password/login.ts'
import { serverRefusal } from '../../src/postgres/server-url.ts'
import { openSession, type Session, type SessionLogin } from '../../src/postgres/session.ts'
import { pointDriverAt } from '../conformance/snippets/point-driver.ts'
import {
  type SqlAnswer,
  startTestGateway,
  startTestIssuer,
  type TestGateway,
  type TestIssuer,
  waitUntil,
} from '../support/gateway.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'
import { pgbouncerProgram, startPgBouncer } from '../support/pgbouncer.ts'
import { connect, message, type RawClient, startup } from './raw-client.ts'

const tooMany = /^too many failed logins: try again in (\d+) s$/

describePg('guessing the passwords of database users', () => {
  let database: TestDatabase
  const open: TestGateway[] = []

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
  })
  afterAll(() => database.close())
  afterEach(async () => {
    for (const gateway of open.splice(0)) await gateway.close()
  })

  /** A gateway with counts of its own; the driver sends to the last one. */
  async function serve(settings: Record<string, string> = {}, over = database): Promise<TestGateway> {
    const gateway = await startTestGateway(over, { ROWPASS_PASSWORD_MODE: 'true', ...settings })
    open.push(gateway)
    pointDriverAt(new URL(gateway.url))
    return gateway
  }

  function configOf({ iss, jwksUrl }: TestIssuer, settings: Record<string, string>): GatewayConfig {
    return parseGatewayConfig({
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: jwksUrl, audience: 'rowpass' }]),
      ROWPASS_PASSWORD_MODE: 'true',
      ...settings,
    })
  }

  /** The owner's connection string for the driver, with members of it replaced. */
  function as(members: Partial<Pick<URL, 'username' | 'password'>> = {}): string {
    return Object.assign(new URL(database.ownerUrl), { hostname: 'db.example.test', port: '' }, members).href
  }

  function ask(gateway: TestGateway, url: string, headers: Record<string, string> = {}): Promise<SqlAnswer> {
    const body = JSON.stringify({ query: 'select session_user as me', params: [] })
    return gateway.send(body, { 'neon-connection-string': url, ...headers })
  }

  async function guess(gateway: TestGateway, times: number, user = 'rowpass_owner', from?: string): Promise<void> {
    const headers: Record<string, string> = from === undefined ? {} : { 'x-forwarded-for': from }
    for (let index = 0; index < times; index++) {
      const { body } = await ask(gateway, as({ username: user, password: `guess ${from} ${index}` }), headers)
      expect(body.code).toBe('28P01')
    }
  }

  async function logInOverWebSocket(gateway: TestGateway, password: string, from?: string): Promise<RawClient> {
    const client = await connect(gateway.url, from === undefined ? {} : { headers: { 'x-forwarded-for': from } })
    client.send(startup({ user: 'rowpass_owner', database: database.name }), message('p', password))
    return client
  }

  const failuresOf = ({ events }: TestGateway) =>
    events.filter((event): event is LoginFailed => event.type === 'login_failed')
  const right = () => new URL(database.ownerUrl).password

  describe('with Neon’s driver', () => {
    it('ends over HTTP after ten passwords, with how long to wait', async () => {
      const gateway = await serve()
      for (let index = 0; index < 10; index++) {
        await expect(neon(as({ password: `guess ${index}` }))`select 1`).rejects.toMatchObject({ code: '28P01' })
      }
      await expect(neon(as())`select 1`).rejects.toMatchObject({
        code: '53400',
        message: expect.stringMatching(tooMany),
        hint: 'attempts_exceeded: Too many attempts: wait before the next one',
      })
      const { status, headers, body } = await ask(gateway, as())
      expect([status, headers.get('retry-after')]).toEqual([400, tooMany.exec(body.message)?.[1]])
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(30)
      expect(failuresOf(gateway).map(({ reason }) => reason)).toEqual([
        ...Array(10).fill('password'),
        'pair_limit',
        'pair_limit',
      ])
      expect(failuresOf(gateway)[0]).toEqual({
        type: 'login_failed',
        role: 'rowpass_owner',
        address: '127.0.0.1',
        reason: 'password',
      })
    })

    it('ends over WebSocket too, and both protocols count together', async () => {
      const gateway = await serve()
      const attempt = async (password: string): Promise<unknown> => {
        const pool = new Pool({ connectionString: as({ password }) })
        pool.on('error', () => {})
        return pool
          .query('select 1')
          .catch((error: unknown) => error)
          .finally(() => pool.end())
      }
      await guess(gateway, 5)
      for (let index = 0; index < 5; index++) expect(await attempt(`another ${index}`)).toMatchObject({ code: '28P01' })
      expect(await attempt(right())).toMatchObject({
        severity: 'FATAL',
        code: '53400',
        message: expect.stringMatching(tooMany),
        hint: 'attempts_exceeded: Too many attempts: wait before the next one',
      })
      expect((await ask(gateway, as())).body.code).toBe('53400')
    })

    it('does not concern twenty first logins at once', async () => {
      await serve()
      const sql = neon(as())
      const rows = await Promise.all(Array.from({ length: 20 }, () => sql`select session_user as me`))
      expect(rows).toEqual(Array(20).fill([{ me: 'rowpass_owner' }]))
      const pool = new Pool({ connectionString: as(), max: 20 })
      const names = await Promise.all(Array.from({ length: 20 }, () => pool.query('select session_user as me')))
      expect(names.map(({ rows: [row] }) => row.me)).toEqual(Array(20).fill('rowpass_owner'))
      await pool.end()
    })
  })

  it('is no faster with guesses that are sent together', async () => {
    const gateway = await serve()
    const overHttp = Array.from({ length: 20 }, async (_, index) => {
      return (await ask(gateway, as({ password: `guess ${index}` }))).body.code
    })
    const overWebSocket = Array.from({ length: 20 }, async (_, index) => {
      return (await (await logInOverWebSocket(gateway, `another ${index}`)).error()).C
    })
    const codes = await Promise.all([...overHttp, ...overWebSocket])
    expect(codes.filter((code) => code === '28P01')).toHaveLength(10)
    expect(codes.filter((code) => code === '53400')).toHaveLength(30)
  })

  it('counts by address over HTTP/2 too', async () => {
    const gateway = await serve()
    const session = connectHttp2(new URL(gateway.url).origin)
    const stream = session.request({
      ':method': 'POST',
      ':path': '/sql',
      'neon-connection-string': as({ password: 'x' }),
    })
    stream.end('{"query":"select 1"}')
    stream.resume()
    await once(stream, 'close')
    session.close()
    expect(failuresOf(gateway)).toMatchObject([{ address: '127.0.0.1', reason: 'password' }])
  })

  it('has the address of its connection, whatever it says itself, where no header is named', async () => {
    const gateway = await serve()
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip']) {
      await ask(gateway, as({ password: `of ${name}` }), { [name]: '192.0.2.1' })
    }
    expect(failuresOf(gateway).map(({ address }) => address)).toEqual(Array(4).fill('127.0.0.1'))
  })

  it('is answered alike for users who exist and who do not', async () => {
    const gateway = await serve()
    const answers = async (user: string) => {
      const all: unknown[] = []
      for (let index = 0; index < 12; index++) {
        const { status, headers, body } = await ask(gateway, as({ username: user, password: `guess ${index}` }))
        const { message, code, hint } = body
        const text = message.replace(user, 'X').replace(tooMany, 'too many')
        all.push([status, headers.has('retry-after'), text, code, hint])
      }
      return all
    }
    expect(await answers('nobody')).toEqual(await answers('rowpass_owner'))
  })

  it('does not lock out the user at another address, and is limited for an address and for a user', async () => {
    const gateway = await serve({
      ROWPASS_ADDRESS_HEADER: 'X-Forwarded-For',
      ROWPASS_PASSWORD_ADDRESS_FAILURES: '15',
      ROWPASS_PASSWORD_USER_FAILURES: '25',
    })
    const from = (address: string, url = as()) => ask(gateway, url, { 'x-forwarded-for': address })
    expect((await from('192.0.2.1')).status).toBe(200)
    await guess(gateway, 10, 'rowpass_owner', '198.51.100.1')
    expect((await from('198.51.100.1')).body.code).toBe('53400')
    await guess(gateway, 5, 'nobody', '198.51.100.1')
    expect((await from('198.51.100.1', as({ username: 'other', password: 'x' }))).body.code).toBe('53400')
    await guess(gateway, 10, 'rowpass_owner', '198.51.100.2')
    await guess(gateway, 5, 'rowpass_owner', '2001:db8::1')
    const elsewhere = await from('203.0.113.1')
    expect(elsewhere.body.code).toBe('53400')
    expect(Number(elsewhere.headers.get('retry-after'))).toBeLessThanOrEqual(12)
    expect((await from('192.0.2.1')).status).toBe(200)
    expect((await from('evil, 192.0.2.1:4711')).status).toBe(200)
    const client = await logInOverWebSocket(gateway, right(), '192.0.2.1')
    await client.until('Z')
    expect(await (await logInOverWebSocket(gateway, right(), '203.0.113.1')).error()).toMatchObject({ C: '53400' })
    client.socket.terminate()
    expect(new Set(failuresOf(gateway).map(({ reason }) => reason))).toEqual(
      new Set(['password', 'pair_limit', 'address_limit', 'user_limit']),
    )
  })

  it('does not lock out a generated password, not even from the same address', async () => {
    const gateway = await serve()
    const { username, password } = new URL(database.gatewayUrl)
    const program = as({ username, password })
    expect(password).toHaveLength(32)
    expect((await ask(gateway, program)).body.rows).toEqual([{ me: username }])
    await guess(gateway, 10, username)
    expect((await ask(gateway, as({ username, password: 'x' }))).body.code).toBe('53400')
    const rows = await Promise.all(Array.from({ length: 15 }, () => neon(program)`select session_user as me`))
    expect(rows).toEqual(Array(15).fill([{ me: username }]))
    const pool = new Pool({ connectionString: program })
    expect((await pool.query('select session_user as me')).rows).toEqual([{ me: username }])
    await pool.end()
  })

  it('is not what a program does that has kept an old password', async () => {
    const gateway = await serve()
    for (let index = 0; index < 30; index++) {
      expect((await ask(gateway, as({ password: 'the old one' }))).body.code).toBe('28P01')
    }
    expect((await ask(gateway, as())).status).toBe(200)
  })

  it('is not what fails for another reason', async () => {
    const role = `limited_${database.name.slice(-10)}`
    const admin = new pg.Client(database.superuserUrl)
    await admin.connect()
    await admin.query(`create role ${role} login password 'x' connection limit 0`)
    const gateway = await serve({ ROWPASS_PASSWORD_PAIR_FAILURES: '1' })
    for (let index = 0; index < 3; index++) {
      expect((await ask(gateway, as({ username: role, password: 'x' }))).body.code).toBe('53300')
      const client = await connect(gateway.url)
      const parameters = { user: 'rowpass_owner', database: database.name, no_such: '1' }
      client.send(startup(parameters), message('p', right()))
      expect(await client.error()).toMatchObject({ C: '42704' })
    }
    expect(failuresOf(gateway)).toEqual([])
    expect((await ask(gateway, as())).status).toBe(200)
    await admin.query(`drop role ${role}`)
    await admin.end()
  })

  if (pgbouncerProgram !== undefined) {
    it('is counted behind pgbouncer, which has a code of its own for wrong passwords', async () => {
      const pooler = await startPgBouncer(database, 2)
      const gateway = await serve({ ROWPASS_PREPARED_STATEMENTS: '0' }, { ...database, gatewayUrl: pooler.gatewayUrl })
      const { username, password } = new URL(database.gatewayUrl)
      await guess(gateway, 10, username)
      expect((await ask(gateway, as({ username, password }))).body.code).toBe('53400')
      await gateway.gateway.close()
      await pooler.close()
    })
  }

  describe('with a list of users', () => {
    it('counts those who are not on it as well', async () => {
      const gateway = await serve({ ROWPASS_PASSWORD_USERS: 'rowpass_issuer' })
      await guess(gateway, 10)
      expect((await ask(gateway, as())).body.code).toBe('53400')
      expect((await ask(gateway, database.issuerUrl)).body.rows).toEqual([{ me: 'rowpass_issuer' }])
    })

    it('asks the server for everybody, which takes its time, and tells it of nobody else', async () => {
      const { issuer } = await serve()
      const config = configOf(issuer, { ROWPASS_PASSWORD_USERS: 'rowpass_issuer' })
      const logins = createLogins(config, () => {})
      const asked: unknown[] = []
      const opener = {
        async open(as: Pick<SessionLogin, 'user' | 'password'>) {
          const session = openSession({
            ...as,
            server: config.databaseUrl,
            database: database.name,
            applicationName: undefined,
            connectTimeoutMs: config.connectTimeoutMs,
          })
          await session.catch((error: unknown) => asked.push([as.user, serverRefusal(error)?.code]))
          return session
        },
        close: ({ stream }: Session) => void stream.destroy(),
      }
      const request = { user: 'rowpass_owner', password: right(), address: undefined }
      await expect(logins.logIn(request, opener)).rejects.toMatchObject({
        code: 'password_refused',
        detail: "password authentication failed for user 'rowpass_owner'",
      })
      expect(asked).toEqual([['rowpass_issuer', '28P01']])
    })
  })

  describe('who may log in', () => {
    it('is on the list also where the server lets everybody in for any password', async () => {
      const issuer = await startTestIssuer()
      const logins = createLogins(configOf(issuer, { ROWPASS_PASSWORD_USERS: 'rowpass_issuer' }), () => {})
      await issuer.close()
      const closed: string[] = []
      const trusting = { open: async ({ user }: { user: string }) => user, close: (user: string) => closed.push(user) }
      const request = { user: 'rowpass_owner', password: 'any', address: undefined }
      await expect(logins.logIn(request, trusting)).rejects.toMatchObject({ code: 'password_refused' })
      expect(closed).toEqual(['rowpass_issuer'])
      expect((await logins.logIn({ ...request, user: 'rowpass_issuer' }, trusting)).opened).toBe('rowpass_issuer')
    })

    it('is changed by a reload, which ends the sessions of those who no longer may', async () => {
      const gateway = await serve({ ROWPASS_PASSWORD_USERS: 'rowpass_owner,rowpass_issuer' })
      const owner = await logInOverWebSocket(gateway, right())
      await owner.until('Z')
      const config = configOf(gateway.issuer, { ROWPASS_PASSWORD_USERS: 'rowpass_issuer' })
      await gateway.gateway.reload(() => config)
      expect(await owner.closed).toBe(1008)
      await waitUntil(() => gateway.events.some(({ type }) => type === 'session_closed'))
      expect(gateway.events.findLast(({ type }) => type === 'session_closed')).toMatchObject({ endedBy: 'gateway' })
      expect((await ask(gateway, as())).body.code).toBe('28P01')
      expect((await ask(gateway, database.issuerUrl)).status).toBe(200)
    })

    it('is nobody any more after a reload that turns password mode off', async () => {
      const gateway = await serve()
      const owner = await logInOverWebSocket(gateway, right())
      await owner.until('Z')
      await gateway.gateway.reload(() => configOf(gateway.issuer, { ROWPASS_PASSWORD_MODE: 'false' }))
      expect(await owner.closed).toBe(1008)
      expect((await ask(gateway, as())).body.hint).toMatch(/^token_missing: /)
      expect((await (await logInOverWebSocket(gateway, right())).error()).H).toMatch(/^password_mode_off: /)
    })
  })
})
