import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClassifier } from '../../src/statement/classify.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { describePg } from '../support/pg.ts'
import { type JudgedDatabase, judgeDatabase } from './judge-database.ts'

/** Everything PostgreSQL reads as nothing between two tokens. */
const gap = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', '\t', '\n', '\r', '\f'),
      fc.constantFrom('/**/', '/* /* nested */ */', '/* \' " $$ */', '--\n', '-- \' " /* \r'),
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join(''))
/** No comment: see `parser.ts`. */
const blank = fc.string({ unit: fc.constantFrom(' ', '\t', '\n'), maxLength: 2 })
const someGap = gap.map((text) => ` ${text}`)

const unicodeEscape = (char: string) => {
  const code = char.codePointAt(0)?.toString(16) ?? ''
  return fc.constantFrom(char, `\\${code.padStart(4, '0')}`, `\\+${code.padStart(6, '0').toUpperCase()}`)
}

/** All ways to write an identifier of lower-case letters. */
function spelling(name: string): fc.Arbitrary<string> {
  const chars = [...name]
  const anyCase = chars.map((char) => fc.constantFrom(char, char.toUpperCase()))
  return fc.oneof(
    fc.tuple(...anyCase).map((parts) => parts.join('')),
    fc.constant(`"${name}"`),
    fc.tuple(...chars.map(unicodeEscape)).map((parts) => `U&"${parts.join('')}"`),
    fc
      .tuple(blank, ...chars.map(unicodeEscape))
      .map(([space, ...parts]) => `u&"${parts.join('').replaceAll('\\', '!')}"${space}UESCAPE${space}'!'`),
  )
}

function qualified(name: string, schema: string): fc.Arbitrary<string> {
  return fc.oneof(
    spelling(name),
    fc.tuple(spelling(schema), gap, gap, spelling(name)).map(([a, b, c, d]) => `${a}${b}.${c}${d}`),
  )
}

const call = (name: fc.Arbitrary<string>, args: string) =>
  fc.tuple(name, gap).map(([spelled, space]) => `${spelled}${space}(${args})`)

const places = [
  (call: string) => `select${call}`,
  (call: string) => `select 1 from${call} as f`,
  (call: string) => `select 1 where${call} is null`,
  (call: string) => `select 1 order by${call}`,
  (call: string) => `select (select${call})`,
  (call: string) => `select * from (select${call}) x`,
  (call: string) => `with x as (select${call}) select * from x`,
  (call: string) => `select case when true then${call} end`,
  (call: string) => `values (${call})`,
  (call: string) => `select coalesce(null,${call})`,
  (call: string) => `select distinct on (${call}) 1`,
  (call: string) => `select 1 group by grouping sets ((${call}))`,
  (call: string) => `select 1 having${call} is null`,
  (call: string) => `select 1 limit (${call})`,
  (call: string) => `select 1 offset (${call})`,
  (call: string) => `select 1 from t join u on${call} is null`,
  (call: string) => `select 1 from t, lateral${call} as f`,
  (call: string) => `select 1 from rows from (now(),${call}) as f`,
  (call: string) => `select count(*) filter (where${call} is null)`,
  (call: string) => `select array_agg(a order by${call}) from t`,
  (call: string) => `select percentile_disc(0.5) within group (order by${call})`,
  (call: string) => `select count(*) over (partition by${call})`,
  (call: string) => `select count(*) over (order by${call})`,
  (call: string) => `select count(*) over (rows between (${call}) preceding and current row)`,
  (call: string) => `select count(*) over w from t window w as (order by${call})`,
  (call: string) => `select array[1,${call}], row(${call})`,
  (call: string) => `select (array[1])[${call}]`,
  (call: string) => `select f(name =>${call})`,
  (call: string) => `select 1 in (2,${call})`,
  (call: string) => `select 1 between 0 and${call}`,
  (call: string) => `select 1 = any (array[${call}])`,
  (call: string) => `select cast(${call} as text) collate "C"`,
  (call: string) => `select greatest(1,${call}), nullif(1,${call})`,
  (call: string) => `select a from t union all select${call}`,
  (call: string) => `select xmlelement(name a, xmlattributes(${call} as b))`,
  (call: string) => `select * from xmltable('/a' passing${call} columns b text)`,
  (call: string) => `select * from xmltable('/a' passing x columns b text default${call})`,
  (call: string) => `select json_object('a':${call})`,
  (call: string) => `select json_value(j, '$' passing${call} as a)`,
  (call: string) => `insert into t values (${call})`,
  (call: string) => `insert into t select 1 returning${call}`,
  (call: string) => `insert into t values (1) on conflict ((${call})) do nothing`,
  (call: string) => `insert into t values (1) on conflict (a) do update set a =${call}`,
  (call: string) => `insert into t values (1) on conflict (a) do update set a = 1 where${call} is null`,
  (call: string) => `update t set (a, b) = (1,${call})`,
  (call: string) => `update t set a[${call}] = 1`,
  (call: string) => `update t set a = 1 from u where${call} is null`,
  (call: string) => `delete from t using u where${call} is null returning 1`,
  (call: string) => `merge into t using u on${call} is null when matched then delete`,
  (call: string) => `merge into t using u on true when matched and${call} is null then delete`,
  (call: string) => `merge into t using u on true when not matched then insert values (${call})`,
]

