import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { reviewChange } from '../../src/review/review.ts'
import { openScratchServer, type ScratchDatabase, type ScratchServer } from '../../src/scratch/server.ts'
import { goOn } from '../../src/scratch/states.ts'
import { listWeakenings, type Weakening } from '../../src/testing/weakenings.ts'
import { describePg } from '../support/pg.ts'
import { readSchemas } from './changes.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 })

/** All of them take minutes: every third one is reviewed. */
const every = 3
const club = readSchemas().find(({ name }) => name === 'club')!
const tables = ['members', 'posts', 'fees']

/**
 * The rows that somebody reads, by a second implementation: the owner's count, with the policies of the catalog and the
 * values of the claims written into them.
 */
async function countAsOwner(url: string): Promise<Record<string, number>> {
  return withConnection(url, async (client) => {
    const counts: Record<string, number> = {}
    for (const { name, claims } of club.identities) {
      for (const table of tables) {
        const { rows: policies } = await client.query<{ permissive: boolean; using: string }>(
          `select polpermissive as permissive, pg_get_expr(polqual, polrelid) as using from pg_policy
            where polrelid = $1::regclass and polcmd in ('r', '*') and polqual is not null`,
          [`club.${table}`],
        )
        const { rows: facts } = await client.query<{ rls: boolean }>(
          'select relrowsecurity as rls from pg_class where oid = $1::regclass',
          [`club.${table}`],
        )
        const written = (text: string) =>
          text.replaceAll('club.me()', String(claims.member)).replaceAll('club.mine()', String(claims.id))
        const open = policies.filter(({ permissive }) => permissive).map(({ using }) => `(${written(using)})`)
        const strict = policies.filter(({ permissive }) => !permissive).map(({ using }) => ` and (${written(using)})`)
        const where = facts[0]?.rls ? `(${open.join(' or ') || 'false'})${strict.join('')}` : 'true'
        const { rows } = await client.query<{ n: number }>(
          `select count(*)::int as n from club.${table} where ${where}`,
        )
        counts[`${name} club.${table}`] = rows[0]!.n
      }
    }
    return counts
  })
}

describePg('weakened policies', () => {
  let server: ScratchServer
  let before: ScratchDatabase
  let weakenings: Weakening[]
  beforeAll(async () => {
    server = await openScratchServer(inject('superuserUrl'))
    before = await server.create()
    await before.load([{ name: 'club', text: club.sql, isSeed: false }])
    weakenings = await withConnection(before.url, listWeakenings)
  })
  afterAll(() => server.close())

  it('change what the owner counts with their texts, and nothing else', async () => {
    const was = await countAsOwner(before.url)
    const wrong: unknown[] = []
    let gains = 0
    for (const weakening of weakenings.filter((_, index) => index % every === 0)) {
      const after = await goOn(server, before, [
        { name: weakening.says, text: weakening.sql.join(';\n'), isSeed: false },
      ])
      const is = await countAsOwner(after.url)
      const expected = Object.fromEntries(
        Object.keys(was).flatMap((place) => (is[place] === was[place] ? [] : [[place, is[place]! - was[place]!]])),
      )
      const { rows } = await reviewChange({
        beforeUrl: before.url,
        afterUrl: after.url,
        alone: true,
        file: JSON.stringify(club.identities),
      })
      const found = Object.fromEntries(
        rows
          .filter(({ command, subject }) => command === 'select' && !subject.startsWith('no claims'))
          .map(({ subject, table, gained, lost }) => [`${subject} ${table}`, gained - lost]),
      )
      gains += Object.values(expected).filter((each) => each > 0).length
      if (JSON.stringify(sorted(found)) !== JSON.stringify(sorted(expected)))
        wrong.push({ weakening: `${weakening.table} ${weakening.policy}: ${weakening.says}`, expected, found })
    }
    expect(wrong).toEqual([])
    expect(gains).toBeGreaterThan(4)
  })
})

function sorted(record: Record<string, number>): [string, number][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}
