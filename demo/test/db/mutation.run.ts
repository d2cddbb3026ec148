/**
 * Weakens the demo's policies one by one and has its own tests look: `npm run test:mutate`. Takes minutes, so it is no
 * part of the tests. MUTATE_TESTS names the tests to ask, MUTATE_ONLY a table or policy.
 */
import { describe, expect, inject, it } from 'vitest'
import { mutate } from '../../../packages/rowpass/src/testing/mutate.ts'
import { createTestDatabase, repository } from '../../../packages/rowpass/test/support/pg.ts'

const tests = (process.env.MUTATE_TESTS ?? 'demo/test/db').split(' ')
const hour = 3_600_000

describe('the tests of the demo', () => {
  it(`${tests.join(' ')} notice every weakening`, { timeout: 4 * hour }, async () => {
    const database = await createTestDatabase()
    try {
      const report = await mutate({
        databaseUrl: database.superuserUrl,
        command: {
          argv: [process.execPath, `${repository}node_modules/vitest/vitest.mjs`, 'run', '--bail=1', ...tests],
          cwd: repository,
          env: { ...process.env, TEST_DATABASE_URL: inject('superuserUrl') },
          urlNames: ['TEST_APPLICATION_URL'],
          timeoutMs: hour / 6,
        },
        only: process.env.MUTATE_ONLY ?? '',
        onProgress: ({ outcome, table, policy = '', says }, done, total) =>
          console.info(`${done}/${total} ${outcome}: ${table} ${policy}: ${says}`),
      })
      console.info(`${report.noticed} of ${report.noticed + report.survived} noticed`)
      const survivors = report.weakenings.filter(({ outcome }) => outcome === 'survived')
      expect(survivors.map(({ table, policy, says }) => `${table} ${policy}: ${says}`)).toEqual([])
    } finally {
      await database.close()
    }
  })
})
