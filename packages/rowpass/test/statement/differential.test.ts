import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { type JudgedDatabase, judgeDatabase } from './judge-database.ts'

/**
 * The classifier and the server must not read one text in two ways. A function of the owner's tells when the server calls
 * it; a text that makes the server call it must not be one in which the classifier saw no call.
 */
describePg('one reading of every text', () => {
  let judged: JudgedDatabase
  let calls = 0

  beforeAll(async () => {
    judged = await judgeDatabase({
      setUp: `create function public.canary() returns text language plpgsql volatile as 'begin raise notice ''called''; return ''''; end';
        create function public.canary(record) returns text language plpgsql volatile as 'begin raise notice ''called''; return ''''; end';
        create table public.t (a text); grant select on public.t to authenticated; insert into public.t values ('x');`,
    })
    await judged.gateway.query('set role authenticated')
    judged.gateway.on('notice', () => calls++)
  })
  afterAll(() => judged.close())

  async function isCalled(sql: string): Promise<boolean> {
    const before = calls
    await judged.gateway.query('begin')
    const query = { text: sql, values: [], queryMode: 'extended' } as pg.QueryConfig
    await judged.gateway.query(query).catch(() => {})
    await judged.gateway.query('rollback')
    return calls > before
  }

  const quotes = ["'", "''", "E'", "e'", "U&'", "u&'", "N'", "B'", "X'", '"', 'U&"', '$$', '$q$', '\\', "\\'", '\\\\']
  const gaps = [' ', '\n', '\t', '\f', '\v', '\r', '--', '-- \n', "--'\n", '/*', '*/', '/* */', "/*'*/", '/*\n*/']
  const glue = [',', '(', ')', '||', '::text', ' as ', '.', ';', ' uescape ', "'!'", ' escape ', '$1', ' not ', ' in ']
  const words = ['select ', 'canary()', ',canary(),', '"canary"()', ' from t', ' t.canary ', 'a', 'x', '1', 'null']
  const words2 = [' with ', ' ordinality ', ' nulls ', ' first ', ' format ', ' json ', ' time ', ' zone ', ' like ']

  async function check(texts: fc.Arbitrary<string>, numRuns: number): Promise<number> {
    let called = 0
    await fc.assert(
      fc.asyncProperty(texts, async (sql) => {
        const { kind } = judged.classify(sql)
        if (!(await isCalled(sql))) return
        called++
        expect(kind).not.toBe('fast')
      }),
      { numRuns },
    )
    return called
  }

  const soup = (fragments: string[], maxLength: number) =>
    fc.array(fc.constantFrom(...fragments), { maxLength }).map((parts) => parts.join(''))

  it('SEC-37 quotes, escapes and comments hide no call', async () => {
    const texts = soup([...quotes, ...gaps, ',canary(),', ','], 9).map((text) => `select ''${text}''`)
    expect(await check(texts, 4_000)).toBeGreaterThan(5)
  })

  it('SEC-37 strings that go on in the next line hide no call', async () => {
    const literals = fc.tuple(
      fc.constantFrom("E'", "'", "U&'", "N'", "e'"),
      soup(['a', '\\', "''", '!', "\\'", '/*', '*/', '--'], 3),
      fc.constantFrom(
        "'\n'",
        "' -- x\n'",
        "' --'\n'",
        "'/*\n*/'",
        "' \n\n '",
        "'\v\n'",
        "'--\r'",
        "' '",
        "' -- \\\n -- \n'",
      ),
      soup(['a', '\\', "''", "\\'", '/*', '*/', "',canary(),'", '--', '\n'], 5),
      fc.constantFrom("'", "\\'", "'''", "' --'", "' /*'*/", "' uescape '!'"),
    )
    const texts = literals.map((parts) => `select ${parts.join('')}`)
    expect(await check(texts, 4_000)).toBeGreaterThan(100)
  })

  it('SEC-37 no other arrangement of tokens hides a call', async () => {
    const texts = soup([...quotes, ...gaps, ...glue, ...words, ...words2], 12).map((text) => `select ${text}`)
    expect(await check(texts, 6_000)).toBeGreaterThan(5)
  })

  it('SEC-37 the server would call what these texts hide from a careless reader', async () => {
    for (const sql of [
      "select 'a\\', canary(), ''",
      "select E'a'\n'\\' /* ', canary(), ' */ '",
      "select E'a' -- x\n'\\' /* ', canary(), ' */ '",
      "select U&'a' uescape '*', canary(), '/*'",
      'select $a$ $b$ $a$, canary(), $c$ $b$ $c$',
      'select /* /* */ -- */ 1, canary()',
      'select 1 --\r, canary()',
      'select t.canary from t',
      'select (t).canary from t',
      'select "canary"/**/()',
      'select U&"c!0061nary" uescape \'!\' ()',
    ]) {
      expect([sql, await isCalled(sql)]).toEqual([sql, true])
      expect(judged.classify(sql).kind).toMatch(/^(reset|refused)$/)
    }
  })
})
