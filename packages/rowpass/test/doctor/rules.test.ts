/**
 * Each rule has a folder with three files. The first line of a file says which findings it has, by key; `none` for none.
 * `broken.sql` has the fault, `fixed.sql` has not, `tricky.sql` looks the other way round.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readCatalogHere } from '../../src/access/catalog/read.ts'
import { inSavepoint } from '../../src/access/trial.ts'
import { createModel } from '../../src/doctor/analysis/model.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { writeMigration } from '../../src/doctor/migration.ts'
import { rules } from '../../src/doctor/rules.ts'
import { diagnose, tryFixesHere, tryOutHere } from '../../src/doctor/run.ts'
import { loadParser, type Parser } from '../../src/statement/parser.ts'
import { createTestDatabase, describePg, postgresMajor, product, type TestDatabase } from '../support/pg.ts'

const folder = `${product}test/doctor/rules/`
const prelude = readFileSync(`${folder}prelude.sql`, 'utf8')
const others = readFileSync(`${folder}others.sql`, 'utf8')

/** Rules about the database or the server as a whole: `whole-database.test.ts` has them. */
const wholeDatabase = ['RLS063', 'RLS064', 'RLS074', 'RLS075', 'RLS080']
const stems = rules
  .filter(({ code }) => !wholeDatabase.includes(code))
  .map(({ code, slug }) => `${code.toLowerCase()}-${slug}`)

/** The line of the security requirements that the findings of a rule meet. */
function requirementOf(stem: string): string {
  const number = Number(stem.slice(3, 6))
  if (number <= 3) return 'SEC-47 '
  if (number <= 9) return 'SEC-48 '
  if ([16, 17, 23, 24, 25, 26, 27].includes(number)) return 'SEC-54 '
  if (number <= 24 || number === 28) return 'SEC-53 '
  if (number <= 37) return 'SEC-55 '
  if (number <= 42) return 'SEC-61 '
  if (number === 43) return 'SEC-50 '
  if (number <= 46) return 'SEC-49 '
  if (number === 47 || number === 54) return 'SEC-58 '
  if (number <= 49) return 'SEC-59 '
  if (number === 58) return 'SEC-49 '
  if (number <= 53 || (number >= 55 && number <= 57)) return 'SEC-52 '
  if (number === 60 || number === 68) return 'SEC-51 '
  if (number <= 63) return 'SEC-63 '
  if (number === 69) return 'SEC-59 '
  if (number === 72) return 'SEC-57 '
  if (number === 76) return 'SEC-83 '
  return number === 81 ? 'SEC-60 ' : 'SEC-56 '
}

describe('the list of rules', () => {
  it('each rule has its three files, and each folder its rule', () => {
    const folders = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory())
    expect(folders.map(({ name }) => name).sort()).toEqual([...stems].sort())
    const files = stems.flatMap((stem) => ['broken', 'fixed', 'tricky'].map((name) => `${stem}/${name}.sql`))
    expect(files.filter((file) => !existsSync(folder + file))).toEqual([])
  })

  it('the numbers of rules are in order, each once, and slugs are words', () => {
    const codes = rules.map(({ code }) => code)
    expect(codes).toEqual([...new Set(codes)].sort())
    expect(rules.filter(({ code, slug }) => !/^RLS\d{3}$/.test(code) || !/^[a-z]+(-[a-z]+)*$/.test(slug))).toEqual([])
  })
})

