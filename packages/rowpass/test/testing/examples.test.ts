import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { createTester } from 'rowpass/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addTask } from '../../../../examples/policies/insert.ts'
import * as schema from '../../../../examples/policies/schema.ts'
import { createSchemaDatabase } from '../policies/schema-database.ts'
import { describePg, repository, type TestDatabase } from '../support/pg.ts'

describePg('the examples of tests', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createSchemaDatabase(schema)
  })
  afterAll(() => database.close())

  const folder = `${repository}examples/testing`
  it.each([
    [
      'vitest',
      [
        `${repository}node_modules/vitest/vitest.mjs`,
        'run',
        '--config',
        'packages/rowpass/test/testing/suite.config.ts',
      ],
    ],
    ['node --test', ['--import', 'tsx', '--test', `${folder}/articles.node.ts`]],
  ])('pass with %s', async (_title, argv) => {
    const env = { PATH: process.env.PATH, DATABASE_URL: database.superuserUrl, SUITE_FOLDER: folder, NO_COLOR: '1' }
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: repository, env })
    expect(stdout).toMatch(/\b[12] passed|# pass 1|ℹ pass 1/)
  })
})

describePg('the example of an INSERT', () => {
  it('names the columns that a caller gives, and reads what the database filled in', async () => {
    const database = await createSchemaDatabase(schema)
    try {
      const tester = await createTester({ databaseUrl: database.ownerUrl })
      const author = { sub: '9a1f6e3c-aaaa-4f5b-8f0e-5d0c2a7b1e01', tenant_id: '5b0c7a6e-1111-4c3e-9d8e-0a6f6a9d1c01' }
      const task = { tenantId: author.tenant_id, authorId: author.sub, title: 'Write tests' }
      const [added] = await tester.asUser(author, ({ db }) => addTask(db, task))
      expect(added).toEqual({ ...task, id: expect.any(String), done: false })
      await tester.close()
    } finally {
      await database.close()
    }
  })
})

describe('the pages about tests', () => {
  it.each(['docs/policies.md', 'docs/testing.md'])('the programs of %s are parts of examples that run', (page) => {
    const read = (path: string) => readFileSync(`${repository}${path}`, 'utf8')
    const sources = ['examples/policies', 'examples/testing', 'demo/src/db', 'packages/rowpass/test/testing'].flatMap(
      (folder) => readdirSync(`${repository}${folder}`).map((name) => read(`${folder}/${name}`)),
    )
    const programs = [...read(page).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, program]) => program!.trimEnd())
    expect(programs.length).toBeGreaterThan(2)
    expect(programs.filter((program) => !sources.some((source) => source.includes(program)))).toEqual([])
  })
})
