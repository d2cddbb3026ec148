import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { freePort } from '../../../local/src/postgres/server.ts'
import { withConnection } from '../../src/database/connect.ts'
import { countChangesSql } from '../../src/database/schema-changes.ts'
import type { ClockDiffers, RowpassEvent } from '../../src/events.ts'
import { type KnownCatalog, readCatalog } from '../../src/gateway/catalog-reading.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createGateway } from '../../src/gateway/server.ts'
import { startTestGateway, startTestIssuer, type TestGateway, waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'

describePg('the reading of the catalogs', () => {
  let database: TestDatabase
  const asSuperuser = (sql: string) => withConnection(database.superuserUrl, (client) => client.query(sql))
  const asOwner = (sql: string) => withConnection(database.ownerUrl, (client) => client.query(sql))

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
  })
  afterAll(() => database.close())

  const read = (before?: KnownCatalog) =>
    readCatalog(
      { databaseUrl: new URL(database.gatewayUrl), connectTimeoutMs: 5_000, poolSize: 4, gateways: 1, workers: 1 },
      { expected: { sealKey: database.sealKeys[0], roles: ['authenticated'] }, before },
    )

  /** Each changes what a fact is made of, one of them nothing but a dependency. */
  const changes = [
    'create function fresh() returns int language sql stable return 1',
    `create or replace function fresh() returns int language sql stable as 'select 2'`,
    'alter function fresh() volatile',
    'create type shade as (name text)',
    'create operator === (function = int4eq, leftarg = int, rightarg = int)',
    'alter function fresh() rename to stale',
    'create schema elsewhere; alter function stale() set schema elsewhere',
    'alter schema elsewhere rename to somewhere',
    'drop function somewhere.stale()',
  ]

  it.each([false, true])('is repeated only when something has changed (changes counted: %s)', async (counted) => {
    if (counted) await asSuperuser(countChangesSql)
    let before = await read()
    expect(before.version === undefined).toBe(!counted)
    for (const change of changes) {
      const same = await read(before)
      expect([change, same.facts === before.facts, same.types === before.types]).toEqual([change, true, true])
      await asOwner(change)
      const next = await read(before)
      expect([change, next.facts === before.facts]).toEqual([change, false])
      before = next
    }
    await asOwner('drop schema somewhere; drop operator === (int, int); drop type shade')
  })

  it('follows a statement with a parameter that is used again, where the changes are counted', async () => {
    await asSuperuser(countChangesSql)
    const gateway: TestGateway = await startTestGateway(database)
    try {
      const readings = () => gateway.events.filter(({ type }) => type === 'catalog_read').length
      const ada = await gateway.issuer.token('ada')
      const ask = () => gateway.sql(ada, 'select $1::int + 1 as n', [1])
      await ask()
      await ask()
      const before = readings()
      await asOwner('create function later() returns int language sql stable return 1')
      expect((await ask()).body.rows).toEqual([{ n: '2' }])
      // Not the half minute that it takes by itself; each connection keeps statements of its own, and one of them tells.
      await waitUntil(async () => {
        expect((await ask()).body.rows).toEqual([{ n: '2' }])
        return readings() > before
      }, 10_000)
    } finally {
      await gateway.close()
    }
  })

  it('tells by how many seconds the clocks differ, and the gateway is ready', async () => {
    const now = Date.now
    const own = vi.spyOn(Date, 'now').mockImplementation(() => now() - 1_200_000)
    const port = await freePort()
    const gateway = await startTestGateway(database, { ROWPASS_METRICS_PORT: String(port) })
    try {
      await waitUntil(() => gateway.gateway.ready())
      const told = gateway.events.filter(({ type }) => type === 'clock_differs')
      expect(told).toEqual([
        { type: 'clock_differs', aheadSeconds: expect.any(Number), remedy: expect.stringContaining('NTP') },
      ])
      const { aheadSeconds } = told[0] as ClockDiffers
      expect([1199, 1200, 1201]).toContain(aheadSeconds)
      expect(gateway.events.filter(({ type }) => type === 'database_unprepared')).toEqual([])
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      expect(metrics).toContain(`rowpass_database_clock_ahead_seconds ${aheadSeconds}\n`)
      const { status, body } = await gateway.sql(await gateway.issuer.token('ada'), 'select auth.user_id()')
      expect(status).toBe(400)
      expect(body).toMatchObject({ code: '28000', message: 'the session has expired' })
      expect(body.hint).toMatch(/^It ended \d+ s ago by the clock of this server\./)
    } finally {
      own.mockRestore()
      await gateway.close()
    }
  })

  it('that fails is an event with its cause, and requests are told that, not that the database cannot be reached', async () => {
    const issuer = await startTestIssuer()
    await asSuperuser('revoke select on pg_catalog.pg_cast from public')
    const events: RowpassEvent[] = []
    const gateway = createGateway(
      parseGatewayConfig({
        ROWPASS_DATABASE_URL: database.gatewayUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
        ROWPASS_ISSUERS: JSON.stringify([{ iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass' }]),
        ROWPASS_PORT: '0',
      }),
      { emit: (event) => events.push(event) },
    )
    try {
      const failed = () => events.find(({ type }) => type === 'catalog_failed')
      await waitUntil(() => failed() !== undefined && events.some(({ type }) => type === 'connection_opened'))
      expect(failed()).toMatchObject({ cause: { code: '42501' }, retryInMs: expect.any(Number) })
      expect(gateway.ready()).toBe(false)
      const response = await gateway.fetch(
        new Request('http://gateway/sql', {
          method: 'POST',
          headers: {
            authorization: `Bearer ${await issuer.token('ada')}`,
            'neon-connection-string': `postgresql://authenticated@db.example.test/${database.name}`,
          },
          body: JSON.stringify({ query: 'select 1', params: [] }),
        }),
      )
      expect(await response.json()).toMatchObject({ code: '57P03', hint: expect.stringContaining('catalog_unread') })
      await asSuperuser('grant select on pg_catalog.pg_cast to public')
      await waitUntil(() => gateway.ready(), 10_000)
    } finally {
      await asSuperuser('grant select on pg_catalog.pg_cast to public')
      await gateway.close()
      await issuer.close()
    }
  })
})
