import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
