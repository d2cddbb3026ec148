/**
 * What a token holder could learn of rows that the policies hide: from plans, statistics, sizes, places on disk, counts,
 * messages. Each is stopped, or SECURITY.md names it and a test here shows how far it goes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

describePg('hidden rows', () => {
  describe('in the demo, as David, who sees himself alone', () => {
    const neon = 'f330c503-5e9c-46a7-8393-2995aeb03675'
    const david = '2e7e25e8-5445-40bd-8f89-dc19bba64faa'
    let database: TestDatabase
    beforeAll(async () => {
      database = await createTestDatabase()
    })
    afterAll(() => database.close())

    async function withGateway<T>(settings: Record<string, string>, use: (gateway: TestGateway) => Promise<T>) {
      const gateway = await startTestGateway(database, settings)
      return use(gateway).finally(() => gateway.close())
    }

    /** Addresses that begin with m: the condition on the index counts rows before the policy hides them. */
    async function readAddresses(gateway: TestGateway): Promise<string[]> {
      const token = await gateway.issuer.token(david, { tenant_id: neon, role: 'member' })
      const count = async (from: string, to: string) => {
        const query = `explain (analyze, timing off, costs off)
          select 1 from users where tenant_id = '${neon}' and email >= '${from}' and email < '${to}'`
        const { body } = await gateway.sql(token, query)
        const plan = (body.rows ?? []).map((row: Record<string, string>) => row['QUERY PLAN']).join('\n')
        return Number(/Rows Removed by Filter: (\d+)/.exec(plan)?.[1] ?? 0)
      }
      const found: string[] = []
      for (const prefixes = ['m']; prefixes.length > 0; ) {
        const prefix = prefixes.pop() as string
        if ((await count(prefix, `${prefix}!`)) > 0) found.push(prefix)
        for (const letter of 'abcdefghijklmnopqrstuvwxyz@.') {
          if ((await count(`${prefix}${letter}`, `${prefix}${letter}~`)) > 0) prefixes.push(prefix + letter)
        }
      }
      return found
    }

    it('SEC-68 bisection by EXPLAIN reads no address', async () => {
      expect(await withGateway({}, readAddresses)).toEqual([])
    })

    it('SEC-68 with ROWPASS_ALLOW_EXPLAIN it reads the address of a hidden row, and the log warns of it', async () => {
      await withGateway({ ROWPASS_ALLOW_EXPLAIN: 'true' }, async (gateway) => {
        expect(gateway.events[0]).toEqual({
          type: 'explain_allowed',
          remedy: 'unset ROWPASS_ALLOW_EXPLAIN; see SECURITY.md',
        })
        expect(await readAddresses(gateway)).toEqual(['mei@neon.example'])
      })
    })
  })
})
