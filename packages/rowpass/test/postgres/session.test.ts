import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { serverRefusal } from '../../src/postgres/server-url.ts'
import { openSession, requestCancel, type SessionLogin, toServerOptions } from '../../src/postgres/session.ts'
import { waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase, urlFor } from '../support/pg.ts'

describePg('a session', () => {
  let database: TestDatabase
  let login: SessionLogin

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    const { username: user, password } = new URL(database.ownerUrl)
    const server = new URL(urlFor('postgres', 'nobody', 'nothing'))
    login = {
      server,
      user,
      password,
      database: database.name,
      applicationName: undefined,
      connectTimeoutMs: 5_000,
    }
  })
  afterAll(() => database.close())
  afterEach(() => vi.unstubAllEnvs())

  it('the user and the password are those given, not those of the server’s URL', async () => {
    const session = await openSession(login)
    expect(session.processID).toBeGreaterThan(0)
    expect(session.parameters.get('session_authorization')).toBe(login.user)
    session.stream.destroy()
  })

  it('an empty password is not replaced by one of the environment', async () => {
    vi.stubEnv('PGPASSWORD', new URL(database.ownerUrl).password)
    await expect(openSession({ ...login, password: '' })).rejects.toThrow(/password/)
  })

  it.each(['user', 'database', 'applicationName', 'options'] as const)(
    'a NUL in %s does not begin another parameter',
    async (name) => {
      const injected = { ...login, [name]: `${login[name] ?? ''}\0user\0postgres` }
      await expect(openSession(injected)).rejects.toThrow(TypeError)
    },
  )

  it('a login that is given up half way leaves no connection behind', async () => {
    // Offers a way to authenticate that nobody knows, and waits.
    const strange = createServer((socket) => {
      socket.once('data', () => socket.write('R\0\0\0\v\0\0\0\nX\0\0', 'latin1'))
    })
    await new Promise<void>((resolve) => strange.listen(0, '127.0.0.1', resolve))
    const connected = once(strange, 'connection')
    const server = new URL(`postgresql://127.0.0.1:${(strange.address() as AddressInfo).port}/`)
    await expect(openSession({ ...login, server })).rejects.toThrow('SCRAM')
    const [socket] = (await connected) as [Socket]
    await once(socket.resume(), 'close')
    strange.close()
  })

  it('a database may have any name', async () => {
    const name = 'a/b?c=d&e#%20 é'
    const admin = new pg.Client(database.superuserUrl)
    await admin.connect()
    await admin.query(`create database ${pg.escapeIdentifier(name)} strategy file_copy`)
    const session = await openSession({ ...login, database: name })
    const { rows } = await admin.query('select datname from pg_stat_activity where pid = $1', [session.processID])
    session.stream.destroy()
    await admin.query(`drop database ${pg.escapeIdentifier(name)} with (force)`)
    await admin.end()
    expect(rows).toEqual([{ datname: name }])
  })

  it('options of the server’s URL come first, those of the login after them', async () => {
    const server = new URL(login.server)
    server.searchParams.set('options', '-c application_name=first -c DateStyle=German')
    const options = toServerOptions([['application_name', 'then \\ this']])
    const { stream, parameters } = await openSession({ ...login, server, options })
    expect(parameters.get('application_name')).toBe('then \\ this')
    expect(parameters.get('DateStyle')).toBe('German, DMY')
    stream.destroy()
  })

  it('what the server says against a login can be told from a server that is not there', async () => {
    const wrong = await openSession({ ...login, password: 'x' }).catch((error: unknown) => error)
    expect(serverRefusal(wrong)).toMatchObject({ code: '28P01', severity: 'FATAL' })
    const server = new URL('postgresql://127.0.0.1:1/')
    const absent = await openSession({ ...login, server }).catch((error: unknown) => error)
    expect(serverRefusal(absent)).toBeUndefined()
  })

  it('a cancel request reaches what the session runs, and a server that is gone ends it too', async () => {
    const client = new pg.Client(database.ownerUrl)
    await client.connect()
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const sleep = expect(client.query('select pg_sleep(60)')).rejects.toMatchObject({ code: '57014' })
    const { hostname: host, port } = login.server
    const admin = new pg.Client(database.superuserUrl)
    await admin.connect()
    await waitUntil(async () => {
      const { rows } = await admin.query('select wait_event from pg_stat_activity where pid = $1', [processID])
      return rows[0].wait_event === 'PgSleep'
    })
    const session = { processID, secretKey, host, port: Number(port), ssl: false, sslNegotiation: 'postgres' } as const
    await requestCancel(session, 1_000)
    await sleep
    await requestCancel({ ...session, port: 1 }, 1_000)
    await admin.end()
    await client.end()
  })
})