describePg('spellings', () => {
  let judged: JudgedDatabase

  beforeAll(async () => {
    judged = await judgeDatabase()
  })
  afterAll(() => judged.close())

  it('SEC-40 a refused function is refused however it is written and wherever it stands', async () => {
    // Of a server that brings no reason of its own to refuse one of the places.
    const classify = createClassifier(await loadParser(), { ...judged.facts, policiesFirst: true })
    const attack = fc.constantFrom(
      ['set_config', "'a.b', 'c', true"],
      ['pg_sleep', '0'],
      ['query_to_xml', "'select 1', true, false, ''"],
      ['pg_advisory_xact_lock', '1'],
      ['txid_status', '1'],
    )
    const texts = attack.chain(([name = '', args = '']) =>
      fc
        .tuple(call(qualified(name, 'pg_catalog'), args), someGap, fc.constantFrom(...places))
        .map(([text, space, place]) => place(`${space}${text}`)),
    )
    await fc.assert(
      fc.property(texts, (sql) => {
        expect(classify(sql)).toMatchObject({ kind: 'refused', what: expect.stringMatching(/^[a-z_]+\(\)$/) })
      }),
      { numRuns: 4_000 },
    )
  })

  it('SEC-40 PostgreSQL reads these spellings as the function', async () => {
    const texts = fc.tuple(someGap, call(qualified('set_config', 'pg_catalog'), "'a.b', 'c', true"))
    await fc.assert(
      fc.asyncProperty(texts, async ([space, text]) => {
        expect(await judged.run(`select${space}${text}`)).toEqual([['c']])
      }),
      { numRuns: 200 },
    )
  })

  it('SEC-41 a closed view is refused however it is written', async () => {
    const texts = fc.tuple(
      someGap,
      qualified('pg_stat_activity', 'pg_catalog'),
      fc.constantFrom('select * from', 'table', 'select 1 from users cross join'),
    )
    await fc.assert(
      fc.property(texts, ([space, name, start]) => {
        expect(judged.classify(`${start}${space}${name}`)).toMatchObject({
          kind: 'refused',
          what: 'Reading pg_stat_activity',
        })
      }),
      { numRuns: 500 },
    )
  })

  it('SEC-39 a refused command is refused in any case and behind any comment', async () => {
    const commands = fc.constantFrom('set role none', 'reset role', 'discard all', 'do $$ $$', 'listen x', 'begin')
    const texts = fc.tuple(
      gap,
      commands.chain((command) => fc.tuple(...[...command].map((char) => fc.constantFrom(char, char.toUpperCase())))),
    )
    await fc.assert(
      fc.property(texts, ([space, chars]) => {
        expect(judged.classify(`${space} ${chars.join('')} ;`).kind).toBe('refused')
      }),
      { numRuns: 500 },
    )
  })

  it('SEC-40 an identifier is cut at 63 bytes as PostgreSQL cuts it', async () => {
    const name = `f${'é'.repeat(31)}`
    await judged.superuser.query(`create function public."${name}"() returns text language sql volatile return 'found'`)
    const reread = await judgeAgain()
    expect(Buffer.byteLength(name)).toBe(63)
    for (const spelled of [`"${name}"`, `"${name}é"`, `"${name}xyz"`]) {
      expect(reread.classify(`select ${spelled}()`)).toMatchObject({ kind: 'reset' })
      expect((await judged.superuser.query({ text: `select ${spelled}()`, rowMode: 'array' })).rows).toEqual([
        ['found'],
      ])
    }
    await reread.close()

    async function judgeAgain() {
      return judgeDatabase({
        setUp: `create function public."${name}"() returns text language sql volatile return 'found'`,
      })
    }
  })

  it('text that is not SQL never throws, and none of it is allowed', async () => {
    await fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (noise) => {
        const verdict = judged.classify(noise)
        if (verdict.kind !== 'refused') expect(verdict.command).toMatch(/^(SELECT)?$/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('SEC-37 a text made of SQL’s tokens is refused or is one statement of the allowed kinds', async () => {
    const tokens = fc.constantFrom(
      ...'select insert update delete set reset role from where ( ) , ; * = t a 1 $1 into do begin copy with as values returning'.split(
        ' ',
      ),
      "set_config('a.b','c',false)",
      "'x'",
      '"x"',
      '$$',
      '/*',
      '*/',
      '--',
      '\n',
      "E'\\'",
      "U&'",
      '\\',
    )
    // PostgreSQL itself says what an allowed text does; reading it once more here would need a second lexer.
    await fc.assert(
      fc.asyncProperty(fc.array(tokens, { maxLength: 12 }), async (parts) => {
        const sql = parts.join(' ')
        const verdict = judged.classify(sql)
        if (verdict.kind === 'refused') return
        expect(verdict.command).toMatch(/^(SELECT|INSERT|UPDATE|DELETE)?$/)
        expect(await settingAfter(sql)).toBe('before')
      }),
      { numRuns: 5_000 },
    )

    /** What is left of a setting when the text has run; 'before' also when it fails and so leaves nothing. */
    async function settingAfter(sql: string): Promise<unknown> {
      const { gateway } = judged
      await gateway.query("begin; set local a.b = 'before'; savepoint start")
      await gateway.query({ text: sql, values: [] }).catch(() => gateway.query('rollback to start'))
      const { rows } = await gateway
        .query("select current_setting('a.b') as setting")
        .finally(() => gateway.query('rollback'))
      return rows[0]?.setting
    }
  })
})
