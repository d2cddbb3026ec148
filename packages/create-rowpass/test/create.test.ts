/** An application as a stranger makes it: from the packed package, in an empty folder, without a network. */
import { execFile, execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openForServer } from '../../local/src/postgres/data-folder.ts'
import { repository } from '../../rowpass/test/support/pg.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'rowpass-create-'))
const app = join(folder, 'my-app')
let program: string

const create = (...argv: string[]) =>
  run(process.execPath, [program, ...argv], { cwd: folder }).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )

beforeAll(() => {
  openForServer(folder)
  const cwd = `${repository}packages/create-rowpass`
  const argv = ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`]
  const [packed] = JSON.parse(execFileSync('npm', argv, { cwd, encoding: 'utf8' }))
  execFileSync('tar', ['-xzf', packed.filename], { cwd: folder })
  program = join(folder, 'package/bin/create-rowpass.js')
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

describe('create-rowpass', () => {
  it('writes an application, named as its folder, and says what to do next', async () => {
    const { code, stdout } = await create('my-app')
    expect({ code, says: stdout.includes('cd my-app\n  npm install') }).toEqual({ code: 0, says: true })
    expect(JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'))).toMatchObject({
      name: 'my-app',
      dependencies: { rowpass: expect.any(String) },
      devDependencies: { '@rowpass/local': expect.any(String) },
    })
    expect(readFileSync(join(app, '.gitignore'), 'utf8')).toContain('.dev.vars')
    expect(readdirSync(join(app, 'test'))).toEqual(['people.test.ts'])
    const texts = readdirSync(join(app, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(app, 'src', name), 'utf8'))
    expect(texts.filter((text) => /from '(\.\.\/)+packages/.test(text))).toEqual([])
  })

  it('takes the packages of a clone, in which it is run', async () => {
    const own = `${repository}packages/create-rowpass/bin/create-rowpass.js`
    const { stdout } = await run(process.execPath, [own, 'of-clone'], { cwd: folder })
    expect(stdout).toContain(`as they are in ${repository}`)
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'of-clone/package.json'), 'utf8'))
    for (const [asked, entry] of [
      [dependencies.rowpass, 'package/dist/exports/issuer.js'],
      [devDependencies['@rowpass/local'], 'package/dist/index.js'],
    ]) {
      expect(asked).toMatch(/^file:packages\/[\w.-]+\.tgz$/)
      const tarball = join(folder, 'of-clone', asked.slice('file:'.length))
      expect(execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).split('\n')).toContain(entry)
    }
    expect(readFileSync(join(folder, 'of-clone/README.md'), 'utf8')).toMatch(/^# of-clone\n/)
  }, 180_000)

  it('never writes over files, and refuses a name that npm does not take', async () => {
    expect(await create('my-app')).toMatchObject({ code: 1, stderr: expect.stringContaining('has files in it') })
    expect(await create('My App')).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be the name') })
    expect(existsSync(join(folder, 'My App'))).toBe(false)
    expect(await create()).toMatchObject({ code: 2, stderr: expect.stringContaining('npm create rowpass') })
  })

  it('has tests that pass after a table, a route and a claim of its own', async () => {
    symlinkSync(join(repository, 'node_modules'), join(app, 'node_modules'))
    const tool = (path: string, ...argv: string[]) =>
      run(process.execPath, [join(repository, 'node_modules', path), ...argv], {
        cwd: app,
        env: { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' },
      }).then(
        ({ stdout }) => stdout,
        (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`,
      )
    const write = (path: string, text: string) => writeFileSync(join(app, path), text)
    write(
      'src/db/notes.ts',
      `import { text, uuid } from 'drizzle-orm/pg-core'
import { inTenant, policies, protectedTable } from 'rowpass/policies'
export const notes = protectedTable(
  'notes',
  { id: uuid('id').primaryKey().defaultRandom(), tenantId: uuid('tenant_id').notNull(), text: text('text').notNull() },
  (table) => policies(table, { all: inTenant(table.tenantId) }),
)
`,
    )
    const edit = (path: string, from: string, to: string) => {
      const text = readFileSync(join(app, path), 'utf8')
      expect(text).toContain(from)
      write(path, text.replace(from, to))
    }
    edit('src/claims.ts', 'return {}', "return { plan: 'free' }")
    write(
      'src/routes/notes.ts',
      `import { Hono } from 'hono'
import type { CallerEnv } from '../app-env.ts'
import { notes } from '../db/notes.ts'
import { requireBearer } from '../middleware/require-bearer.ts'
export const noteRoutes = new Hono<CallerEnv>()
  .use(requireBearer)
  .get('/', async (c) => c.json({ notes: await c.get('db').select().from(notes) }))
`,
    )
    edit('src/app.ts', "  .route('/', demoRoutes)", "  .route('/api/notes', noteRoutes)\n  .route('/', demoRoutes)")
    edit(
      'src/app.ts',
      'import { tenantRoutes }',
      "import { noteRoutes } from './routes/notes.ts'\nimport { tenantRoutes }",
    )
    write(
      'test/own.test.ts',
      `import { startLocal } from '@rowpass/local'
import { expect, it } from 'vitest'
import { app } from '../src/app.ts'
it('has a table and a claim of its own', async () => {
  const local = await startLocal({ migrationsFolder: 'drizzle', seedFile: 'seed.sql' })
  const ISSUER_DATABASE_URL = 'postgresql://rowpass_issuer:none@127.0.0.1/none'
  const signIn = await app.request('/api/token', {}, { ...local.env, DEMO: 'true', ISSUER_DATABASE_URL })
  const { access_token: token } = (await signIn.json()) as { access_token: string }
  expect(JSON.parse(atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')))).toMatchObject({ plan: 'free' })
  const answer = await app.request('/api/notes', { headers: { authorization: \`Bearer \${token}\` } }, local.env)
  expect(await answer.json()).toEqual({ notes: [] })
  await local.stop()
}, 60_000)
`,
    )
    mkdirSync(join(app, '.rowpass'), { recursive: true })
    expect(await tool('rowpass/bin/rowpass.js', 'db', 'generate', '--name=notes')).toMatch(
      /^wrote 0006_notes.sql\nwrote 0007_force_and_grants.sql\n/m,
    )
    expect(await tool('typescript/bin/tsc', '-p', '.')).toBe('')
    expect(await tool('vitest/vitest.mjs', 'run')).toMatch(/Tests +15 passed/)
  }, 300_000)
})
