/** Several servers in one URL: which of them a connection leads to, and what is wrong with such a URL. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { debianPrograms, type Streaming, type StreamingServer, startStreaming } from '../../../../bench/streaming.ts'
import { parsePostgresUrl, serverOf, withConnection } from '../../src/database/connect.ts'
import { openSession, requestCancel } from '../../src/postgres/session.ts'
import { waitUntil } from '../support/gateway.ts'

describe('a URL with several hosts', () => {
  it.each([
    ['postgresql://u:p@a:5433,b/app', 'a:5433,b:5432/app'],
    ['postgres://u:p%2Cw@a,b:6000/app?sslmode=disable', 'a:5432,b:6000/app'],
    ['postgresql://u:p,w@a/app', 'a:5432/app'],
    ['postgresql://u@[::1]:5433,[2001:db8::1]/app', '[::1]:5433,[2001:db8::1]:5432/app'],
    ['postgresql://u@a/app?host=b,c&port=5433,5434', 'b:5433,c:5434/app'],
    ['postgresql://u@a/app?host=b,c&port=5433', 'b:5433,c:5433/app'],
    ['postgresql://u@a:5433/app', 'a:5433/app'],
  ])('%s leads to %s', (text, places) => {
    expect(serverOf(text)).toBe(places)
    // As text it may be read once more, as the commands do.
    expect(serverOf(parsePostgresUrl(text).href)).toBe(places)
  })

  it('what else it says stays as it was written', () => {
    const { search, password } = parsePostgresUrl('postgresql://u:p%20w@a,b/app?options=-c%20jit%3Doff')
    expect(search).toBe('?options=-c%20jit%3Doff&host=a,b&port=5432,5432')
    expect(password).toBe('p%20w')
  })

  it.each([
    ['postgresql://u:secret@a,,b/app', 'an entry in its list of hosts that is none'],
    ['postgresql://u:secret@a:x,b/app', 'an entry in its list of hosts that is none'],
    ['postgresql://u:secret@a,b/app?host=c', 'names its hosts twice'],
    ['postgresql://u:secret@a/app?host=b,c&port=1,2,3', 'has 3 ports for 2 hosts'],
    ['postgresql://u:secret@a/app?host=b,&port=1', 'an empty entry in its list of hosts'],
    ['postgresql://u:secret@a/app?port=70000', 'has a port that is none'],
    [
      'postgresql://u:secret@a/app?target_session_attrs=master',
      'target_session_attrs of the database URL is none of any,',
    ],
    [
      'postgresql://u:secret@a/app?load_balance_hosts=yes',
      'load_balance_hosts of the database URL is none of disable,',
    ],
  ])('%s is refused, without its password', async (text, detail) => {
    const failure = await withConnection(text, async () => undefined).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'config_invalid', detail: expect.stringContaining(detail) })
    expect(String(failure)).not.toContain('secret')
  })
})

async function listen(server: Server): Promise<Server> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

describe.skipIf(debianPrograms === undefined)('a primary and its standby', () => {
  let streaming: Streaming
  let primary: StreamingServer
  let standby: StreamingServer
  /** Accepts connections and says nothing. */
  let silent: Server
  let closedPort: number

  beforeAll(async () => {
    streaming = await startStreaming()
    primary = streaming.primary
    standby = await streaming.addStandby('standby')
    silent = await listen(createServer(() => {}))
    const closed = await listen(createServer())
    closedPort = (closed.address() as AddressInfo).port
    await new Promise((resolve) => closed.close(resolve))
  })

  afterAll(async () => {
    silent.close()
    await streaming.close()
  })

  const urlOf = (ports: readonly number[], query: string): string => {
    const url = new URL(primary.superuserUrl)
    return `postgresql://postgres:${url.password}@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/postgres?${query}`
  }
  const portOf = (ports: readonly number[], query: string): Promise<number> =>
    withConnection(urlOf(ports, query), async (client) => client.port)

  it.each([
    ['any', 'first', 'first'],
    ['read-write', 'primary', 'primary'],
    ['primary', 'primary', 'primary'],
    ['read-only', 'standby', 'standby'],
    ['standby', 'standby', 'standby'],
    ['prefer-standby', 'standby', 'standby'],
  ])('target_session_attrs=%s leads to the %s, in either order', async (wish, ...leads) => {
    for (const [index, ports] of [
      [primary.port, standby.port],
      [standby.port, primary.port],
    ].entries()) {
      const expected = { first: ports[0], primary: primary.port, standby: standby.port }[leads[index] as string]
      expect(await portOf(ports as [number, number], `target_session_attrs=${wish}`)).toBe(expected)
    }
  })

  it('a server that is read-only for everybody is no place to write, and the primary still', async () => {
    await withConnection(primary.superuserUrl, (client) =>
      client.query('alter role postgres set default_transaction_read_only = on'),
    )
    const ports = [primary.port]
    expect(await portOf(ports, 'target_session_attrs=primary')).toBe(primary.port)
    expect(await portOf(ports, 'target_session_attrs=read-only')).toBe(primary.port)
    await expect(portOf(ports, 'target_session_attrs=read-write')).rejects.toMatchObject({
      code: 'database_unavailable',
      detail: expect.stringContaining('it is read-only, and the URL has target_session_attrs=read-write'),
    })
    await withConnection(primary.superuserUrl, async (client) => {
      await client.query('set default_transaction_read_only = off')
      await client.query('alter role postgres reset default_transaction_read_only')
    })
  })

  it('prefer-standby is content with a primary where there is no standby', async () => {
    expect(await portOf([closedPort, primary.port], 'target_session_attrs=prefer-standby')).toBe(primary.port)
  })

  it('a server that does not answer is passed over, in its own time; none at all is told of each', async () => {
    const silentPort = (silent.address() as AddressInfo).port
    const session = await openSession({
      ...{ server: parsePostgresUrl(urlOf([silentPort, closedPort, standby.port], '')), user: 'postgres' },
      ...{ password: new URL(primary.superuserUrl).password, database: 'postgres' },
      ...{ applicationName: 'rowpass test', connectTimeoutMs: 300 },
    })
    expect(session.name).toBe(`127.0.0.1:${standby.port}`)
    session.stream.destroy()
    await expect(portOf([closedPort, standby.port], 'target_session_attrs=primary')).rejects.toMatchObject({
      detail: expect.stringMatching(
        new RegExp(`127.0.0.1:${closedPort}: nothing listens there; 127.0.0.1:${standby.port}: it is standby, and`),
      ),
    })
  })

  it('a login that is refused is not tried elsewhere', async () => {
    const url = new URL(parsePostgresUrl(urlOf([standby.port, primary.port], '')))
    url.password = 'wrong'
    await expect(withConnection(url.href, async () => undefined)).rejects.toMatchObject({
      detail: expect.stringMatching(/^[^;]*: password authentication failed for user "postgres"$/),
    })
  })

  it('in an order of chance each of them is met', async () => {
    const met = new Set<number>()
    await waitUntil(
      async () => met.add(await portOf([primary.port, standby.port], 'load_balance_hosts=random')).size === 2,
    )
  })

  it('a cancel request goes to the server of its session', async () => {
    const session = await openSession({
      ...{ server: parsePostgresUrl(urlOf([primary.port, standby.port], 'target_session_attrs=standby')) },
      ...{ user: 'postgres', password: new URL(primary.superuserUrl).password, database: 'postgres' },
      ...{ applicationName: 'rowpass to cancel', connectTimeoutMs: 5_000 },
    })
    session.stream.on('error', () => {}).resume()
    session.stream.write(Buffer.from(`Q\0\0\0${String.fromCharCode(29)}select pg_sleep(1000000)\0`))
    const sleeps = (): Promise<boolean> =>
      withConnection(standby.superuserUrl, async (client) => {
        const { rowCount } = await client.query(
          "select from pg_stat_activity where application_name = 'rowpass to cancel' and state = 'active'",
        )
        return rowCount === 1
      })
    await waitUntil(sleeps)
    await requestCancel(session, 5_000)
    await waitUntil(async () => !(await sleeps()))
    session.stream.destroy()
  })
})
