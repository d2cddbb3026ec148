/** Comments in places where the parser stumbles over them and PostgreSQL does not. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blankComments } from '../../src/statement/comments.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { describePg } from '../support/pg.ts'
import { type JudgedDatabase, judgeDatabase } from './judge-database.ts'

describePg('comments', () => {
  let judged: JudgedDatabase
  beforeAll(async () => {
    judged = await judgeDatabase()
  })
  afterAll(() => judged.close())

  it.each([
    'select 1 where 1 not /* c */ in (2)',
    'select 1 where 1 not -- c\n in (2)',
    `select 1 where 'a' not /* /* nested */ ' */ like 'b' and '/*' = '/*'`,
    `select 1 where 'a' not/**/ilike 'b' and 'a' not/**/similar to 'b' and 2 not/**/between 3 and 4`,
    'select n from generate_series(1, 2) as n order by n nulls /* c */ first',
    `select "--", 'it''s -- here', $$ /* in $$, $a$ $$ -- $a$ from (select 1 as "--") as x where 1 not /**/ in (2)`,
    'select * from unnest(array[7]) with /* c */ ordinality',
    `select '2026-01-01'::timestamp with /* c */ time zone is not null`,
    `select E'a\\'--' where 1 not /* c */ in (2)`,
    `select 'a' -- c\n 'b' where 1 not /* c */ in (2)`,
    `select U&'!0061' /* c */ uescape '!'`,
    'select 1 /* ünï 💥 */ where 1 not /* ünï 💥 */ in (2)',
  ])('are no reason to refuse what PostgreSQL runs: %s', async (sql) => {
    const verdict = judged.classify(sql)
    expect(verdict).toMatchObject({ kind: 'fast', command: 'SELECT', readOnly: true, sql: blankComments(sql) })
    const rows = await judged.run(sql)
    expect(rows).toEqual([expect.anything(), ...rows.slice(1)])
    expect(await judged.run(blankComments(sql)!)).toEqual(rows)
  })

  it('SEC-37 hide nothing from the judge', () => {
    for (const call of [`set_config('a.b', 'c', false)`, 'pg_sleep(1)']) {
      const sql = `select 1 where 1 not /* c */ in (2) and ${call} is null`
      expect(judged.classify(sql)).toMatchObject({
        kind: 'refused',
        what: expect.stringMatching(/^(set_config|pg_sleep)/),
      })
    }
    expect(judged.classify('select 1 where 1 not /* c */ in (2); set role none')).toMatchObject({ kind: 'refused' })
    expect(judged.classify('selec /* c */ 1')).toMatchObject({
      kind: 'refused',
      error: { sqlstate: '42601', message: 'syntax error at or near "selec"', position: 1 },
    })
  })

  it('are kept where one cannot tell where they end, and in a long text', () => {
    for (const sql of [
      'select 1',
      'select /* /* */ 1',
      `select 'a -- b`,
      'select "a',
      'select $a$ -- $b$',
      `select E'a'\n'\\' /* '`,
    ]) {
      expect([sql, blankComments(sql)]).toEqual([sql, undefined])
    }
    const long = `select 1 where 1 not /* c */ in (${'2, '.repeat(6_000)} 2)`
    expect(judged.classify(long)).toMatchObject({ kind: 'refused', error: { sqlstate: '42601' } })
  })
})

describe('a text without its comments', () => {
  const parts =
    `' '' E' e' U&' N' " "" $$ $a$ $b$ $1 $ a$ a$b$ a 1 _ é 💥 - -- * / /* */ + \\\\ \\' not in , ( )`.split(' ')

  const soup = fc
    .array(fc.constantFrom(...parts, ' ', ' ', '\n', '\r', '\t', '\f'), { maxLength: 8 })
    .map((all) => all.join(''))

  it('SEC-37 has the same tokens in the same places', async () => {
    const { tokens } = await loadParser()
    let seen = 0
    fc.assert(
      fc.property(
        fc
          .tuple(soup, fc.constantFrom(' /* x', ' /* /* x */', '--'), soup, fc.constantFrom('*/ ', '\n'))
          .map((all) => all.join('')),
        (sql) => {
          const blanked = blankComments(sql)
          const before = tokens(sql)
          if (blanked === undefined || before === undefined || before.length === 0) return
          seen++
          expect([...blanked].length).toBe([...sql].length)
          // Where a string goes on in another line behind a comment, the server sees one and the parser sees two.
          const textOf = (words: typeof before | undefined) =>
            words
              ?.map(({ text }) => text)
              .join(' ')
              .replace(/'[\s']*'/g, "''")
          expect(textOf(tokens(blanked))).toBe(textOf(before))
        },
      ),
      { numRuns: 20_000 },
    )
    expect(seen).toBeGreaterThan(2_000)
  })
})
