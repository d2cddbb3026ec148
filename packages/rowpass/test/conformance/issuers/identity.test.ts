import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withConnection } from '../../../src/database/connect.ts'
import { parseGatewayConfig } from '../../../src/gateway/config.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../../support/pg.ts'
import { type BetterAuthIssuer, startBetterAuth } from './better-auth.ts'
import { type OidcIssuer, startOidcProvider } from './oidc-provider.ts'
import { startOpenAuth } from './open-auth.ts'
import { type OwnIssuer, startOwnIssuer } from './own-issuer.ts'
import type { RealIssuer } from './real-issuer.ts'

/** A subject is unique within its issuer only, so a row belongs to a pair. */
const schema = `
  create table notes (
    issuer text not null default auth.session()->>'iss',
    owner text not null default auth.user_id(),
    body text not null
  );
  alter table notes enable row level security;
  alter table notes force row level security;
  create policy notes_own on notes to authenticated
    using (issuer = (select auth.session()->>'iss') and owner = (select auth.user_id()))
    with check (issuer = (select auth.session()->>'iss') and owner = (select auth.user_id()));
  create table reports (title text not null);
  alter table reports enable row level security;
  alter table reports force row level security;
  create policy reports_write on reports for insert to authenticated
    with check ('notes:write' = any (string_to_array((select auth.session()->>'scope'), ' ')));
  grant select, insert on notes, reports to authenticated;
`

