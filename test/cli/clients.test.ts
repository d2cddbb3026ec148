import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

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
  ])('refuses %s', async (_title, argv, code) => {
    expect((await run(...argv)).code).toBe(code)
  })

  it('invites a person, and signs them out', async () => {
    const { stdout } = await run('users', 'invite', 'Amara@neon.example', '--json')
    expect(JSON.parse(stdout)).toEqual({ email: 'amara@neon.example', token: expect.stringMatching(/^[\w-]{43}$/) })
    expect(await run('users', 'sign-out', 'amara@neon.example')).toMatchObject({
      code: 0,
      stdout: '0 sessions ended\n',
    })
  })

  describe('rowpass deploy-check', () => {
    const check = (text: string, name = 'wrangler.jsonc') => {
      const project = createSandbox()
      writeFileSync(join(project.directory, name), text)
      return project.run(['deploy-check']).finally(() => project.remove())
    }

    it('lets the configuration of this repository pass', async () => {
      expect(
        (await check('{ // PRIVATE_KEY never\n "vars": { "ISSUER": "https://a.example", "DEMO": "false" } }')).code,
      ).toBe(0)
    })

    it.each([
      ['a private key in JSON', '{ "vars": { "PRIVATE_KEY": "canary" } }', 'wrangler.jsonc'],
      ['a private key as an object', '{ "vars": {\n  "PRIVATE_KEY": { "d": "canary" } } }', 'wrangler.json'],
      ['a private key in TOML', '[vars]\nPRIVATE_KEY = "canary"', 'wrangler.toml'],
      ['a private key as a table', '[vars]\nPRIVATE_KEY.d = "canary"', 'wrangler.toml'],
      ['a private key in a section of its own', '[vars.PRIVATE_KEY]\nd = "canary"', 'wrangler.toml'],
      ['a password', '{ "vars": { "ISSUER_DATABASE_URL": "postgresql://canary" } }', 'wrangler.jsonc'],
      ['a key ring', '{ "env": { "live": { "vars": { "KEY_RING": "canary" } } } }', 'wrangler.jsonc'],
      ['keys that encrypt', '{ "vars": { "KEY_ENCRYPTION_KEYS": "canary" } }', 'wrangler.jsonc'],
      ['DEMO', '{ "vars": { "DEMO": "true" } }', 'wrangler.jsonc'],
      ['DEMO in TOML', '[vars]\nDEMO = "true"', 'wrangler.toml'],
    ])('SEC-25 stops at %s', async (_title, text, name) => {
      const { code, stderr } = await check(text, name)
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error\[config_invalid\]: /)
      expect(stderr).not.toContain('canary')
    })
  })
})
