/** The examples in docstrings: every function that a package exports has one, and it compiles against what npm is given. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exported, entries, readEntry } from '../../../../tools/library.ts'
import { repository } from '../support/pg.ts'

/** What an example need not import: libraries that an application has beside ours. */
const libraries: Readonly<Record<string, string>> = {
  'drizzle-orm': 'sql',
  'drizzle-orm/pg-core': 'pgTable uuid text boolean',
  '@neondatabase/serverless': 'neon',
  'node:fs': 'readFileSync writeFileSync',
}

/** What the program around an example has already. */
const around: Readonly<Record<string, string>> = {
  pg: "typeof import('pg')",
  client: "import('pg').Client",
  databaseUrl: 'string',
  request: 'Request',
  response: 'Response',
  token: 'string',
  password: 'string',
  presented: 'string',
  user: '{ id: string }',
  store: "import('rowpass/issuer').IssuerStore & import('rowpass/issuer').AccountStore",
  key: "import('rowpass/issuer').SigningKey",
  storedHash: "import('rowpass/issuer').SecretHash",
  db: "import('rowpass/issuer').SqlDatabase",
  approved: "import('rowpass/doctor').Approval",
  tester: "import('rowpass/testing').Tester",
}

const folder = mkdtempSync(join(tmpdir(), 'rowpass-examples-'))
let everything: readonly Exported[]

beforeAll(() => {
  execFileSync(process.execPath, ['--import', 'tsx', 'tools/build.ts', '--stale'], { cwd: repository })
  everything = Object.keys(entries)
    .flatMap(readEntry)
    .filter(({ isValue }) => isValue)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a function that a package exports', () => {
  it('has an example', () => {
    expect(everything.length).toBeGreaterThan(60)
    expect(everything.filter(({ isFunction, example }) => isFunction && example === undefined)).toEqual([])
  })

  it('has one that compiles, strictly, against the declarations that are published', async () => {
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      target: 'ES2023',
      lib: ['ES2023', 'DOM'],
      module: 'NodeNext',
      types: ['node'],
      skipLibCheck: true,
      noEmit: true,
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const examples = everything.filter(({ example }) => example !== undefined)
    for (const each of examples) writeFileSync(join(folder, `${fileNameOf(each)}.ts`), programOf(each))
    const compiler = join(repository, 'node_modules/typescript/bin/tsc')
    const says = await promisify(execFile)(process.execPath, [compiler, '-p', folder], { cwd: folder }).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    )
    expect(says).toBe('')
  }, 60_000)
})

function fileNameOf({ entry, name }: Exported): string {
  return `${entry.replaceAll(/\W/g, '_')}-${name}`
}

/** The example with the imports that an editor would add, of its own entry before all others. */
function programOf({ entry, example = '' }: Exported): string {
  const words = new Set(example.replaceAll(/(?<=(?<!\.)\.)\w+/g, '').match(/\b[a-zA-Z]\w*\b/g))
  const known = new Map<string, string>()
  const give = (name: string, line: string): void => {
    const isTaken = known.has(name) || new RegExp(`\\b(?:const|let) (?:\\{[^}=]*)?\\b${name}\\b(?!:)`).test(example)
    if (words.has(name) && !isTaken) known.set(name, line)
  }
  const importLine = (name: string, from: string): string => `import { ${name} } from '${from}'`
  for (const { name, entry: from } of everything) if (from === entry) give(name, importLine(name, from))
  for (const [from, names] of Object.entries(libraries))
    for (const name of names.split(' ')) give(name, importLine(name, from))
  for (const [name, type] of Object.entries(around)) give(name, `declare const ${name}: ${type}`)
  for (const { name, entry: from } of everything) give(name, importLine(name, from))
  return `${[...known.values()].join('\n')}\n${example}\nexport {}\n`
}