describePg('the rules of the doctor', () => {
  let database: TestDatabase
  let client: pg.Client
  let parser: Parser
  let before: ReadonlySet<string> | undefined

  beforeAll(async () => {
    // Roles belong to the server: the ones of requests are made as they are everywhere else.
    await (await createTestDatabase({ contents: 'platform' })).close()
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
    await client.query('alter schema public owner to postgres')
    parser = await loadParser()
    await readBefore()
  })
  // Roles are those of the whole server, where other tests make some and drop them.
  beforeEach(async ({ task }) => {
    if ((task.result?.retryCount ?? 0) > 0) await readBefore()
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  async function readBefore(): Promise<void> {
    before = undefined
    await rolledBack(async () => {
      before = new Set((await find()).map(({ key }) => key))
    })
  }

  /** What is found in the transaction that is open, without what an empty database has. */
  async function find(): Promise<Finding[]> {
    await client.query('savepoint reading')
    const model = createModel(await readCatalogHere(client), parser)
    // The search path of the reading is not that of requests.
    await client.query('rollback to savepoint reading')
    const { findings } = await tryOutHere(client, model)
    await client.query('rollback to savepoint reading')
    return findings.filter(({ key }) => before === undefined || !before.has(key))
  }

  /** The same, with fixes that were tried. */
  async function findAndTry(): Promise<readonly Finding[]> {
    const found = await find()
    const model = createModel(await inSavepoint(client, () => readCatalogHere(client)), parser)
    const { findings } = await inSavepoint(client, () =>
      tryFixesHere(client, model, { ...diagnose(model), findings: found, notes: [] }),
    )
    return findings
  }

  async function rolledBack(work: () => Promise<void>): Promise<void> {
    await client.query('begin')
    try {
      await client.query(prelude)
      await work()
    } finally {
      await client.query('rollback')
    }
  }

  describe.each(stems.map((stem) => [requirementOf(stem), stem] as const))('%s%s', (_, stem) => {
    const code = stem.slice(0, 6).toUpperCase()

    it('keys stay when other objects come, are renamed and go', async () => {
      await rolledBack(async () => {
        await client.query(readCase(`${folder}${stem}/broken.sql`).sql)
        const keys = (await find()).map(({ key }) => key)
        await client.query(others)
        const missing = async () => {
          const now = new Set((await find()).map(({ key }) => key))
          return keys.filter((key) => !now.has(key))
        }
        expect(await missing()).toEqual([])
        await client.query('alter table zzz.last rename to aaa; alter table aaa.first rename to zzz')
        expect(await missing()).toEqual([])
        await client.query('drop schema aaa, zzz cascade')
        expect(await missing()).toEqual([])
        expect(new Set(keys).size).toBe(keys.length)
      })
    })

    it.each(['broken', 'fixed', 'tricky'])('%s.sql has exactly the findings it says', { retry: 4 }, async (name) => {
      const { sql, expected } = readCase(`${folder}${stem}/${name}.sql`)
      if (name === 'broken') expect(expected.some((key) => key.startsWith(code))).toBe(true)
      if (name === 'fixed') expect(expected).toEqual([])
      await rolledBack(async () => {
        await client.query(sql)
        const found = name === 'fixed' ? await find() : await findAndTry()
        const marked = found.map(({ key, level }) =>
          expected.includes(`${key} (${level})`) ? `${key} (${level})` : key,
        )
        expect(marked.sort()).toEqual(expected)
        const { sql: migration } = writeMigration(found)
        if (name === 'fixed' || migration === '') return
        await client.query(migration)
        // What needs a person stays, or goes with what was fixed; nothing new comes.
        const left = new Set(found.filter(({ fix }) => 'person' in fix).map(({ key }) => key))
        expect((await find()).map(({ key }) => key).filter((key) => !left.has(key))).toEqual([])
      })
    })
  })
})

/** `-- expect: RLS001:public.notes`, with a level `RLS001:public.notes (error)`, or `-- expect: none`; `-- from: 17` where an older server has not got the thing. */
function readCase(path: string): { sql: string; expected: string[] } {
  const sql = readFileSync(path, 'utf8')
  const [, text] = /^-- expect: (.*)\n/.exec(sql) ?? []
  if (text === undefined) throw new TypeError(`${path} does not say what to expect`)
  const [, from = '0'] = /^-- from: (\d+)$/m.exec(sql) ?? []
  if (postgresMajor() < Number(from)) return { sql: '', expected: [] }
  return { sql, expected: text === 'none' ? [] : text.split(' | ').sort() }
}
