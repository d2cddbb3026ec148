import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/statement/classify.ts'
import { maxShapedLength, toShape } from '../../src/statement/shape.ts'
import { createVerdicts } from '../../src/statement/verdicts.ts'
import { compareVariants } from './variants.ts'

describe('the shape of a text', () => {
  it.each([
    [
      "select * from t where id = 17 and name = 'it''s' and x < 1.5",
      "select * from t where id = 0 and name = '' and x < 0.0",
    ],
    ['select a1, "1 \'x\'" from t1 where $12 = -5', 'select a1, "1 \'x\'" from t1 where $0 = -0'],
    ['select 2147483647, 2147483648', 'select 0, 0.0'],
    ["select 'é', '😀', é1 from t", "select '', '', é1 from t"],
    ["select '-- /* $$ \" '", "select ''"],
    ['select x from t where a in (1, 2,3)', 'select x from t where a in (0,0)'],
    [
      "select x from t where a NOT IN\n('a','b' , 'c', $4, 1.5) and b = 1",
      'select x from t where a NOT IN (0,0) and b = 0',
    ],
    ['select x from t where a in (1)', 'select x from t where a in (0)'],
    ['select x from t where a in (1, -2)', 'select x from t where a in (0, -0)'],
    ['select "a in (1,2)", s.in (1,2,3), s . in (1,2,3)', 'select "a in (1,2)", s.in (0,0,0), s . in (0,0,0)'],
    ["select 1 /* a='x' */", 'select 0'],
    ["select 1 -- 'x\n/* /* */ */ --", 'select 0'],
    ["select '' \n", "select ''"],
    ['select position from t order by position limit 3', 'select position from t order by position limit 0'],
    ["select 'x'::text, a::int[3], array[1, 2]", "select ''::text, a::int[3], array[0, 0]"],
  ])('%j', (sql, shape) => {
    expect(toShape(sql)).toBe(shape)
    expect(toShape(shape)).toBe(shape)
  })

  it.each([
    ...["select e'x'", "select N'x'", "select B'1'", "select X'1F'", "select u&'x'", 'select u&"x"', "select date'x'"],
    ...[
      'select $$x$$',
      'select $q$x$q$',
      "select 'a\\'",
      'select 1 -- x\n, 2',
      'select /* x */ 1',
      'select 1 /* /* */',
      'select 1 +-- x',
      'select 1*/**/2',
    ],
    ...[
      'select 1e5',
      'select .5',
      'select 1.',
      'select t.1',
      'select 1..2',
      'select 0x1F',
      'select 1_000',
      'select 1a',
    ],
    ...[
      'select $1a',
      'select $9999999999',
      'select $',
      "select 'x",
      'select "x',
      'select 1\0',
      "select '\ud800'",
      'select \u0001',
    ],
    ...['select float(3) 1', 'select x::FLOAT (30)', "select position('a' in ('b', 'c'))", 'select current_time(3)'],
    `select '${'x'.repeat(maxShapedLength)}'`,
  ])('is not told of %j', (sql) => {
    expect(toShape(sql)).toBeUndefined()
  })
})

describe('verdicts by shape', () => {
  const allowed: Verdict = {
    kind: 'fast',
    command: 'SELECT',
    readOnly: true,
    changes: 0,
    tables: [],
    fingerprint: '0123456789abcdef',
  }

  it('hold for a text that differs in constants, which is kept by itself when it comes again', () => {
    const verdicts = createVerdicts()
    expect(verdicts.get('select 1')).toBeUndefined()
    const kept = verdicts.keep('select 1', allowed)
    expect(kept).toEqual({ ...allowed, shape: 'select 0' })
    expect(verdicts.get('select 2')).toEqual({ ...kept, isVariant: true })
    expect(verdicts.get('select 2')).toBe(kept)
    expect(verdicts.get('select 2')).toBe(kept)
    expect(verdicts.get('select 1')).toBe(kept)
    expect(verdicts.get('select 3, 4')).toBeUndefined()
  })

  it('are not those of a refusal, of EXPLAIN and of SHOW', () => {
    const verdicts = createVerdicts()
    verdicts.keep('drop 1', { kind: 'refused', what: 'DROP' })
    verdicts.keep('explain 1', { ...allowed, command: 'EXPLAIN' })
    verdicts.keep('show 1', { ...allowed, command: 'SHOW' })
    for (const command of ['drop', 'explain', 'show']) {
      expect(verdicts.get(`${command} 1`)).toBeDefined()
      expect(verdicts.get(`${command} 2`)).toBeUndefined()
    }
  })

  it('are not pushed out by texts that are always new', () => {
    const verdicts = createVerdicts()
    const fixed = verdicts.keep('select a from t', allowed)
    verdicts.keep('select 0', allowed)
    for (let index = 1; index < 20_000; index++)
      expect(verdicts.get(`select ${index}`)).toMatchObject({ isVariant: true })
    expect(verdicts.get('select a from t')).toBe(fixed)
  })

  it('are bounded, by number and by length', () => {
    const verdicts = createVerdicts()
    for (let index = 0; index <= 5_000; index++) verdicts.keep(`select a${index}`, allowed)
    expect(verdicts.get('select a0')).toBeUndefined()
    expect(verdicts.get('select a1')).toBeDefined()
    const names = (index: number) => `select ${`a${index},`.repeat(2_000)}1`
    for (let index = 100; index < 600; index++) verdicts.keep(names(index), allowed)
    expect(verdicts.get(names(100).replace(/1$/, '2'))).toBeUndefined()
    expect(verdicts.get(names(599).replace(/1$/, '2'))).toMatchObject({ isVariant: true })
  })

  it('SEC-37 are what the text in full is judged to be', { timeout: 120_000 }, async () => {
    const { compared, byVerdict, disagreements } = await compareVariants(3_000, 20_261_130)
    expect(disagreements).toEqual([])
    expect(compared).toBe(3_000)
    // It has met what is told apart.
    const kinds = [...byVerdict.keys()].map((verdict) => verdict.split(' ', 2).join(' '))
    expect(kinds).toEqual(
      expect.arrayContaining(['fast SELECT', 'reset SELECT', 'fast INSERT', 'fast UPDATE', 'fast MERGE']),
    )
  })
})
