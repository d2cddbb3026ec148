import type { Client } from 'pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatSealKeys, generateSealKey, installSealKeys, parseSealKeys, removeSealKey } from '../../src/seal/keys.ts'
import { type SealedIdentity, type SealedSession, type SealKey, sealSession } from '../../src/seal/seal.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const subject = '2e7e25e8-5445-40bd-8f89-dc19bba64faa'
const exp = Math.floor(Date.now() / 1000) + 900
const claims = { sub: subject, exp, tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675', note: 'a:b "ü"' }

describePg('sealed sessions', () => {
  let database: TestDatabase
  let gateway: Client
  let owner: Client
  let key: SealKey

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    key = database.sealKeys[0]
    gateway = new pg.Client(database.gatewayUrl)
    owner = new pg.Client(database.ownerUrl)
    await gateway.connect()
    await owner.connect()
  })
  afterAll(async () => {
    await gateway.end()
    await owner.end()
    await database.close()
  })

  const seal = (over: Partial<SealedIdentity> = {}, by = key): SealedSession =>
    sealSession(by, { role: 'authenticated', exp, claimsJson: JSON.stringify(claims), ...over })

  /** Runs SQL as the gateway does: role and session in the same transaction. */
  async function as(session: SealedSession, sql: string, role = 'authenticated'): Promise<unknown> {
    await gateway.query('begin')
    try {
      await gateway.query(
        `select set_config('role', $1, true), set_config('rowpass.claims', $2, true), set_config('rowpass.seal', $3, true)`,
        [role, session.claims, session.seal],
      )
      const { rows } = await gateway.query({ text: sql, rowMode: 'array' })
      return rows[0]?.[0]
    } finally {
      await gateway.query('rollback')
    }
  }

  it('auth.session() and auth.jwt() are the claims as they were signed', async () => {
    expect(await as(seal(), 'select auth.session()')).toEqual(claims)
    expect(await as(seal(), 'select auth.jwt()')).toEqual(claims)
  })

  it('auth.user_id() is the subject, auth.uid() the subject as uuid', async () => {
    expect(await as(seal(), 'select auth.user_id()')).toBe(subject)
    expect(await as(seal(), 'select auth.uid()')).toBe(subject)
  })

  it.each(['ada', '', 'x'.repeat(36), `${subject}0`])('auth.uid() is NULL for the subject "%s"', async (sub) => {
    const session = seal({ claimsJson: JSON.stringify({ sub, exp }) })
    expect(await as(session, 'select auth.uid() is null')).toBe(true)
    expect(await as(session, 'select auth.user_id()')).toBe(sub)
  })

  it('auth.role() is the claim of that name, and not the role of the database', async () => {
    const named = seal({ claimsJson: JSON.stringify({ ...claims, role: 'editor' }) })
    expect(await as(named, 'select auth.role()')).toBe('editor')
    expect(await as(seal(), 'select auth.role() is null')).toBe(true)
  })

  it.each<[object, string | null, boolean]>([
    [{ act: { sub: 'bot' }, scope: 'a b' }, 'bot', true],
    [{ act: { sub: 'outer', act: { sub: 'inner' } }, scope: 'b' }, 'outer', true],
    [{ act: { sub: 7 }, scope: 'ab' }, null, false],
    [{ act: [{ sub: 'bot' }], scope: ['b'] }, null, false],
    [{ act: 'bot', scope: '' }, null, false],
    [{ act: { act: { sub: 'inner' } }, scope: 7 }, null, false],
    [{}, null, false],
  ])('SEC-82 auth.actor() and auth.has_scope() read %j', async (said, actor, hasScope) => {
    const session = seal({ claimsJson: JSON.stringify({ ...claims, ...said }) })
    expect(await as(session, 'select auth.actor()')).toBe(actor)
    expect(await as(session, `select auth.has_scope('b')`)).toBe(hasScope)
  })

  const readers = [
    'auth.session() is null and auth.jwt() is null and auth.user_id() is null and auth.uid() is null',
    'auth.role() is null',
    `auth.actor() is null and not auth.has_scope('a')`,
  ].join(' and ')

  it('without an identity every reader is NULL', async () => {
    expect(await as({ claims: '', seal: '' }, `select ${readers}`)).toBe(true)
  })

  it('SEC-43 after the transaction the settings read as empty and every reader is NULL', async () => {
    await as(seal(), 'select 1')
    const { rows } = await owner.query(`select ${readers} as absent`)
    expect(rows).toEqual([{ absent: true }])
    const { rows: settings } = await gateway.query(`select current_setting('rowpass.seal', true) as seal`)
    expect(settings).toEqual([{ seal: '' }])
  })

  const tampered: [string, (sealed: SealedSession) => SealedSession][] = [
    ['other claims', ({ claims, seal }) => ({ claims: claims.replace(subject, subject.replace('2', '3')), seal })],
    ['a claim added', ({ claims, seal }) => ({ claims: claims.replace('{', '{"role":"admin",'), seal })],
    [
      'one bit of the MAC flipped',
      ({ claims, seal }) => ({
        claims,
        seal: `x${(Number.parseInt(seal.slice(1, 2), 16) ^ 1).toString(16)}${seal.slice(2)}`,
      }),
    ],
    ['a later expiry', ({ claims, seal }) => ({ claims, seal: seal.replace(String(exp + 60), String(exp + 61)) })],
    ['another session', ({ claims, seal }) => ({ claims, seal: seal.replace(/:$/, `${subject}:`) })],
    ['no session where there was one', () => withoutSession(seal({ sid: subject }))],
    ['a header after the header', ({ claims, seal }) => ({ claims, seal: `${seal}x` })],
    [
      'a header before the header',
      ({ claims, seal }) => ({ claims, seal: seal.replace(';', ';:spare:99999999999::') }),
    ],
    [
      'a field moved from the header into the claims',
      ({ claims, seal }) => ({ claims: `:${claims}`, seal: seal.slice(0, -1) }),
    ],
    ['another key', () => seal({}, { name: key.name, secret: Buffer.alloc(32, 7) })],
    ['an unknown key', () => seal({}, { name: 'nobody', secret: key.secret })],
    ['the name of another key', ({ claims, seal }) => ({ claims, seal: seal.replace(':test:', ':spare:') })],
    ['no MAC', ({ claims, seal }) => ({ claims, seal: seal.slice(65) })],
    ['a MAC cut short', ({ claims, seal }) => ({ claims, seal: seal.replace(/^x.{8}/, 'x') })],
    [
      'a MAC of zeros over the right header',
      ({ claims, seal }) => ({ claims, seal: `x${'0'.repeat(64)}${seal.slice(65)}` }),
    ],
    ['text that is no seal', ({ claims }) => ({ claims, seal: 'x' })],
    ['no claims', ({ seal }) => ({ claims: '', seal })],
  ]
  const withoutSession = ({ claims, seal }: SealedSession) => ({ claims, seal: seal.replace(`${subject}:`, ':') })
  it.each(tampered)('SEC-37 refuses %s', async (_title, tamper) => {
    await expect(as(tamper(seal()), 'select auth.session()')).rejects.toMatchObject({ severity: 'ERROR' })
  })

  it('SEC-37 refuses a seal under another role than its own', async () => {
    await expect(as(seal(), 'select auth.session()', 'anonymous')).rejects.toMatchObject({
      code: '28000',
      message: 'the session is not sealed for the role anonymous, or its seal is not valid',
    })
    expect(await as(seal({ role: 'anonymous' }), 'select auth.user_id()', 'anonymous')).toBe(subject)
  })

  it.each([
    ['a longer name of a role', 'authenticated_admin', (text: string) => text.replace(';:', ';_admin:')],
    ['a shorter name of a role', 'authenticate', (text: string) => text.replace(';:', ';')],
    ['a name of a role that ends in a colon', 'authenticated', (text: string) => text.replace(';:', ';::')],
  ])('SEC-37 refuses a seal for %s that is made to fit', async (_title, role, change) => {
    const sealed = seal({ role })
    await expect(
      as({ claims: sealed.claims, seal: change(sealed.seal) }, 'select auth.session()'),
    ).rejects.toMatchObject({ severity: 'ERROR' })
  })

  it('no role has a colon, as it would end there', () => {
    expect(() => seal({ role: 'authenticated:admin' })).toThrow(TypeError)
  })

  it('SEC-36 refuses an expired session, a minute after its token', async () => {
    const now = Math.floor(Date.now() / 1000)
    expect(await as(seal({ exp: now - 30 }), 'select auth.user_id()')).toBe(subject)
    await expect(as(seal({ exp: now - 61 }), 'select auth.user_id()')).rejects.toMatchObject({
      message: 'the session has expired',
    })
  })

  it('two keys are valid while one replaces the other; a removed key is refused from the next statement on', async () => {
    const next = generateSealKey('next')
    await expect(as(seal({}, next), 'select auth.session()')).rejects.toMatchObject({ code: '28000' })
    await installSealKeys(owner, [next])
    expect(await as(seal({}, next), 'select auth.user_id()')).toBe(subject)
    expect(await as(seal(), 'select auth.user_id()')).toBe(subject)
    expect(await removeSealKey(owner, 'next')).toBe(true)
    expect(await removeSealKey(owner, 'next')).toBe(false)
    await expect(as(seal({}, next), 'select auth.session()')).rejects.toMatchObject({ code: '28000' })
  })

  it.each([
    'select * from rowpass.seal_keys',
    'select inner_pad from rowpass.seal_keys',
    'copy rowpass.seal_keys to stdout',
    "insert into rowpass.seal_keys values ('mine', '', '')",
    "update rowpass.seal_keys set name = 'mine'",
    'delete from rowpass.seal_keys',
    'create table rowpass.mine ()',
    'create function auth.mine() returns int language sql return 1',
  ])('SEC-37 a token holder cannot run: %s', async (sql) => {
    await expect(as(seal(), sql)).rejects.toMatchObject({ code: '42501' })
    await expect(gateway.query(sql)).rejects.toMatchObject({ code: '42501' })
  })

  it('SEC-52 objects of the caller do not come between the function and what it calls', async () => {
    await owner.query(`create schema evil;
      create function evil.sha256(bytea) returns bytea language sql return '\\x00'::bytea;
      create function evil.encode(bytea, text) returns text language sql return repeat('0', 64);
      grant usage on schema evil to authenticated`)
    const sql = `select auth.user_id() from set_config('search_path', 'evil, pg_catalog', true)`
    expect(await as(seal(), sql)).toBe(subject)
    const zeros = { claims: seal().claims, seal: `x${'0'.repeat(64)}${seal().seal.slice(65)}` }
    await expect(as(zeros, sql)).rejects.toMatchObject({ code: '28000' })
  })
})

describe('seal keys', () => {
  it('survive the way through their configuration text', () => {
    const keys = [generateSealKey('a'), generateSealKey('b-2')]
    expect(parseSealKeys(formatSealKeys(keys)).map(({ name, secret }) => [name, [...secret]])).toEqual(
      keys.map(({ name, secret }) => [name, [...secret]]),
    )
  })

  it.each([
    ['nothing', ''],
    ['no secret', 'name'],
    ['no name', `:${'A'.repeat(43)}`],
    ['a name with a colon or capitals', `Name:${'A'.repeat(43)}`],
    ['a short secret', `name:${'A'.repeat(42)}`],
    ['a long secret', `name:${'A'.repeat(44)}`],
    ['a secret that is not canonical base64url', `name:${'A'.repeat(42)}B`],
    ['one name twice', `a:${'A'.repeat(43)},a:${'A'.repeat(43)}`],
  ])('are refused with %s, without repeating the secret', (_title, text) => {
    expect(() => parseSealKeys(text)).toThrow(TypeError)
    expect(() => parseSealKeys(text)).not.toThrow(/AAAA/)
  })
})
