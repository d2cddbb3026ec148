import { beforeAll, describe, expect, it } from 'vitest'
import { createClassifier, type Verdict } from '../../src/statement/classify.ts'
import { parseFunctionFacts } from '../../src/statement/facts.ts'
import { loadParser, type Parser } from '../../src/statement/parser.ts'

/** Each nests as deeply as it is told. */
const bombs: Record<string, (depth: number) => string> = {
  parentheses: (depth) => `select ${'('.repeat(depth)}1${')'.repeat(depth)}`,
  additions: (depth) => `select 1${'+1'.repeat(depth)}`,
  negations: (depth) => `select ${'not '.repeat(depth)}true`,
  signs: (depth) => `select ${'- '.repeat(depth)}1`,
  casts: (depth) => `select 1${'::int'.repeat(depth)}`,
  calls: (depth) => `select ${'f('.repeat(depth)}1${')'.repeat(depth)}`,
  subqueries: (depth) => `select ${'(select '.repeat(depth)}1${')'.repeat(depth)}`,
  unions: (depth) => `select 1${' union select 1'.repeat(depth)}`,
  joins: (depth) => `select 1 from t${' cross join t'.repeat(depth)}`,
  attributes: (depth) => `select ${'('.repeat(depth)}t${').a'.repeat(depth)}`,
  arrays: (depth) => `select ${'array['.repeat(depth)}1${']'.repeat(depth)}`,
  cases: (depth) => `select ${'case when true then '.repeat(depth)}1${' end'.repeat(depth)}`,
  tests: (depth) => `select 1${' is null'.repeat(depth)}`,
  comments: (depth) => `select 1 ${'/* '.repeat(depth)}${' */'.repeat(depth)}`,
  'comments without a gap': (depth) => `select 1 ${'/*'.repeat(depth)}${'*/'.repeat(depth)}`,
  operators: (depth) => `select ${'+'.repeat(depth)}1`,
  'other operators': (depth) => `select 1 ${'|@'.repeat(depth)} 1`,
}

const sample =
  "select u.name, count(*) from users u join tenants t using (id) where u.id = $1 and t.name in ('a', 'b') group by 1"

describe('deeply nested text', () => {
  let parser: Parser
  let classify: (sql: string) => Verdict
  let expected: string

  beforeAll(async () => {
    parser = await loadParser()
    classify = createClassifier(parser, parseFunctionFacts([]), { cacheSize: 1 })
    expected = JSON.stringify(parser.parse(sample))
  })

  /** The spare parser is started between two texts, as it is between two requests. */
  const nextRequest = () => new Promise((resolve) => setTimeout(resolve, 20))

  it.each(Object.entries(bombs))(
    '%s are judged or refused, and the next text is parsed as before',
    async (name, bomb) => {
      for (const depth of [10, 20, 500, 2_000, 8_000, 30_000, 100_000]) {
        const startedAt = performance.now()
        const verdict = classify(bomb(depth))
        expect(performance.now() - startedAt).toBeLessThan(3_000)
        // An operator has at most 63 characters.
        if (depth <= 20 || (depth <= 500 && !name.includes('operators'))) expect(verdict.kind).not.toBe('refused')
        if (verdict.kind === 'refused') expect(verdict.error?.sqlstate).toMatch(/^(54001|42601|54000)$/)
        expect(JSON.stringify(parser.parse(sample))).toBe(expected)
        await nextRequest()
      }
    },
  )

  it('a hundred in a row leave the parser as it was', async () => {
    const outcomes = new Set<string>()
    for (let depth = 5_000; depth < 55_000; depth += 500) {
      outcomes.add(parser.parse(`select 1${'+1'.repeat(depth)}`).kind)
      expect(JSON.stringify(parser.parse(sample))).toBe(expected)
      await nextRequest()
    }
    expect(outcomes).toContain('too_complex')
  })

  it('a second one before the spare parser is ready is told to come again', async () => {
    const bomb = `select 1${'+1'.repeat(60_000)}`
    expect(parser.parse(bomb).kind).toBe('too_complex')
    expect(parser.parse(bomb).kind).toBe('too_complex')
    expect(() => parser.parse(sample)).toThrow(expect.objectContaining({ code: 'overloaded' }))
    await nextRequest()
    expect(JSON.stringify(parser.parse(sample))).toBe(expected)
  })

  it('a text that takes much memory is too complex; a bulk insert of 65,535 parameters is not', async () => {
    await nextRequest()
    expect(parser.parse(`select ${'a,'.repeat(300_000)}a`).kind).toBe('too_complex')
    await nextRequest()
    const rows = Array.from({ length: 21_845 }, (_, row) => `($${row * 3 + 1}, $${row * 3 + 2}, $${row * 3 + 3})`)
    expect(classify(`insert into t (a, b, c) values ${rows.join(', ')}`)).toMatchObject({ kind: 'fast' })
  })

  it('a short text with a large tree is too complex, and soon so', async () => {
    const assign = (columns: number) =>
      `update t set (${Array(columns).fill('a').join()}) = row(${Array(columns).fill('a').join()})`
    expect(parser.parse(assign(100)).kind).toBe('tree')
    for (const columns of [250, 500, 1_000, 4_000]) {
      const startedAt = process.cpuUsage().user
      expect(parser.parse(assign(columns)).kind).toBe('too_complex')
      expect(process.cpuUsage().user - startedAt).toBeLessThan(2_000_000)
      await nextRequest()
    }
  })

  it('the parser is loaded once', async () => {
    expect(await loadParser()).toBe(parser)
  })
})