describePg('tokens of real issuers', () => {
  let database: TestDatabase
  let gateway: TestGateway
  let betterAuth: BetterAuthIssuer
  let oidc: OidcIssuer
  let own: OwnIssuer
  let issuers: Record<string, RealIssuer>

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    await withConnection(database.ownerUrl, (client) => client.query(schema))
    betterAuth = await startBetterAuth()
    oidc = await startOidcProvider()
    own = await startOwnIssuer()
    issuers = { 'Better Auth': betterAuth, 'oidc-provider': oidc, 'our own': own, OpenAuth: await startOpenAuth() }
    gateway = await startTestGateway(database, { ROWPASS_ISSUERS: JSON.stringify([own.trust]) })
  })
  beforeEach(() => trust(...Object.values(issuers).map((issuer) => issuer.trust)))
  afterAll(async () => {
    await gateway.close()
    for (const { host } of Object.values(issuers)) await host.stop()
    await database.close()
  })

  /** Puts these issuers in the place of all others. */
  function trust(...entries: Record<string, unknown>[]): Promise<void> {
    return gateway.gateway.reload(() =>
      parseGatewayConfig({
        ROWPASS_DATABASE_URL: database.gatewayUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
        ROWPASS_ISSUERS: JSON.stringify(entries),
      }),
    )
  }

  /** Sends a token that is to be refused, and says why it was. */
  async function refusalOf(token: string): Promise<string | undefined> {
    expect(await gateway.sql(token, 'select 1')).toMatchObject({ status: 400, body: { code: '28000' } })
    return gateway.events.findLast((event) => event.type === 'token_refused')?.reason
  }

  const names = ['Better Auth', 'oidc-provider', 'our own', 'OpenAuth']

  describe.each(names)('%s', (name) => {
    it('a token got the ordinary way gives SQL exactly the claims that were signed', async () => {
      const token = await issuers[name]!.token()
      const { status, body } = await gateway.sql(
        token,
        'select auth.session() as session, auth.user_id() as user_id, auth.uid() as uid, current_user as role',
      )
      expect(status).toBe(200)
      const [row] = body.rows
      expect(JSON.parse(row.session)).toEqual(decodeJwt(token))
      const { sub } = decodeJwt(token)
      expect(row).toMatchObject({ user_id: sub, role: 'authenticated', uid: name === 'our own' ? sub : null })
    })

    it('row-level security keeps its principals apart', async () => {
      const issuer = issuers[name]!
      const [first, second] = await Promise.all(issuer.principals.map((principal) => issuer.token(principal)))
      await gateway.sql(first!, "insert into notes (body) values ('of the first')")
      await gateway.sql(second!, "insert into notes (body) values ('of the second')")
      const read = async (token: string) => (await gateway.sql(token, 'select issuer, body from notes')).body.rows
      expect(await read(first!)).toEqual([{ issuer: issuer.trust.iss, body: 'of the first' }])
      expect(await read(second!)).toEqual([{ issuer: issuer.trust.iss, body: 'of the second' }])
      const forged = await gateway.sql(first!, 'insert into notes (owner, body) values ($1, $2)', [
        decodeJwt(second!).sub,
        'forged',
      ])
      expect(forged.body.code).toBe('42501')
    })

    it('SEC-7 its tokens are refused where only another issuer is trusted', async () => {
      for (const other of names.filter((candidate) => candidate !== name)) {
        await trust(issuers[other]!.trust)
        expect(await refusalOf(await issuers[name]!.token())).toBe('issuer')
      }
    })

    it("SEC-7 its tokens are refused when its name is paired with another issuer's keys", async () => {
      for (const other of names.filter((candidate) => candidate !== name)) {
        await trust({ ...issuers[name]!.trust, jwks_url: issuers[other]!.trust.jwks_url, algorithms: undefined })
        expect(await refusalOf(await issuers[name]!.token())).toBe('key_unknown')
      }
    })

    it.each([
      ['aud', 'audience', { audience: 'https://elsewhere.example.test' }],
      ['the algorithm', 'algorithm', { algorithms: ['PS256'] }],
      ['the lifetime', 'lifetime', { max_ttl_seconds: 300 }],
      ['typ', 'typ', { typ: ['logout+jwt'] }],
    ])('its tokens are refused when %s is not the configured one', async (_, reason, change) => {
      await trust({ ...issuers[name]!.trust, ...change })
      expect(await refusalOf(await issuers[name]!.token())).toBe(reason)
    })
  })

  it('SEC-7 a key of one issuer signs for no other, whatever the token says', async () => {
    for (const victim of [betterAuth, oidc]) {
      const { iss, audience } = victim.trust
      const token = await own.imitate(iss, audience as string, decodeJwt(await victim.token()).sub as string)
      await trust({ ...victim.trust, typ: ['at+jwt', ''], algorithms: undefined }, own.trust)
      expect(await gateway.sql(await own.token(), 'select 1')).toMatchObject({ status: 200 })
      expect(await refusalOf(token)).toBe('key_unknown')
    }
  })

  it('the same subject of two issuers is two people', async () => {
    const [subject] = oidc.principals
    const fromOidc = await oidc.token(subject)
    const fromOwn = await own.token(subject)
    expect(decodeJwt(fromOidc).sub).toBe(decodeJwt(fromOwn).sub)
    await gateway.sql(fromOwn, "insert into notes (body) values ('only here')")
    const { body } = await gateway.sql(fromOidc, "select from notes where body = 'only here'")
    expect(body.rowCount).toBe(0)
  })

  describe('Better Auth, its own ways', () => {
    it('the header has no typ, and the subject is no UUID', async () => {
      const token = await betterAuth.token()
      expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', kid: expect.any(String) })
      expect(decodeJwt(token)).toMatchObject({
        sub: expect.stringMatching(/^[A-Za-z0-9]{32}$/),
        aud: betterAuth.trust.iss,
      })
    })

    it('the token of a sign-in is refused: it is no JWT', async () => {
      const session = betterAuth.sessionToken(betterAuth.principals[0])
      expect(session).toMatch(/^[A-Za-z0-9]{32}$/)
      expect(await refusalOf(session)).toBe('format')
    })

    it.each(['ES256', 'RS256'] as const)('keys for %s are used', async (alg) => {
      const issuer = await startBetterAuth({ jwks: { keyPairConfig: { alg } } })
      await trust({ ...issuer.trust, algorithms: [alg] })
      const token = await issuer.token()
      expect(decodeProtectedHeader(token).alg).toBe(alg)
      expect(await gateway.sql(token, 'select 1')).toMatchObject({ status: 200 })
      await issuer.host.stop()
    })

    it('a chosen issuer, audience, subject and a tenant arrive as they are, exp with a fraction too', async () => {
      const tenant = 'f330c503-5e9c-46a7-8393-2995aeb03675'
      const issuer = await startBetterAuth({
        jwt: {
          issuer: 'https://auth.example.test',
          audience: 'rowpass',
          getSubject: ({ user }) => user.email,
          definePayload: () => ({ tenant_id: tenant, exp: Math.floor(Date.now() / 1000) + 600.5 }),
        },
      })
      await trust({ ...issuer.trust, iss: 'https://auth.example.test', audience: 'rowpass' })
      const token = await issuer.token()
      expect((decodeJwt(token).exp as number) % 1).toBe(0.5)
      const query = "select auth.user_id() as who, (auth.session()->>'tenant_id')::uuid as tenant"
      const { body } = await gateway.sql(token, query)
      expect(body.rows).toEqual([{ who: 'ada@example.test', tenant }])
      await issuer.host.stop()
    })
  })

  describe('oidc-provider, its own ways', () => {
    it('the header says at+jwt, the audience is the resource, the subject the client', async () => {
      const token = await oidc.token()
      expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt', alg: 'RS256' })
      expect(decodeJwt(token)).toMatchObject({
        aud: oidc.trust.audience,
        sub: 'night-report',
        client_id: 'night-report',
      })
    })

    it('a token for no resource is refused: it is opaque', async () => {
      expect(await refusalOf(await oidc.opaqueToken())).toBe('format')
    })

    it('a policy can ask for a scope', async () => {
      const insert = (token: string) => gateway.sql(token, "insert into reports values ('night')")
      expect((await insert(await oidc.tokenFor('notes:read'))).body.code).toBe('42501')
      expect((await insert(await oidc.tokenFor('notes:read notes:write'))).status).toBe(200)
      expect((await insert(await betterAuth.token())).body.code).toBe('42501')
    })

    it.each(['ES256', 'PS256', 'EdDSA', 'Ed25519'] as const)('keys for %s are used', async (alg) => {
      const issuer = await startOidcProvider(alg)
      await trust(issuer.trust)
      const token = await issuer.token()
      expect(decodeProtectedHeader(token).alg).toBe(alg)
      expect(await gateway.sql(token, 'select 1')).toMatchObject({ status: 200 })
      await issuer.host.stop()
    })
  })
})
