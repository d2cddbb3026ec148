import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { connectionsNeeded } from '../../src/database/exposure.ts'
import { hardenDatabase } from '../../src/database/harden.ts'
import { provision } from '../../src/database/provision.ts'
import type { Exposure } from '../../src/events.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase, urlFor } from '../support/pg.ts'

describePg('the limit of connections of the gateway’s login', () => {
  let database: TestDatabase
  let login: string
  let gatewayUrl: string

  beforeEach(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    login = `rowpass_test_gateway_${randomBytes(4).toString('hex')}`
    gatewayUrl = urlFor(database.name, login, 'of-a-throw-away-role')
  })
  afterEach(async () => {
    await database.close()
    await withConnection(urlFor('postgres'), (client) => client.query(`drop role if exists ${login}`))
  })

  const limit = (): Promise<number> =>
    withConnection(database.superuserUrl, async (client) => {
      const { rows } = await client.query('select rolconnlimit as n from pg_roles where rolname = $1', [login])
      return rows[0]?.n as number
    })
  const setLimit = (n: number) =>
    withConnection(database.superuserUrl, (client) => client.query(`alter role ${login} connection limit ${n}`))
  const migrate = (connections: number, onProgress: (text: string) => void = () => undefined) =>
    provision({ ownerUrl: database.ownerUrl, gatewayUrl, connections, onProgress })
  const stepOf = async (connections: number) => {
    const steps = await hardenDatabase({ url: database.ownerUrl, login, connections })
    return steps.find(({ name }) => name === 'connection_limit')
  }
  /** What a gateway with these settings says of it at its start. */
  const exposures = async (settings: Record<string, string> = {}): Promise<Exposure[]> => {
    const gateway = await startTestGateway(database, { ROWPASS_DATABASE_URL: gatewayUrl, ...settings })
    await gateway.close()
    return gateway.events
      .flatMap((event) => (event.type === 'database_exposed' ? event.exposures : []))
      .filter((name) => name.startsWith('connection_limit'))
  }

  it('SEC-73 is twice what the gateways need, by a migration of an owner that is no superuser', async () => {
    expect(connectionsNeeded({ poolSize: 4, gateways: 1, workers: 1 })).toBe(9)
    await migrate(9)
    expect(await limit()).toBe(18)
    expect(await exposures()).toEqual([])
  })

  it('SEC-73 keeps the rest of the server for others, whatever the login does', async () => {
    await migrate(1)
    const open: pg.Client[] = []
    try {
      for (let count = 0; count < 2; count++) {
        const client = new pg.Client(gatewayUrl)
        open.push(client)
        await client.connect()
      }
      const client = new pg.Client(gatewayUrl)
      await expect(client.connect()).rejects.toMatchObject({ code: '53300' })
      await withConnection(database.ownerUrl, (owner) => owner.query('select 1'))
    } finally {
      await Promise.all(open.map((client) => client.end()))
    }
  })

  it('SEC-73 a start names one that is missing, too small for the gateways that it is told of, or too large', async () => {
    await migrate(9)
    await setLimit(-1)
    expect(await exposures()).toEqual(['connection_limit_missing'])
    await setLimit(18)
    expect(await exposures({ ROWPASS_GATEWAYS: '3' })).toEqual(['connection_limit_small'])
    expect(await exposures({ ROWPASS_POOL_SIZE: '14' })).toEqual(['connection_limit_small'])
    await setLimit(1000)
    expect(await exposures()).toEqual(['connection_limit_large'])
  })

  it('is set by hardening where it is missing, too small or too large, and left where it is neither', async () => {
    await migrate(9)
    for (const wrong of [-1, 8, 1000]) {
      await setLimit(wrong)
      expect(await stepOf(9)).toMatchObject({ state: 'done' })
      expect(await limit()).toBe(18)
    }
    await setLimit(30)
    expect(await stepOf(9)).toMatchObject({ state: 'closed' })
    expect(await limit()).toBe(30)
  })

  it('SEC-72 is not set below what is open: there are more gateways than was said', async () => {
    await migrate(9)
    await setLimit(-1)
    const gateway = await startTestGateway(database, { ROWPASS_DATABASE_URL: gatewayUrl, ROWPASS_POOL_SIZE: '10' })
    const lines: string[] = []
    await migrate(9, (line) => lines.push(line))
    expect(await limit()).toBe(-1)
    expect(lines.join('\n')).toMatch(
      /^not yet: the gateways open a bounded number of connections \(1\d connections of it are open, and ROWPASS_GATEWAYS, ROWPASS_WORKERS and ROWPASS_POOL_SIZE come to 9\)/,
    )
    expect(await stepOf(15)).toMatchObject({ state: 'done' })
    await gateway.close()
  })

  it('is refused where the server has too few connections for the gateways', async () => {
    await migrate(9)
    expect(await stepOf(10_000)).toMatchObject({ state: 'refused', reason: expect.stringContaining('max_connections') })
    expect(await limit()).toBe(18)
  })
})
