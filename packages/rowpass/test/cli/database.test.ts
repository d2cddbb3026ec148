import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, demo, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'

describePg('databases on the command line', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  beforeEach(async () => {
    sandbox = createSandbox()
    database = await createTestDatabase({ contents: 'bare' })
    // Else a migration names logins that other tests have on this server, as they may make temporary tables in it.
    await query(database.superuserUrl, `revoke temporary on database ${database.name} from public`)
  })
  afterEach(async () => {
    sandbox.remove()
    await database.close()
  })

  const settings = (): Record<string, string> => ({
    OWNER_DATABASE_URL: database.ownerUrl,
    ROWPASS_DATABASE_URL: database.gatewayUrl,
    ISSUER_DATABASE_URL: database.issuerUrl,
    ROWPASS_SEAL_KEYS: sealKeysText,
  })
  const query = (url: string, sql: string) =>
    withConnection(url, async (client) => (await client.query<Record<string, unknown>>(sql)).rows)

  /** The owner of these tests is no superuser. */
  const uncounted =
    'not yet: the database counts changes of its schema (permission denied to create event trigger "rowpass_ddl_end"); ' +
    'see "rowpass db harden"\n'

  it('migrates what OWNER_DATABASE_URL names, and says what it did', async () => {
    const first = await sandbox.run(['db', 'migrate'], settings())
    expect(first).toMatchObject({ code: 0, stderr: uncounted })
    expect(first.stdout).toContain('applied seal/claims.sql\n')
    const { hostname, port } = new URL(database.ownerUrl)
    expect((await sandbox.run(['db', 'migrate'], settings())).stdout).toBe(
      `${hostname}:${port}/${database.name} is up to date\n`,
    )
    expect(await query(database.gatewayUrl, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(await query(database.ownerUrl, 'select name from rowpass.seal_keys order by 1')).toEqual([
      { name: 'spare' },
      { name: 'test' },
    ])
  })

  it('leaves the application out with --platform, and says so where a table of its name is there', async () => {
    symlinkSync(join(demo, 'drizzle'), join(sandbox.directory, 'drizzle'))
    const tables = `select count(*)::int as n from pg_tables where schemaname in ('public', 'drizzle')`
    const { ISSUER_DATABASE_URL: _, ...others } = settings()
    expect(await sandbox.run(['db', 'migrate', '--platform'], others)).toMatchObject({ code: 0, stderr: uncounted })
    expect(await query(database.ownerUrl, tables)).toEqual([{ n: 0 }])
    await query(database.ownerUrl, 'create table users (id int)')
    const { code, stderr } = await sandbox.run(['db', 'migrate'], settings())
    expect(code).toBe(1)
    expect(stderr).toMatch(/\nerror\[migration_failed\]: .*"users" already exists \(42P07\); "--platform" leaves/)
  })

  it('installs the seal key of ROWPASS_SEAL_KEYS_FILE and no other', async () => {
    const { ROWPASS_SEAL_KEYS: _, ...others } = settings()
    const file = join(sandbox.directory, 'keys')
    writeFileSync(file, `${sealKeysText}\n`)
    const names = async () =>
      (await query(database.ownerUrl, 'select name from rowpass.seal_keys order by 1')).map((row) => row.name)
    expect(await sandbox.run(['db', 'migrate'], { ...others, ROWPASS_SEAL_KEYS_FILE: 'keys' })).toMatchObject({
      code: 0,
    })
    expect(await names()).toEqual(['spare', 'test'])
    const both = await sandbox.run(['db', 'migrate'], { ...settings(), ROWPASS_SEAL_KEYS_FILE: file })
    expect(both.stderr).toContain('ROWPASS_SEAL_KEYS is given as a value and as a file')
    const made = await sandbox.run(['db', 'migrate'], others)
    expect(made).toMatchObject({
      code: 0,
      stderr: `${uncounted}ROWPASS_SEAL_KEYS not given: what is in .rowpass/secrets.json of this folder holds\n`,
    })
    await query(database.ownerUrl, "delete from rowpass.seal_keys where name like 'local%'")
    const none = await sandbox.run(['db', 'migrate'], { ...others, ROWPASS_SEAL_KEYS_FILE: 'nothing' })
    expect(none.stderr).toContain('ROWPASS_SEAL_KEYS_FILE cannot be read (ENOENT)')
    expect(await names()).toEqual(['spare', 'test'])
  })

  it('reports a migration as JSON', async () => {
    const { stdout } = await sandbox.run(['db', 'migrate', '--json'], settings())
    expect(JSON.parse(stdout)).toMatchObject({
      application: 0,
      platform: expect.arrayContaining(['seal/claims.sql', 'issuer/sessions.sql']),
    })
  })

  it('shows no password, whatever happens', async () => {
    const runs = [
      await sandbox.run(['db', 'migrate'], settings()),
      await sandbox.run(['db', 'migrate'], { ...settings(), OWNER_DATABASE_URL: `${database.ownerUrl}x` }),
      await sandbox.run(['db', 'seed'], settings()),
    ]
    expect(runs.map(({ code }) => code)).toEqual([0, 1, 1])
    for (const { stdout, stderr } of runs) {
      for (const url of [database.ownerUrl, database.gatewayUrl]) {
        expect(stdout + stderr).not.toContain(new URL(url).password)
      }
    }
  })

  it('seeds after migrating, all or nothing', async () => {
    writeFileSync(join(sandbox.directory, 'seed.sql'), 'create table seeded as select 1 as n; select 1 / 0;')
    const failed = await sandbox.run(['db', 'seed'], settings())
    expect(failed.code).toBe(1)
    expect(failed.stderr).toMatch(/^error\[seed_failed\]: .*seed\.sql: division by zero\n/)
    expect(await query(database.ownerUrl, `select to_regclass('seeded') as found`)).toEqual([{ found: null }])
    writeFileSync(join(sandbox.directory, 'seed.sql'), 'create table seeded as select 1 as n;')
    expect(await sandbox.run(['db', 'seed'], settings())).toEqual({ code: 0, stdout: 'seeded\n', stderr: '' })
  })

  it('says so when there is nothing to seed with', async () => {
    const { code, stderr } = await sandbox.run(['db', 'seed'], settings())
    expect(code).toBe(1)
    expect(stderr).toContain('has no seed.sql')
  })

  it.each([
    ['a DATABASE_URL without a password', { DATABASE_URL: 'postgresql://authenticated@h/d' }, 'it is not an owner'],
    [
      'two URLs of different databases',
      { DATABASE_URL: 'postgresql://authenticated@h/d', OWNER_DATABASE_URL: 'postgresql://o:p@h/e' },
      'name different servers or databases',
    ],
    [
      'two URLs of different ports',
      { DATABASE_URL: 'postgresql://authenticated@h/d', OWNER_DATABASE_URL: 'postgresql://o:p@h:5433/d' },
      'name different servers or databases',
    ],
    [
      'the pooler of Neon',
      { OWNER_DATABASE_URL: 'postgresql://neondb_owner:p@ep-mild-sea-a1-pooler.eu-central-1.aws.neon.tech/neondb' },
      'leave "-pooler" out of its host',
    ],
    [
      'the pooler of Neon in DATABASE_URL',
      { DATABASE_URL: 'postgresql://neondb_owner:p@ep-mild-sea-a1-pooler.eu-central-1.aws.neon.tech/neondb' },
      'leave "-pooler" out of its host',
    ],
    ['a PORT that is none', { PORT: '70000' }, 'PORT is not a port from 1 to 65535'],
    ['a GATEWAY_PORT that is none', { GATEWAY_PORT: 'x' }, 'GATEWAY_PORT is not a port from 1 to 65535'],
  ])('refuses %s', async (_title, env, text) => {
    const { code, stderr } = await sandbox.run(['db', 'migrate'], env)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[config_invalid\]: /)
    expect(stderr).toContain(text)
  })

  it('refuses seal keys that are none, without quoting them', async () => {
    const { code, stderr } = await sandbox.run(['db', 'migrate'], { ...settings(), ROWPASS_SEAL_KEYS: 'name:canary' })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^error\[config_invalid\]: .*ROWPASS_SEAL_KEYS: seal key "name" is not 32 bytes in base64url\n/,
    )
    expect(stderr).not.toContain('canary')
  })

  it('takes both URLs when they name the same place, the default port left out or not', async () => {
    const port5432 = {
      DATABASE_URL: 'postgresql://authenticated@127.0.0.1/d',
      OWNER_DATABASE_URL: 'postgresql://o:p@127.0.0.1:5432/d',
    }
    const { stderr } = await sandbox.run(['db', 'migrate'], port5432)
    expect(stderr).not.toContain('config_invalid')
    const neon = {
      DATABASE_URL: 'postgresql://authenticated@ep-mild-sea-a1-pooler.invalid/d',
      OWNER_DATABASE_URL: 'postgresql://o:p@ep-mild-sea-a1.invalid/d',
    }
    expect((await sandbox.run(['db', 'migrate'], neon)).stderr).toContain('there is no such host')
    const env = { ...settings(), DATABASE_URL: database.ownerUrl.replace(/\/\/.*@/, '//authenticated@') }
    expect((await sandbox.run(['db', 'migrate'], env)).code).toBe(0)
  })

  it('asks for TLS as the URLs of Neon do, and nothing warns of it', async () => {
    const warnings: string[] = []
    const hear = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', hear)
    const env = { ...settings(), OWNER_DATABASE_URL: `${database.ownerUrl}?sslmode=require&channel_binding=require` }
    const { stderr } = await sandbox.run(['db', 'migrate'], env)
    await new Promise(setImmediate)
    process.off('warning', hear)
    expect(stderr).toContain('The server does not support SSL connections')
    expect(warnings).toEqual([])
  })

  it('reads .dev.vars, over which the environment wins', async () => {
    writeFileSync(
      join(sandbox.directory, '.dev.vars'),
      'OWNER_DATABASE_URL=postgresql://o:p@127.0.0.1:1/d\nDATABASE_URL=\n',
    )
    expect((await sandbox.run(['db', 'migrate'])).stderr).toContain('127.0.0.1:1/d: nothing listens there')
    expect((await sandbox.run(['db', 'migrate'], settings())).code).toBe(0)
  })

  it('does not take the login of the gateway away from another folder that set its password', async () => {
    const { ROWPASS_DATABASE_URL: _, ...others } = settings()
    await sandbox.run(['db', 'migrate'], settings())
    const { code, stderr } = await sandbox.run(['db', 'migrate'], others)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[login_exists\]: .*rowpass_gateway on .*\nhint: .*ROWPASS_DATABASE_URL/)
    expect(await query(database.gatewayUrl, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('uses the embedded database when no URL is set, and ends it afterwards', async () => {
    const { code, stdout, stderr } = await sandbox.run(['db', 'migrate'])
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('making a PostgreSQL 18') })
    expect(stdout).toContain('is up to date')
    mkdirSync(join(sandbox.directory, 'drizzle'), { recursive: true })
    writeFileSync(join(sandbox.directory, 'seed.sql'), readFileSync(join(demo, 'seed.sql')))
    expect((await sandbox.run(['db', 'seed'])).stderr).toContain('error[seed_failed]')
  })

  it('answers "rowpass env" with exit code 3 when nothing runs', async () => {
    const { code, stdout, stderr } = await sandbox.run(['env', '--json'])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toMatch(/^error\[not_running\]: .*\nhint: /)
  })

  it('prints the secrets of an API that seals by itself, into a file of its own', async () => {
    const given: Record<string, string> = { ...settings(), GATEWAY_URL: 'http://127.0.0.1:1/sql' }
    // The logins of a server are those of its other databases too.
    const ROWPASS_DATABASE_URL = Object.assign(new URL(database.gatewayUrl), { password: 'another' }).href
    const unprepared = await sandbox.run(['env', '--sealed'], { ...given, ROWPASS_DATABASE_URL })
    expect(unprepared).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/does not let rowpass_\w+ in .*db migrate/),
    })
    await sandbox.run(['db', 'migrate'], given)
    const none = await sandbox.run(['env', '--sealed'], given)
    expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('key_missing') })
    await sandbox.run(['keys', 'generate'])
    const printed = await sandbox.run(['env', '--sealed', '--json'], given)
    const { PRIVATE_KEY: key, ...others } = JSON.parse(printed.stdout)
    const { OWNER_DATABASE_URL: _, ...rest } = given
    expect(others).toEqual(rest)
    const file = join(sandbox.directory, 'privateKey.jwk.json')
    expect(JSON.parse(key)).toEqual(JSON.parse(readFileSync(file, 'utf8')))

    const written = await sandbox.run(['env', '--sealed', '--out', 'api.vars'], given)
    expect(written.stdout).toBe(
      'ROWPASS_DATABASE_URL, ROWPASS_SEAL_KEYS, ISSUER_DATABASE_URL, PRIVATE_KEY, GATEWAY_URL are in api.vars (keep it secret)\n',
    )
    const path = join(sandbox.directory, 'api.vars')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(parseEnv(readFileSync(path, 'utf8'))).toEqual({ ...rest, PRIVATE_KEY: key })
    const again = await sandbox.run(['env', '--sealed', '--out', 'api.vars'], given)
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('it is there already') })
  })

  it('names the keys of the ring in the database once there are some', async () => {
    await sandbox.run(['db', 'migrate'], settings())
    await sandbox.run(['keys', 'generate'])
    await sandbox.run(['keys', 'add'], settings())
    const { stdout } = await sandbox.run(['env', '--sealed', '--json'], settings())
    expect(Object.keys(JSON.parse(stdout))).toContain('KEY_ENCRYPTION_KEYS')
    expect(stdout).not.toContain('PRIVATE_KEY')
  })

  it('has no such secrets for the embedded database', async () => {
    const { code, stderr } = await sandbox.run(['env', '--sealed'])
    expect(code).toBe(1)
    expect(stderr).toContain('OWNER_DATABASE_URL is not set')
  })
})
