import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, demo, describePg, type TestDatabase } from '../support/pg.ts'

const neon = 'f330c503-5e9c-46a7-8393-2995aeb03675'

describePg('the issuer on the command line', () => {
  let database: TestDatabase
  let sandbox: Sandbox

  beforeAll(async () => {
    database = await createTestDatabase()
    sandbox = createSandbox()
  })
  afterAll(async () => {
    sandbox.remove()
    await database.close()
  })

  const run = (...argv: string[]) =>
    sandbox.run(argv, {
      OWNER_DATABASE_URL: database.ownerUrl,
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ISSUER_DATABASE_URL: database.issuerUrl,
    })

  it('adds a client, prints its secret once, lists it and removes it', async () => {
    const added = await run(
      'clients',
      'add',
      'reports',
      '--grant',
      'service',
      '--scope',
      'rows',
      '--tenant',
      neon,
      '--role',
      'member',
    )
    expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w-]{43}\n$/) })
    const listed = await run('clients', 'list')
    expect(listed.stdout).toBe(`reports  secret, client_credentials, scopes rows, member of ${neon}\n`)
    expect((await run('clients', 'add', 'reports', '--grant', 'service')).stderr).toMatch(/^error\[client_exists\]: /)
    expect(await run('clients', 'remove', 'reports')).toMatchObject({ code: 0, stdout: 'reports is removed\n' })
    expect((await run('clients', 'remove', 'reports')).stderr).toMatch(/^error\[client_unknown\]: .*\nhint: /)
  })

  it.each([
    [['sql:raed'], '"sql:raed" is none: they are sql:read'],
    [['sql:read', 'table:notes:selct'], '"table:notes:selct" is none'],
    [['table:notes', 'rows:10'], 'allow nothing without sql:read'],
  ])('SEC-82 refuses a client with scopes that could allow nothing: %s', async (scopes, says) => {
    const given = scopes.flatMap((scope) => ['--scope', scope])
    const { code, stderr } = await run('clients', 'add', 'agent', '--grant', 'exchange', ...given)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[input_invalid\]: /)
    expect(stderr).toContain(says)
    expect((await run('clients', 'list')).stdout).not.toContain('agent')
  })

  it('SEC-82 adds a client with scopes that narrow, and others', async () => {
    const scopes = ['sql:read', 'table:public.notes:select', 'rows:100', 'api.read'].flatMap((scope) => [
      '--scope',
      scope,
    ])
    expect((await run('clients', 'add', 'agent', '--grant', 'exchange', ...scopes)).code).toBe(0)
    expect((await run('clients', 'remove', 'agent')).code).toBe(0)
  })

  it('adds a public client, which has no secret', async () => {
    const { stdout } = await run(
      'clients',
      'add',
      'web',
      '--public',
      '--grant',
      'password',
      '--grant',
      'refresh',
      '--json',
    )
    expect(JSON.parse(stdout)).toEqual({ clientId: 'web' })
    expect(JSON.parse((await run('clients', 'list', '--json')).stdout).clients).toEqual([
      {
        clientId: 'web',
        isPublic: true,
        grants: ['password', 'refresh_token'],
        scopes: [],
        tenantId: null,
        role: null,
      },
    ])
  })

  it.each([
    ['a service without secret', ['clients', 'add', 'x', '--public', '--grant', 'service'], 1],
    ['a name with a space', ['clients', 'add', 'a b', '--grant', 'service'], 1],
    ['a role without tenant', ['clients', 'add', 'x', '--grant', 'service', '--role', 'admin'], 1],
    ['a tenant that is no UUID', ['clients', 'add', 'x', '--grant', 'service', '--tenant', 'neon'], 1],
    ['no grant', ['clients', 'add', 'x'], 1],
    ['an unknown grant', ['clients', 'add', 'x', '--grant', 'implicit'], 2],
    ['a scope with a quote', ['clients', 'add', 'x', '--grant', 'service', '--scope', '"'], 2],
    ['an address that is none', ['users', 'invite', 'amara'], 1],
    ['somebody unknown', ['users', 'invite', 'nobody@neon.example'], 1],
    ['signing out somebody unknown', ['users', 'sign-out', 'nobody@neon.example'], 1],
    ['signing out an id that nobody has', ['users', 'sign-out', neon], 1],
    ['signing out a text that is neither', ['users', 'sign-out', 'amara'], 1],
  ])('refuses %s', async (_title, argv, code) => {
    expect((await run(...argv)).code).toBe(code)
  })

  it('prints a token for a person', async () => {
    const { stdout } = await run('users', 'invite', 'Amara@neon.example', '--json')
    expect(JSON.parse(stdout)).toEqual({ email: 'amara@neon.example', token: expect.stringMatching(/^[\w-]{43}$/) })
  })

  it('says so when a token for a person takes their address from the account of another tenant', async () => {
    const email = 'twice@neon.example'
    const [first, second] = ['aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa', 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb']
    const other = 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e'
    await withConnection(database.superuserUrl, async (client) => {
      await client.query(`insert into users (id, tenant_id, email, name) values ($1, $3, $5, 'A'), ($2, $4, $5, 'B')`, [
        first,
        second,
        neon,
        other,
        email,
      ])
      await client.query(`select issuer.set_password($1, $2, 'x', null, null)`, [first, email])
    })
    expect(await run('users', 'invite', email)).toMatchObject({ code: 1, stderr: expect.stringContaining('--tenant') })
    expect((await run('users', 'invite', email, '--tenant', neon)).stderr).toBe('')
    expect((await run('users', 'invite', email, '--tenant', other)).stderr).toMatch(
      /^note: .* account of another tenant/,
    )
  })

  it('SEC-36 signs a person out everywhere, by address or id, and in SQL', async () => {
    const amara = '60ae8038-e4f4-4a2c-ab55-47934d41dfd3'
    const asOwner = (text: string) =>
      withConnection(database.ownerUrl, async (client) => (await client.query(text)).rows)
    await asOwner(`insert into issuer.clients (client_id, grant_types, scopes) values ('app', '{password}', '{}')`)
    const signIn = () =>
      asOwner(
        `select issuer.set_password('${amara}', 'amara@neon.example', 'x', null, null);
         select issuer.open_session(gen_random_uuid(), '${amara}', version, 'app', '', null, 60, 60, 60)
           from issuer.accounts, generate_series(1, 3) where user_id = '${amara}'`,
      )
    await asOwner('delete from rowpass.revoked_sessions')
    const left = () => asOwner('select count(*)::int as sessions from issuer.sessions')
    await signIn()
    expect(await run('users', 'sign-out', 'Amara@neon.example')).toMatchObject({
      code: 0,
      stdout: '3 sessions ended\n',
    })
    await signIn()
    expect(await run('users', 'sign-out', amara, '--json')).toMatchObject({ code: 0, stdout: '{"ended":3}\n' })
    await signIn()
    expect(await asOwner(`select issuer.end_sessions('${amara}') as ended`)).toEqual([{ ended: 3 }])
    expect(await left()).toEqual([{ sessions: 0 }])
    expect(await asOwner('select count(*)::int as revoked from rowpass.revoked_sessions')).toEqual([{ revoked: 9 }])
    expect((await run('users', 'sign-out', amara)).stdout).toBe('0 sessions ended\n')
  })

  it('SEC-35 gives a client another secret, which takes the place of the old one', async () => {
    const added = JSON.parse((await run('clients', 'add', 'nightly', '--grant', 'service', '--json')).stdout)
    const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')
    const stored = () =>
      withConnection(database.ownerUrl, async (client) => {
        const text = `select encode(secret_hash, 'hex') as hash, sid from issuer.clients where client_id = 'nightly'`
        return (await client.query<{ hash: string; sid: string }>(text)).rows[0]
      })
    const before = await stored()
    expect(before?.hash).toBe(hashOf(added.secret))
    const renewed = await run('clients', 'secret', 'nightly')
    expect(renewed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w-]{43}\n$/) })
    const after = await stored()
    expect(after?.hash).toBe(hashOf(renewed.stdout.trim()))
    // The session of its tokens has ended.
    expect(after?.sid).not.toBe(before?.sid)
    for (const name of ['nobody', 'web']) {
      expect((await run('clients', 'secret', name)).stderr).toMatch(/^error\[client_unknown\]: /)
    }
  })

  describe('rowpass deploy-check', () => {
    const check = (text: string, name = 'wrangler.jsonc') => {
      const project = createSandbox()
      writeFileSync(join(project.directory, name), text)
      return project.run(['deploy-check']).finally(() => project.remove())
    }

    it.each([
      ['a comment', '// "PRIVATE_KEY": never\n /* "KEY_RING": "x" */'],
      ['a list of secrets', '"secrets": { "required": ["MAIL_URL", "PRIVATE_KEY"] },'],
    ])('lets names in %s pass', async (_title, text) => {
      const set = '"ISSUER": "https://a.example", "DATABASE_URL": "postgresql://a@b/c", "ADDRESS_HEADER": "X-Real-IP"'
      const vars = `"vars": { ${set}, "DEMO": "false" }`
      expect(await check(`{ ${text} ${vars} }`)).toMatchObject({ code: 0, stderr: '' })
    })

    it('notes what the API does not start without', async () => {
      const { code, stderr } = await check('{ // "ISSUER": "x"\n "vars": { "AUDIENCE": "a" } }')
      expect(code).toBe(0)
      expect(stderr).toMatch(/^note: ISSUER not set there\. Unless --var, .*\nnote: ADDRESS_HEADER not set there\. /)
    })

    it('lets the configuration of this repository pass', async () => {
      expect((await check(readFileSync(`${demo}wrangler.jsonc`, 'utf8'))).code).toBe(0)
    })

    it.each([
      ['a private key in JSON', '{ "vars": { "PRIVATE_KEY": "canary" } }', 'wrangler.jsonc'],
      ['a private key as an object', '{ "vars": {\n  "PRIVATE_KEY": { "d": "canary" } } }', 'wrangler.json'],
      ['the login of an API that seals', '{ "vars": { "ROWPASS_DATABASE_URL": "canary" } }', 'wrangler.jsonc'],
      ['its seal keys', '[vars]\nROWPASS_SEAL_KEYS = "canary"', 'wrangler.toml'],
      ['a private key in TOML', '[vars]\nPRIVATE_KEY = "canary"', 'wrangler.toml'],
      ['a private key in TOML, quoted', "[vars]\n'PRIVATE_KEY' = 'canary'", 'wrangler.toml'],
      ['a private key in a quoted section', '[vars."PRIVATE_KEY"]\nd = "canary"', 'wrangler.toml'],
      [
        'a private key between texts that look like a comment',
        '{ "routes": ["a.example/*"], "vars": { "PRIVATE_KEY": "canary" }, "triggers": { "crons": ["*/5 * * * *"] } }',
        'wrangler.jsonc',
      ],
      [
        'a private key behind a text with //',
        '{ "ISSUER": "https://a.example", "PRIVATE_KEY": "canary" }',
        'wrangler.json',
      ],
      ['a private key as a table', '[vars]\nPRIVATE_KEY.d = "canary"', 'wrangler.toml'],
      ['a private key in a section of its own', '[vars.PRIVATE_KEY]\nd = "canary"', 'wrangler.toml'],
      ['a password', '{ "vars": { "ISSUER_DATABASE_URL": "postgresql://canary" } }', 'wrangler.jsonc'],
      ['a key ring', '{ "env": { "live": { "vars": { "KEY_RING": "canary" } } } }', 'wrangler.jsonc'],
      ['keys that encrypt', '{ "vars": { "KEY_ENCRYPTION_KEYS": "canary" } }', 'wrangler.jsonc'],
      ['DEMO', '{ "vars": { "DEMO": "true" } }', 'wrangler.jsonc'],
      ['DEMO in TOML, quoted', "[vars]\n'DEMO' = 'true'", 'wrangler.toml'],
      ['DEMO in TOML', '[vars]\nDEMO = "true"', 'wrangler.toml'],
    ])('SEC-25 stops at %s', async (_title, text, name) => {
      const { code, stderr } = await check(text, name)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error\[config_invalid\]: /)
      expect(stderr).not.toContain('canary')
    })
  })
})
