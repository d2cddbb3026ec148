import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { freePort } from '../../../local/src/postgres/server.ts'
import { withConnection } from '../../src/database/connect.ts'
import type { RowpassEvent } from '../../src/events.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { parseIssuers } from '../../src/gateway/issuers.ts'
import { createEventLog } from '../../src/gateway/log.ts'
import { tryExpected } from '../../src/gateway/reload.ts'
import { createGateway } from '../../src/gateway/server.ts'
import { formatSealKeys, generateSealKey, installSealKeys, removeSealKey } from '../../src/seal/keys.ts'
import type { SealKey } from '../../src/seal/seal.ts'
import { startTestGateway, startTestIssuer, type TestGateway, type TestIssuer, waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'

describePg('a gateway in operation', () => {
  let database: TestDatabase
  let bare: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    bare = await createTestDatabase({ contents: 'bare' })
  })
  afterAll(() => Promise.all([database.close(), bare.close()]))

  describe('reloading', () => {
    let gateway: TestGateway
    let second: TestIssuer

    const configFor = (issuers: readonly TestIssuer[], sealKeys = sealKeysText) =>
      parseGatewayConfig({
        ROWPASS_DATABASE_URL: database.gatewayUrl,
        ROWPASS_SEAL_KEYS: sealKeys,
        ROWPASS_ISSUERS: JSON.stringify(
          issuers.map(({ iss, jwksUrl }) => ({ iss, jwks_url: jwksUrl, audience: 'rowpass' })),
        ),
        ROWPASS_PORT: '0',
      })

    beforeAll(async () => {
      gateway = await startTestGateway(database, { ROWPASS_IDENTITY_LIMIT: '500' })
      second = await startTestIssuer()
    })
    afterAll(async () => {
      await gateway.close()
      await second.close()
    })

    it('accepts a new issuer and refuses one that was taken out, cached tokens too', async () => {
      const [first, other] = [await gateway.issuer.token('ada'), await second.token('eve')]
      const subject = async (token: string) => (await gateway.sql(token, 'select auth.user_id() as id')).body
      expect(await subject(first)).toMatchObject({ rows: [{ id: 'ada' }] })
      expect(await subject(other)).toMatchObject({ code: '28000' })
      await gateway.gateway.reload(() => configFor([gateway.issuer, second]))
      expect(await subject(first)).toMatchObject({ rows: [{ id: 'ada' }] })
      expect(await subject(other)).toMatchObject({ rows: [{ id: 'eve' }] })
      await gateway.gateway.reload(() => configFor([second]))
      expect(await subject(first)).toMatchObject({ code: '28000' })
      await gateway.gateway.reload(() => configFor([gateway.issuer]))
    })

    it('seals with a new key while requests are under way; none fails', async () => {
      const token = await gateway.issuer.token('ada')
      const next = generateSealKey('next')
      let rotated = false
      const answers: Promise<unknown>[] = []
      for (let index = 0; index < 200; index++) {
        answers.push(gateway.sql(token, 'select auth.user_id() as id').then(({ body }) => body.rows))
        if (index === 100) {
          await withConnection(database.ownerUrl, (client) => installSealKeys(client, [next]))
          await gateway.gateway.reload(() => configFor([gateway.issuer], `${formatSealKeys([next])},${sealKeysText}`))
          rotated = true
        }
      }
      expect(rotated).toBe(true)
      for (const rows of await Promise.all(answers)) expect(rows).toEqual([{ id: 'ada' }])
      await withConnection(database.ownerUrl, (client) => removeSealKey(client, 'test'))
      expect((await gateway.sql(token, 'select auth.user_id() as id')).body.rows).toEqual([{ id: 'ada' }])
      await withConnection(database.ownerUrl, (client) => installSealKeys(client, database.sealKeys))
      await gateway.gateway.reload(() => configFor([gateway.issuer]))
    })

    describe('what the database cannot serve', () => {
      const whoIs = async (token: string) => (await gateway.sql(token, 'select auth.user_id() as id')).body
      const refused = (reason: string, text: RegExp) => {
        const last = gateway.events.findLast(({ type }) => type === 'config_refused' || type === 'config_reloaded')
        expect(last).toMatchObject({ type: 'config_refused', reason })
        const lines: string[] = []
        createEventLog({ write: (line) => void lines.push(line) })(last!)
        expect(lines[0]).toMatch(text)
      }

      it.each<[string, SealKey]>([
        ['of another name', generateSealKey('unknown')],
        ['of the same name', generateSealKey('test')],
      ])('a seal key that it does not know, %s, is refused with all that comes with it', async (_title, key) => {
        const [token, other] = [await gateway.issuer.token('ada'), await second.token('eve')]
        await gateway.gateway.reload(() => configFor([gateway.issuer, second], formatSealKeys([key])))
        refused('seal_key', new RegExp(`does not accept the seal key .*${key.name}.*db migrate`))
        expect(await whoIs(token)).toMatchObject({ rows: [{ id: 'ada' }] })
        expect(await whoIs(other)).toMatchObject({ code: '28000' })
      })

      it('a database role that the login cannot take is refused', async () => {
        const token = await gateway.issuer.token('ada')
        const issuer = { iss: second.iss, jwks_url: second.jwksUrl, audience: 'rowpass', role: 'nobody_of_this_name' }
        await gateway.gateway.reload(() => ({
          ...configFor([gateway.issuer]),
          issuers: parseIssuers(JSON.stringify([issuer])),
        }))
        refused('roles', /cannot take the roles: nobody_of_this_name/)
        expect(await whoIs(token)).toMatchObject({ rows: [{ id: 'ada' }] })
      })

      it('nothing new is taken while it cannot be tried; an issuer can be taken away all the same', async () => {
        const [token, other] = [await gateway.issuer.token('ada'), await second.token('eve')]
        await gateway.gateway.reload(() => configFor([gateway.issuer, second]))
        const allow = (allowed: boolean) =>
          withConnection(inject('superuserUrl'), (client) =>
            client.query(`alter database ${database.name} allow_connections ${allowed}`),
          )
        await allow(false)
        try {
          await gateway.gateway.reload(() =>
            configFor([gateway.issuer, second], formatSealKeys([generateSealKey('new')])),
          )
          refused('database', /not currently accepting connections/)
          expect(await whoIs(other)).toMatchObject({ rows: [{ id: 'eve' }] })
          await gateway.gateway.reload(() => configFor([gateway.issuer]))
          expect(await whoIs(other)).toMatchObject({ code: '28000' })
          expect(await whoIs(token)).toMatchObject({ rows: [{ id: 'ada' }] })
        } finally {
          await allow(true)
        }
      })

      it('a configuration that is wrong by itself is refused, and counted', async () => {
        await gateway.gateway.reload(() => parseGatewayConfig({}))
        refused('settings', /ROWPASS_ISSUERS is missing/)
      })

      it('of two reloads, the second one holds', async () => {
        const other = await second.token('eve')
        const both = [configFor([gateway.issuer, second]), configFor([gateway.issuer])]
        await Promise.all(both.map((config) => gateway.gateway.reload(() => config)))
        expect(await whoIs(other)).toMatchObject({ code: '28000' })
      })
    })
  })

  describe('a database that is not prepared for it', () => {
    const startUp = async (settings: Record<string, string>) => {
      const events: RowpassEvent[] = []
      const config = parseGatewayConfig({
        ROWPASS_DATABASE_URL: database.gatewayUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
        ROWPASS_ISSUERS: issuers({}),
        ...settings,
      })
      const gateway = createGateway(config, { emit: (event) => events.push(event) })
      const said = () => events.find((event) => event.type === 'database_unprepared')
      return { gateway, said }
    }
    const issuers = (members: Record<string, unknown>): string =>
      JSON.stringify([{ iss: 'https://i.example', jwks_url: 'https://i.example/jwks', audience: 'a', ...members }])

    it.each([
      ['the platform', 'platform', () => ({ ROWPASS_DATABASE_URL: bare.gatewayUrl })],
      ['a key of another name', 'seal_key', () => ({ ROWPASS_SEAL_KEYS: formatSealKeys([generateSealKey('other')]) })],
      ['a key of this name', 'seal_key', () => ({ ROWPASS_SEAL_KEYS: formatSealKeys([generateSealKey('test')]) })],
    ])('makes it say so and not be ready: %s is missing', async (_title, missing, settings) => {
      const { gateway, said } = await startUp(settings())
      await waitUntil(() => said() !== undefined)
      expect(said()).toMatchObject({ missing: [missing], roles: [], remedy: expect.stringContaining('db migrate') })
      expect(gateway.ready()).toBe(false)
      await gateway.close()
    })

    it.each([
      ['before it', 'platform', 'array[0, 0]', 'npx rowpass db migrate'],
      ['after it', 'gateway', 'array[2, 3]', 'this one is older'],
    ])('makes it say so and not be ready: a version %s has prepared it', async (_title, missing, serves, remedy) => {
      const own = await createTestDatabase({ contents: 'platform' })
      const contracts = (numbers: string) =>
        withConnection(own.ownerUrl, (client) =>
          client.query(
            `create or replace function rowpass.gateway_contracts() returns integer[] language sql immutable return ${numbers}`,
          ),
        )
      await contracts(serves)
      const { gateway, said } = await startUp({ ROWPASS_DATABASE_URL: own.gatewayUrl })
      await waitUntil(() => said() !== undefined)
      expect(said()).toMatchObject({ missing: [missing], remedy: expect.stringContaining(remedy) })
      expect(gateway.ready()).toBe(false)
      const ofNow = { sealKey: own.sealKeys[0], roles: ['authenticated'] }
      const next = { ...ofNow, sealKey: generateSealKey('next') }
      const where = { databaseUrl: new URL(own.gatewayUrl), connectTimeoutMs: 5_000 }
      await expect(tryExpected(where, ofNow, next)).rejects.toMatchObject({ reason: missing })
      await contracts('array[0, 2]')
      await waitUntil(() => gateway.ready(), 15_000)
      await gateway.close()
      await own.close()
    })

    it('is said of roles that its login cannot take, and tokens of other roles go on', async () => {
      const roles = ['nobody_made_this', 'authenticated', 'pg_monitor']
      const { gateway, said } = await startUp({ ROWPASS_ISSUERS: issuers({ role_claim: 'r', roles }) })
      await waitUntil(() => gateway.ready())
      expect(said()).toMatchObject({ missing: ['roles'], roles: ['nobody_made_this', 'pg_monitor'] })
      await gateway.close()
    })

    it('becomes ready by itself when that is mended', async () => {
      const late = generateSealKey('late')
      const { gateway, said } = await startUp({ ROWPASS_SEAL_KEYS: formatSealKeys([late]) })
      await waitUntil(() => said() !== undefined)
      await withConnection(database.ownerUrl, (client) => installSealKeys(client, [late]))
      await waitUntil(() => gateway.ready(), 15_000)
      await gateway.close()
    })
  })

  it('metrics count what was answered, and are served on a port of their own', async () => {
    const port = await freePort()
    const settings = { ROWPASS_METRICS_PORT: String(port), ROWPASS_PASSWORD_MODE: 'true' }
    const gateway = await startTestGateway(database, settings)
    const token = await gateway.issuer.token('ada')
    await gateway.sql(token, 'select generate_series(1, 3)')
    await gateway.sql(token, 'select 1/0')
    await gateway.sql('not-a-token', 'select 1')
    await gateway.send('{"query":"select 1"}', { 'neon-connection-string': `postgres://nobody:x@h/${database.name}` })
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(text).toContain('rowpass_requests_total{auth="token",outcome="ok"} 1')
    expect(text).toContain('rowpass_requests_total{auth="token",outcome="postgres"} 1')
    expect(text).toContain('rowpass_requests_total{auth="none",outcome="token_invalid"} 1')
    expect(text).toContain('rowpass_logins_failed_total{reason="password"} 1')
    expect(text).toContain('rowpass_rows_total 3')
    expect(text).toContain('rowpass_connections_open 4')
    expect(text).toContain(`rowpass_jwks_fetches_total{iss="${gateway.issuer.iss}",outcome="ok"} 1`)
    expect((await fetch(new URL('/metrics', gateway.url))).status).toBe(400)
    await gateway.close()
  })

  it('the trace context of a request is in its log line, and SQL can read it', async () => {
    const gateway = await startTestGateway(database, { ROWPASS_POOL_SIZE: '1' })
    const token = await gateway.issuer.token('ada')
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const query = `select current_setting('rowpass.traceparent', true) as trace, auth.user_id() as id`
    const rowsOf = async (headers: Record<string, string>) => (await gateway.sql(token, query, [], headers)).body.rows
    expect(await rowsOf({ traceparent })).toEqual([{ trace: traceparent, id: 'ada' }])
    expect(gateway.events.findLast(({ type }) => type === 'sql_answered')).toMatchObject({ traceparent })
    expect(await rowsOf({})).toEqual([{ trace: '', id: 'ada' }])
    expect(await rowsOf({ traceparent: "00-'; drop table users" })).toEqual([{ trace: '', id: 'ada' }])
    const { body } = await gateway.batch(token, [query, 'select 1 as one'], { traceparent })
    expect(body.results.map(({ rows }: { rows: unknown }) => rows)).toEqual([
      [{ trace: traceparent, id: 'ada' }],
      [{ one: '1' }],
    ])
    await gateway.close()
  })

  it('closing lets a request under way end and takes no new one', async () => {
    const gateway = await startTestGateway(database)
    const token = await gateway.issuer.token('ada')
    await gateway.sql(token, 'select 1')
    const slow = gateway.sql(token, 'select count(*) as n from generate_series(1, 3000000) where random() >= 0')
    await waitUntil(async () => {
      const active = `select from pg_stat_activity where query like '%3000000%' and state = 'active' and pid <> pg_backend_pid()`
      return (await withConnection(database.superuserUrl, (client) => client.query(active))).rowCount === 1
    })
    const closed = gateway.close()
    await expect(fetch(gateway.url, { method: 'OPTIONS' })).rejects.toThrow()
    expect((await slow).body.rows).toEqual([{ n: '3000000' }])
    await closed
    expect(gateway.events.filter(({ type }) => type.startsWith('gateway_'))).toMatchObject([
      { type: 'gateway_stopping', requests: 1, sessions: 0 },
      { type: 'gateway_stopped', cutOff: 0 },
    ])
  })

  it('a database that cannot be reached is told apart from a token that is wrong', async () => {
    const issuer = await startTestIssuer()
    const config = parseGatewayConfig({
      ROWPASS_DATABASE_URL: `postgresql://rowpass_gateway:x@127.0.0.1:${await freePort()}/app`,
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: JSON.stringify([{ iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass' }]),
      ROWPASS_PORT: '0',
      ROWPASS_QUEUE_TIMEOUT_MS: '100',
    })
    const events: RowpassEvent[] = []
    const gateway = createGateway(config, { emit: (event) => events.push(event) })
    const url = await gateway.listen()
    const response = await fetch(url, {
      method: 'POST',
      body: '{"query":"select 1"}',
      headers: {
        authorization: `Bearer ${await issuer.token('ada')}`,
        'neon-connection-string': 'postgresql://authenticated@host/app',
      },
    })
    expect(await response.json()).toMatchObject({
      code: '08006',
      hint: expect.stringMatching(/^database_unavailable: /),
    })
    expect((await fetch(new URL('/readyz', url))).status).toBe(503)
    expect((await fetch(new URL('/healthz', url))).status).toBe(200)
    await waitUntil(() => events.some(({ type }) => type === 'connection_failed'))
    await gateway.close()
    await issuer.close()
  })
})

describe('the log of a gateway', () => {
  it('has a line for each event, with causes as text and nothing else of an error', () => {
    const lines: string[] = []
    const emit = createEventLog({ write: (line) => void lines.push(line) })
    const cause = Object.assign(new Error('outer', { cause: new TypeError('inner') }), { password: 'canary' })
    emit({ type: 'connection_failed', cause, retryInMs: 50 })
    emit({ type: 'connection_opened', server: 'db.example.test:5432' })
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, msg: 'connection_failed', retryInMs: 50, cause: 'Error: outer ← TypeError: inner' },
      { level: 30, msg: 'connection_opened' },
    ])
    expect(lines.join('')).not.toContain('canary')
  })
})
