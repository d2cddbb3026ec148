/**
 * `npm run runtimes`: what the pages say of other runtimes, with Bun and Deno from npm, in a temporary folder of 200 MB, and
 * with workerd.
 *
 * - `rowpass/seal` seals to the same bytes on Node, Bun, Deno and workerd (docs/seal.md).
 * - The steps of the demo work in their spellings with Bun, on a PostgreSQL of their own (docs/from-neon-demo.md).
 *
 * Exits 1 if one does not.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { openForServer } from '../packages/local/src/postgres/data-folder.ts'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'

const versions = ['bun@1.4.5', 'deno@2.9.6']
const repository = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rowpass-runtimes-'))
const started = performance.now()

/** No session, one that is a uuid, one that is hashed, and a role of one's own. */
const sealing = `import { createSeal } from ${JSON.stringify(join(repository, 'packages/rowpass/dist/exports/seal.js'))}
const keys = 'main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const claims = { sub: 'ada ✓', exp: 4_000_000_000 }
export async function sealAll() {
  const seal = createSeal({ keys })
  const own = createSeal({ keys, role: 'app' })
  const sids = ['7c9e6679-7425-40de-944b-e07fc1f90ae7', 'any text ✓']
  return JSON.stringify(await Promise.all([seal(claims), own(claims), ...sids.map((sid) => seal({ ...claims, sid }))]))
}
`

let code = 1
try {
  await main()
  code = 0
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
process.exit(code)

async function main(): Promise<void> {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  run(['npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', ...versions])
  say(`${versions.join(' and ')} are installed`)
  await compareSeals()
  await followDemo()
}

async function compareSeals(): Promise<void> {
  writeFileSync(join(folder, 'sealing.js'), sealing)
  writeFileSync(join(folder, 'print.js'), `import { sealAll } from './sealing.js'\nconsole.log(await sealAll())\n`)
  const expected = run(['node', 'print.js']).trim()
  const found = {
    Bun: run(['bun', 'print.js']).trim(),
    Deno: run(['deno', 'run', '--no-prompt', 'print.js']).trim(),
    workerd: await sealInWorkerd(),
  }
  for (const [name, text] of Object.entries(found)) {
    if (text !== expected) throw new TypeError(`${name} seals to\n${text}\nand Node to\n${expected}`)
    say(`${name} seals to the bytes of Node ${process.version}`)
  }
}

async function sealInWorkerd(): Promise<string> {
  const contents = `import { sealAll } from './sealing.js'\nexport default { fetch: async () => new Response(await sealAll()) }`
  const options = { bundle: true, write: false, format: 'esm', platform: 'browser' } as const
  const { outputFiles } = await build({ stdin: { contents, resolveDir: folder }, ...options })
  const worker = new Miniflare({ modules: true, script: outputFiles[0]?.text ?? '', cf: false })
  try {
    return await (await worker.dispatchFetch('http://worker/')).text()
  } finally {
    await worker.dispose()
  }
}

async function followDemo(): Promise<void> {
  const demo = join(folder, 'demo')
  const own = (path: string) => !/[\\/](\.rowpass|\.wrangler|\.dev\.vars|node_modules|\w+\.jwk\.json)$/.test(path)
  cpSync(join(repository, 'demo'), demo, { recursive: true, filter: own })
  symlinkSync(join(repository, 'node_modules'), join(demo, 'node_modules'))
  for (const each of [folder, demo]) chmodSync(each, 0o755)
  const data = join(folder, 'data')
  mkdirSync(data)
  openForServer(data)
  const server = await startEmbeddedPostgres({ directory: data, durable: false })
  try {
    await withConnection(server.superuserUrl, async (client) => {
      await client.query(`create role neondb_owner login createdb createrole password 'of-the-owner'`)
      await client.query('create database neondb owner neondb_owner')
    })
    const url = Object.assign(new URL(server.superuserUrl), {
      pathname: '/neondb',
      username: 'neondb_owner',
      password: 'of-the-owner',
    })
    const steps = [
      'bun generate-keys.ts',
      'bun run db:migrate',
      'bun run db:seed',
      'bunx rowpass env --sealed --out .dev.vars',
      'bun run deploy --dry-run --secrets-file .dev.vars --var ISSUER:https://rowpass.you.workers.dev',
    ]
    for (const step of steps) {
      run(step.split(' '), demo, { OWNER_DATABASE_URL: url.href })
      say(step)
    }
  } finally {
    await server.stop()
  }
}

/** @returns what it prints; throws with that where it fails */
function run([program = '', ...argv]: readonly string[], cwd = folder, more: Record<string, string> = {}): string {
  const env = {
    PATH: `${join(folder, 'node_modules/.bin')}:${process.env.PATH}`,
    HOME: folder,
    DENO_NO_UPDATE_CHECK: '1',
    WRANGLER_SEND_METRICS: 'false',
    ...more,
  }
  const { status, stdout, stderr } = spawnSync(program, argv, { cwd, env, encoding: 'utf8' })
  if (status !== 0) throw new TypeError(`${program} ${argv.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

function say(text: string): void {
  console.log(`${text} (after ${((performance.now() - started) / 1000).toFixed(0)} s)`)
}
