import { decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { cooldownMs, defaultMaxStaleMs, graceMs, maxRetryMs } from '../../../src/token/key-refresh.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../../support/pg.ts'
import { type BetterAuthIssuer, startBetterAuth } from './better-auth.ts'
import { kinds } from './kinds.ts'
import { startOwnIssuer } from './own-issuer.ts'
import type { RealIssuer } from './real-issuer.ts'

describePg('keys of real issuers', () => {
  let database: TestDatabase
  let gateway: TestGateway
  let issuer: RealIssuer

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await gateway.close()
    await issuer.host.stop()
  })
  afterAll(() => database.close())

  async function trust(started: RealIssuer): Promise<void> {
    issuer = started
    gateway = await startTestGateway(database, { ROWPASS_ISSUERS: JSON.stringify([started.trust]) })
  }

  /** From here on the clock stands; timers and sockets go on as they are. Before the gateway is made. */
  const holdClock = () => vi.useFakeTimers({ toFake: ['Date'] })
  const passTime = (ms: number) => vi.setSystemTime(Date.now() + ms)

  const status = async (token: string) => (await gateway.sql(token, 'select 1')).status
  const fetches = () => issuer.host.hits(issuer.jwksPath)
  const kidOf = (token: string) => decodeProtectedHeader(token).kid
  const failedFetches = () => gateway.events.filter(({ type }) => type === 'jwks_failed').length

  /** The token of somebody else with a kid that nobody has. */
  function withInventedKid(token: string): string {
    const [header = '', ...rest] = token.split('.')
    const changed = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), kid: crypto.randomUUID() }
    return [Buffer.from(JSON.stringify(changed)).toString('base64url'), ...rest].join('.')
  }

  /** Sends a token without a socket of its own: a flood is to strain the gateway and not its sender. */
  async function statusInProcess(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}`, 'neon-connection-string': gateway.connectionString }
    const body = JSON.stringify({ query: 'select 1', params: [] })
    return (await gateway.gateway.fetch(new Request(gateway.url, { method: 'POST', headers, body }))).status
  }

  /** How many fetches a span of time allows: one at its start, and one after each cooldown. */
  const allowedIn = (ms: number) => 1 + Math.floor(ms / cooldownMs)

  describe.each(kinds)('%s', (_, startIssuer) => {
    it('a new key is accepted with its first token, for one fetch; the key before goes on', async () => {
      holdClock()
      await trust(await startIssuer())
      const before = await issuer.token()
      expect(await status(before)).toBe(200)
      expect(fetches()).toBe(1)
      await issuer.rotate()
      const first = await issuer.token()
      passTime(cooldownMs)
      expect(kidOf(first)).not.toBe(kidOf(before))
      expect(await status(first)).toBe(200)
      expect(fetches()).toBe(2)
      expect(await status(before)).toBe(200)
      expect(await status(await issuer.token(issuer.principals[1]))).toBe(200)
      expect(fetches()).toBe(2)
    })

    it('SEC-27 a dead host of keys locks no known key out, fresh or stale', async () => {
      holdClock()
      await trust(await startIssuer())
      const [seen, unseen] = [await issuer.token(), await issuer.token(issuer.principals[1])]
      await issuer.rotate()
      const rotated = await issuer.token()
      await issuer.rotate()
      expect(await status(seen)).toBe(200)
      const unpublished = await issuer.token()
      await issuer.host.stop()
      // Fresh, then within the grace, then stale with every refresh refused.
      for (const ms of [0, 301_000, graceMs]) {
        passTime(ms)
        expect(await Promise.all([status(seen), status(unseen), status(rotated)])).toEqual([200, 200, 200])
      }
      expect(failedFetches()).toBeGreaterThan(0)
      expect(await status(withInventedKid(unpublished))).toBe(400)
    })
  })

  it('SEC-26 a thousand invented kids cost one fetch in each second, and keep a new key out no longer', async () => {
    await trust(await startOwnIssuer())
    const known = await issuer.token()
    const other = await issuer.token(issuer.principals[1])
    const begun = performance.now()
    expect(await status(known)).toBe(200)
    const flood = Array.from({ length: 1_000 }, () => statusInProcess(withInventedKid(known)))
    await issuer.rotate()
    const first = await issuer.token()
    expect(await Promise.all([status(known), status(other)])).toEqual([200, 200])
    // The fetch for it may only just have been; then the next one finds it.
    await expect.poll(() => status(first), { timeout: 1_000, interval: 20 }).toBe(200)
    expect(new Set(await Promise.all(flood))).toEqual(new Set([400]))
    const fetched = fetches()
    expect(fetched).toBeGreaterThan(1)
    expect(fetched).toBeLessThanOrEqual(allowedIn(performance.now() - begun))
  })

  describe('our own', () => {
    beforeEach(async () => {
      holdClock()
      await trust(await startOwnIssuer())
    })

    it('SEC-27 a host of keys that accepts and never answers delays no known key', async () => {
      const token = await issuer.token()
      expect(await status(token)).toBe(200)
      issuer.host.serve(() => {})
      passTime(301_000)
      expect(await status(token)).toBe(200)
      await expect.poll(fetches).toBe(2)
      expect(await status(token)).toBe(200)
      expect(await status(await issuer.token())).toBe(200)
      expect(failedFetches()).toBe(0)
    })

    it('SEC-27 keys that could not be fetched for an hour are refused, and used again when the host is back', async () => {
      expect(await status(await issuer.token())).toBe(200)
      await issuer.host.stop()
      passTime(defaultMaxStaleMs - 60_000)
      expect(await status(await issuer.token())).toBe(200)
      passTime(120_000)
      expect(await status(await issuer.token())).toBe(400)
      await issuer.host.start()
      await issuer.rotate()
      passTime(maxRetryMs)
      expect(await status(await issuer.token())).toBe(200)
    })
  })

  describe('Better Auth', () => {
    it('a key that its operator deletes is refused once the next key is seen', async () => {
      holdClock()
      await trust(await startBetterAuth())
      const leaked = await issuer.token()
      expect(await status(leaked)).toBe(200)
      await issuer.rotate()
      const next = await issuer.token()
      passTime(cooldownMs)
      ;(issuer as BetterAuthIssuer).forgetOldKeys()
      expect(await status(next)).toBe(200)
      expect(await status(leaked)).toBe(400)
    })
  })
})
