/** What people build with the installed package: types, and bundles for the web. None of it depends on the version of Node. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repository } from '../support/pg.ts'
import { bundleFor, runInBrowser, runInWorkerd, walked } from './bundle.ts'
import { type Installation, installPackage, manifest, programs, strict } from './installed.ts'

const entries = Object.keys(manifest.exports).filter((name) => name !== './package.json')
const nameOf = (entry: string) => `rowpass${entry.slice(1)}`
let installation: Installation
let folder: string

beforeAll(async () => {
  installation = await installPackage()
  folder = installation.folder
}, 180_000)
afterAll(() => installation?.remove())

describe('declarations', () => {
  /** Without `skipLibCheck`. @returns what the compiler says */
  const compile = (program: string): Promise<string[]> =>
    installation.tsc([...strict, '--noEmit', program]).then(
      () => [],
      (error: { stdout: string }) => error.stdout.split('\n').filter((line) => line !== ''),
    )

  const ofDrizzle = ['./policies', './schema', './testing']

  beforeAll(() => {
    const imports = entries.map((entry, index) => `import * as entry${index} from '${nameOf(entry)}'`)
    writeFileSync(join(folder, 'all.ts'), `${imports.join('\n')}\nconsole.log(${entries.map((_, i) => `entry${i}`)})\n`)
  })

  it('of all entries at once compile under strict, and so do the examples', async () => {
    await installation.tsc([...strict, '--noEmit', '--skipLibCheck', 'all.ts', ...programs])
  })

  it.each(entries.filter((entry) => !ofDrizzle.includes(entry)))(
    'of %s compile, with every one in reach',
    async (entry) => {
      writeFileSync(join(folder, 'one.ts'), `export * from '${nameOf(entry)}'\n`)
      expect(await compile('one.ts')).toEqual([])
    },
  )

  it('have no fault beside those of drizzle-orm, which has some', async () => {
    const said = await compile('all.ts')
    expect(said.filter((line) => /^(node_modules\/rowpass|all\.ts)/.test(line))).toEqual([])
    expect(said.filter((line) => !/^(node_modules\/drizzle-orm| )/.test(line))).toEqual([])
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
    await installation.tsc([...options, 'notes.ts'])
    expect((await installation.node(['notes.js'])).stdout).toBe('true object\n')
  })
})
