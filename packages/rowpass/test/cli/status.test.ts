import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { openForServer } from '../../../local/src/postgres/data-folder.ts'
import type { DatabaseStatus } from '../../src/cli/database-status.ts'
import { withConnection } from '../../src/database/connect.ts'
import { generateEncryptionKey } from '../../src/issuer/ring/encryption.ts'
import { formatSealKeys, generateSealKey } from '../../src/seal/keys.ts'
import { readVersion } from '../../src/version.ts'
import { createSandbox, type Run, type Sandbox } from '../support/cli.ts'
import { startTestGateway } from '../support/gateway.ts'
import { type OwnServer, startOwnServer } from '../support/own-server.ts'
import { describePg, postgresMajor, sealKeysText } from '../support/pg.ts'

describePg('rowpass status', () => {
  let directory: string
  let server: OwnServer
  let sandbox: Sandbox
  let ownerUrl: string
  let count = 0
  const name = () => `app${count}`
  const url = (user: string, password: string) =>
    Object.assign(new URL(server.superuserUrl), { pathname: `/${name()}`, username: user, password }).href
  const superuserUrl = () => new URL(`/${name()}`, server.superuserUrl).href
  const gatewayUrl = () => url('rowpass_gateway', 'of-the-gateway')

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-status-'))
    openForServer(directory)
    server = await startOwnServer(directory)
    await withConnection(server.superuserUrl, (client) =>
      client.query(`create role app_owner login createrole password 'of-the-owner'`),
    )
  })
  afterAll(async () => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  })
  // Each on a database of its own; the roles are those of the server.
  beforeEach(async () => {
    count += 1
    sandbox = createSandbox()
    ownerUrl = url('app_owner', 'of-the-owner')
    await make('template1')
  })
  afterEach(() => sandbox.remove())

  const encryptionKeys = generateEncryptionKey('one')
  const settings = (more: Record<string, string> = {}): Record<string, string> => ({
    OWNER_DATABASE_URL: ownerUrl,
    ROWPASS_DATABASE_URL: gatewayUrl(),
    ROWPASS_SEAL_KEYS: sealKeysText,
    KEY_ENCRYPTION_KEYS: encryptionKeys,
    ROWPASS_GATEWAYS: '1',
    ...more,
  })
  const run = (argv: string[], more?: Record<string, string>): Promise<Run> => sandbox.run(argv, settings(more))
  const make = (template: string) =>
    withConnection(server.superuserUrl, async (client) => {
      await client.query(`drop database if exists ${name()}`)
      await client.query(`create database ${name()} template ${template} strategy file_copy owner app_owner`)
      // Rights of a database are not copied from its template.
      if (template === 'prepared') await client.query(`revoke temporary on database ${name()} from public`)
    })
  let prepared = false
  const prepare = async (): Promise<void> => {
    if (prepared) return make('prepared')
    expect(await run(['db', 'migrate', '--platform'])).toMatchObject({ code: 0 })
    await withConnection(server.superuserUrl, (client) =>
      client.query(`create database prepared template ${name()} strategy file_copy`),
    )
    prepared = true
  }
  const read = async (
    more?: Record<string, string>,
  ): Promise<{ code: number; status: DatabaseStatus; codes: string[] }> => {
    const { code, stdout } = await run(['status', '--json'], more)
    const status = JSON.parse(stdout) as DatabaseStatus
    return { code, status, codes: status.problems.map((problem) => problem.code) }
  }
  const asSuperuser = (sql: string) => withConnection(superuserUrl(), (client) => client.query(sql))

  it('says of a database without Rowpass that it is not installed, and what to run', async () => {
    const { code, status, codes } = await read()
    expect({ code, codes: codes.filter((each) => !each.startsWith('role')) }).toEqual({
      code: 1,
      codes: ['not_installed'],
    })
    expect(status).toMatchObject({ serves: null, sealKeys: null, signingKeys: null, open: [] })
    expect(status.sql?.pending).toContain('seal/0001_seal.sql')
    expect((await run(['status'])).stdout).toMatch(/^schema {8}not installed$/m)
  })

  it('has nothing to do after a migration, as an owner who is no superuser, and writes nothing', async () => {
    await prepare()
    const dump = `select string_agg(md5(t::text), '' order by t::text) as all from rowpass.hardening t`
    const before = await asSuperuser(dump)
    const { code, stdout, stderr } = await run(['status'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^database {6}127\.0\.0\.1:\d+\/app\d+, PostgreSQL \d+/m)
    expect(stdout).toMatch(/^schema {8}revision (\d+), without our own issuer, nothing pending$/m)
    expect(stdout).toMatch(
      /^roles {9}authenticated {2}NOLOGIN INHERIT\n {14}anonymous {2}NOLOGIN INHERIT\n {14}rowpass_gateway {2}LOGIN NOINHERIT CONNECTION LIMIT 18$/m,
    )
    expect(stdout).toMatch(
      /^seal keys {5}test {2}as configured, seals, \S+Z \(\d+ s\)\n {14}spare {2}as configured, \S+Z/m,
    )
    expect(stdout).toMatch(/^connections {3}rowpass_gateway {2}limit 18, gateways need 9, the server has \d+, 0 open$/m)
    expect(stdout).toMatch(/^gateways {6}none connected$/m)
    expect(stdout).toMatch(/^left open {5}open {2}a statement writes at most 1GB of temporary files$/m)
    expect(stdout).toMatch(/\nnothing to do\n$/)
    expect((await asSuperuser(dump)).rows).toEqual(before.rows)
    // What the owner cannot close counts only where it is asked for.
    expect((await run(['status', '--strict'])).code).toBe(1)
  })

  it('has nothing left open after hardening by a superuser', async () => {
    await prepare()
    await run(['db', 'harden', '--functions', '--default-functions'], { OWNER_DATABASE_URL: superuserUrl() })
    const { status } = await read()
    expect(status.open).toEqual([])
    expect(await run(['status', '--strict'])).toMatchObject({ code: 0 })
  })

  it.each<[string, string, string, RegExp]>([
    [
      'a file that is not applied',
      `update rowpass.migrations set sha256 = '' where name = 'seal/auth.sql'`,
      'sql_pending',
      /^to be applied: seal\/auth\.sql$/,
    ],
    [
      'a later revision',
      `create or replace function rowpass.revision() returns integer language sql return 9999`,
      'sql_newer',
      /revision 9999.*and serves this version too$/,
    ],
    [
      'a later contract',
      `create or replace function rowpass.revision() returns integer language sql return 9999;
      create or replace function rowpass.gateway_contracts() returns integer[] language sql return array[7, 9]`,
      'sql_newer',
      /gateways of this version are not served$/,
    ],
    [
      'a seal key that is gone',
      `delete from rowpass.seal_keys where name = 'test'`,
      'seal_key_missing',
      /does not have the seal key test, which seals: every request is refused$/,
    ],
    [
      'another seal key under the same name',
      `delete from rowpass.seal_keys where name = 'spare';
      insert into rowpass.seal_keys select 'spare', sha512('a'), sha512('b')`,
      'seal_key_differs',
      /has another seal key spare, which requests may be sealed with next$/,
    ],
    [
      'no limit of connections',
      'alter role rowpass_gateway connection limit -1',
      'connection_limit',
      /has no CONNECTION LIMIT$/,
    ],
    [
      'a limit that is too small',
      'alter role rowpass_gateway connection limit 3',
      'connection_limit',
      /is 3, and its gateways need 9$/,
    ],
    [
      'a limit that is none',
      'alter role rowpass_gateway connection limit 5000',
      'connection_limit',
      /is 5000, and the server has \d+ connections/,
    ],
    ['a login with a power', 'alter role rowpass_gateway createdb', 'role_unsafe', /^rowpass_gateway has CREATEDB$/],
    ['a role of tokens with a power', 'alter role anonymous bypassrls', 'role_unsafe', /^anonymous has BYPASSRLS$/],
    [
      'a login that lacks a role',
      `revoke anonymous from rowpass_gateway${postgresMajor() < 16 ? '' : ' granted by app_owner; revoke anonymous from rowpass_gateway'}`,
      'role_unsafe',
      /^rowpass_gateway is no member of anonymous$/,
    ],
  ])('tells of %s', async (_, sql, code, says) => {
    await prepare()
    await asSuperuser(sql)
    try {
      const found = await read()
      expect(found.status.problems.filter((problem) => problem.code === code && says.test(problem.says))).toHaveLength(
        1,
      )
      expect(found.code).toBe(1)
    } finally {
      await asSuperuser(
        'alter role rowpass_gateway nocreatedb connection limit 18; alter role anonymous nobypassrls; grant anonymous to rowpass_gateway',
      )
    }
  })

  it('lists the keys of the database and those of ROWPASS_SEAL_KEYS, and no secret of either', async () => {
    await prepare()
    const key = generateSealKey('later')
    const keys = `${formatSealKeys([key])},${sealKeysText.split(',')[0]}`
    const { status, codes } = await read({ ROWPASS_SEAL_KEYS: keys })
    expect(status.sealKeys?.map(({ since, ...rest }) => ({ ...rest, since: since !== null }))).toEqual([
      { name: 'test', state: 'same', seals: false, since: true },
      { name: 'spare', state: 'database_only', seals: false, since: true },
      { name: 'later', state: 'configured_only', seals: true, since: false },
    ])
    expect(codes).toContain('seal_key_missing')
    const { stdout } = await run(['status', '--json'], { ROWPASS_SEAL_KEYS: keys })
    for (const secret of keys.split(',').map((text) => text.split(':')[1]!)) expect(stdout).not.toContain(secret)
    const hex = /[0-9a-f]{64}/
    expect(stdout).not.toMatch(hex)
  })

  it('compares no keys where none were given, and makes none', async () => {
    await prepare()
    const { ROWPASS_SEAL_KEYS: _, ...others } = settings()
    const elsewhere = createSandbox()
    try {
      const { code, stdout, stderr } = await elsewhere.run(['status', '--json'], others)
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: 'ROWPASS_SEAL_KEYS is not given: the seal keys are listed, and not compared\n',
      })
      expect(JSON.parse(stdout).sealKeys).toMatchObject([{ name: 'test', state: 'database_only' }, { name: 'spare' }])
    } finally {
      elsewhere.remove()
    }
  })

  it('tells which key of our own issuer signs, and that none does', async () => {
    await prepare()
    await run(['issuer', 'migrate'])
    expect((await read()).codes).toContain('signing_key_missing')
    await run(['keys', 'rotate'])
    const { code, status } = await read()
    expect({ code, keys: status.signingKeys }).toMatchObject({
      code: 0,
      keys: [{ state: 'active', encryptedUnder: 'one' }],
    })
    const { stdout } = await run(['status'])
    expect(stdout).toMatch(/^signing keys {2}\S{43} {2}ES256, active since \S+Z, signs, published, 0 tokens in use$/m)
    expect(stdout).toMatch(/^ {14}rowpass_issuer {2}/m)
  })

  it('sees the processes of gateways and their version, and since when with the rights for it', async () => {
    await prepare()
    const gateway = await startTestGateway({
      name: name(),
      ownerUrl,
      gatewayUrl: gatewayUrl(),
      issuerUrl: '',
      superuserUrl: superuserUrl(),
      sealKeys: [generateSealKey('none')],
      close: async () => undefined,
    })
    try {
      const one = await gateway.sql(
        await gateway.issuer.token('ada'),
        `select current_setting('application_name') as name`,
      )
      const [{ name: applicationName }] = one.body.rows
      const [, process] = /^rowpass gateway \S+ ([0-9a-f]{8})$/.exec(applicationName) ?? []
      const { status } = await read()
      expect(status.sessions?.gateways).toMatchObject([{ version: readVersion(), process, since: null }])
      expect(status.unseen).toEqual([expect.stringContaining('since when gateways are connected')])
      const seen = await read({ OWNER_DATABASE_URL: superuserUrl() })
      expect(seen.status.sessions?.gateways).toMatchObject([{ process, since: expect.stringMatching(/Z$/) }])
      const { stdout } = await run(['status'], { OWNER_DATABASE_URL: superuserUrl() })
      expect(stdout).toMatch(
        new RegExp(`^gateways {6}${readVersion()} {2}process ${process}, \\d sessions, since \\S+Z \\(\\d+ s\\)$`, 'm'),
      )
    } finally {
      await gateway.close()
    }
  })

  it('says what a login may not see that owns nothing here', async () => {
    await prepare()
    await asSuperuser(`create role guest${count} login password 'of-a-guest'`)
    const { status } = await read({ OWNER_DATABASE_URL: url(`guest${count}`, 'of-a-guest') })
    expect(status.unseen).toEqual([expect.stringMatching(/^what is installed: permission denied/)])
    expect(status).toMatchObject({ sql: null, sealKeys: null, connections: { limit: 18 } })
  })

  it('answers with other codes where it cannot look, and to wrong usage', async () => {
    const nobody = await run(['status'], { OWNER_DATABASE_URL: url('app_owner', 'wrong') })
    expect(nobody).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining('error[database_unavailable]'),
    })
    expect(await run(['status'], { ROWPASS_SEAL_KEYS: 'no key' })).toMatchObject({ code: 2, stdout: '' })
    expect((await run(['status', '--whatever'])).code).toBe(2)
  })
})
