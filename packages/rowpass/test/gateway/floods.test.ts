/** What a token holder sends to keep the one thread busy that serves everybody. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../src/errors.ts'
import { createHeavy } from '../../src/gateway/threads/heavy.ts'
import { describePg } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

/** The longest that the thread was busy without a pause, in milliseconds of its own work: others load the machine. */
function watchThread(): () => number {
  let longestMs = 0
  let running = true
  // The CPU time of the process holds that of its other threads, so this is the lesser of it and the time of the wall.
  let wall = performance.now()
  let cpu = process.cpuUsage()
  const look = (): void => {
    const spent = process.cpuUsage(cpu)
    longestMs = Math.max(longestMs, Math.min(performance.now() - wall, (spent.user + spent.system) / 1_000))
    wall = performance.now()
    cpu = process.cpuUsage()
    if (running) setImmediate(look)
  }
  setImmediate(look)
  return () => {
    running = false
    return longestMs
  }
}

/** The promise is 50 ms; this process also makes the requests, parses the answers, and shares the machine. */
const maxBusyMs = 150
const megabyte = 1_048_576
const list = (unit: string, length: number) => `select ${unit}${`,${unit}`.repeat(length / (unit.length + 1))}`
const assign = (columns: number) =>
  `update notes set (${Array(columns).fill('body').join()}) = row(${Array(columns).fill('1').join()})`

describePg('floods', () => {
  let scene: Scene
  const mallory = new Map<string, string>()

  beforeAll(async () => {
    scene = await startScene()
    await scene.gateway.sql(scene.ada, 'select 1')
  })
  afterAll(() => scene.close())
  /** Each case has somebody of its own, with the whole budget. */
  let token: string
  beforeEach(async ({ task }) => {
    token = mallory.get(task.name) ?? (await scene.gateway.issuer.token(`mallory ${task.name}`))
    mallory.set(task.name, token)
  })

  const query = (sql: string, params: readonly unknown[] = []) => JSON.stringify({ query: sql, params })
  const cases: [name: string, make: () => string, statuses?: number[]][] = [
    ['a list of 600 KB', () => query(list('a', 600_000))],
    ['signs, 600 KB', () => query(list('-a', 600_000))],
    ['one text of 1 MiB', () => query(list('a', megabyte))],
    [
      'a batch of texts of 600 KB',
      () => JSON.stringify({ queries: Array.from({ length: 8 }, (_, n) => ({ query: list(`a${n}`, 600_000) })) }),
    ],
    ['a text whose tree is the square of its length', () => query(assign(700))],
    [
      'a batch of those',
      () => JSON.stringify({ queries: Array.from({ length: 50 }, (_, n) => ({ query: assign(200 + n) })) }),
    ],
    ['8 MB of brackets', () => '['.repeat(8_000_000)],
    ['8 MB of brackets in a parameter', () => `{"query":"select $1","params":[${'['.repeat(8_000_000)}`],
    ['8 MB of small objects', () => `{"query":"select $1","params":[[${'{},'.repeat(2_600_000)}{}]]}`],
    ['8 MB of numbers', () => `{"query":"select 1","params":[[${'1,'.repeat(990_000)}1${'1'.repeat(6_000_000)}]]}`],
    [
      '8 MB of names',
      () =>
        `{"query":"select $1","params":[{${Array.from({ length: 600_000 }, (_, n) => `"${n.toString(36)}":1`).join()}}]}`,
      // It is close whether the memory of a thread is enough.
      [200, 400],
    ],
    ['8 MB of quotes', () => query('select 1', ['"'.repeat(4_000_000)])],
    ['65,535 parameters', () => query('select 1', Array(65_535).fill('x'))],
  ]

  it.each(cases)('SEC-76 %s: nobody waits for them', async (_, make, statuses = [400]) => {
    const body = make()
    const longest = watchThread()
    const answer = await scene.gateway.send(body, { authorization: `Bearer ${token}` })
    expect(longest()).toBeLessThan(maxBusyMs)
    expect(statuses).toContain(answer.status)
  })

  it.each([
    ['an array of 1,500,000 numbers', 'select array_agg(1) from generate_series(1, 1500000)', 200],
    ['an array of arrays of texts', "select array_agg(array['\"', '\\', 'x']) from generate_series(1, 150000)", 200],
    ['a vector of 8 MB', "select rtrim(repeat('1 ', 4000000))::oidvector", 200],
    ['a text of 8 MB', "select repeat('x', 8000000)", 200],
    ['400,000 rows', 'select n, array[n] from generate_series(1, 400000) n', 507],
    ['200,000 rows', 'select n, array[n] from generate_series(1, 200000) n', 200],
    ['empty texts without end', "select '' from (select generate_series(1, 100000000)) s", 507],
  ])('SEC-76 a result of %s as JSON: nobody waits for it', async (_, sql, status) => {
    expect(await busyFor({ query: sql, params: [] }, 'false')).toEqual([status, expect.any(Number)])
  })

  it.each([
    ['control characters', { query: 'select repeat(chr(1), 9000000)', params: [] }, 507],
    ['quotes', { query: `select repeat('"', 4000000)`, params: [] }, 200],
    [
      'columns without rows',
      {
        queries: Array.from({ length: 100 }, () => ({
          query: `select ${Array.from({ length: 1_600 }, (_, n) => `1 as c${n}`).join()} limit 0`,
          params: [],
        })),
      },
      507,
    ],
  ])('SEC-76 a result of %s as text: nobody waits for it', async (_, body, status) => {
    expect(await busyFor(body, 'true')).toEqual([status, expect.any(Number)])
  })

  /** The status of the answer, and how long the thread was busy. The answer is not parsed: that would be work of this test's. */
  async function busyFor(body: object, rawText: string): Promise<[status: number, busyMs: number]> {
    const headers = {
      authorization: `Bearer ${token}`,
      'neon-connection-string': scene.gateway.connectionString,
      'neon-raw-text-output': rawText,
    }
    const longest = watchThread()
    const response = await fetch(scene.gateway.url, { method: 'POST', headers, body: JSON.stringify(body) })
    let received = 0
    for await (const chunk of response.body ?? []) received += chunk.length
    expect(longest()).toBeLessThan(maxBusyMs)
    expect(received).toBeGreaterThan(0)
    return [response.status, longest()]
  }

  it('SEC-76 a text that is judged while others ask: they are answered meanwhile', async () => {
    const flood = Array.from({ length: 4 }, (_, n) => scene.gateway.sql(token, list(`-a${n}`, 600_000)))
    let over = false
    const ended = Promise.all(flood).finally(() => {
      over = true
    })
    let answered = 0
    while (!over) {
      expect((await scene.gateway.sql(scene.ada, 'select 1')).status).toBe(200)
      answered++
    }
    expect(answered).toBeGreaterThan(20)
    for (const { body } of await ended) expect(body.code).toMatch(/^(42|53|54)/)
  })

  it('an insert of 1,000 rows of 10 parameters, and one parameter of 9 MB, work', async () => {
    const rows = Array.from(
      { length: 1_000 },
      (_, row) => `(${Array.from({ length: 10 }, (_, n) => `$${row * 10 + n + 1}`).join(', ')})`,
    )
    const params = Array.from({ length: 10_000 }, (_, n) => String(n))
    const many = await scene.gateway.sql(scene.ada, `select count(*) from (values ${rows.join(', ')}) v`, params)
    expect(many.body.rows).toEqual([{ count: '1000' }])
    const long = await scene.gateway.sql(scene.ada, 'select length($1::text)', ['é"\n'.repeat(1_500_000)])
    expect(long.body.rows).toEqual([{ length: '4500000' }])
  })
})

describe('the time for new statements', () => {
  it('whoever uses it up is told when to come again; others are served, and known statements of theirs too', async () => {
    const config = { allowExplain: false, maxBatch: 1, maxStatementLength: megabyte, requestTimeoutMs: 60_000 }
    const limits = { maxWaiting: 10, budgetMs: 200, regainedMsPerSecond: 1, maxRunMs: 60_000 }
    const unread = () => new Failure('catalog_unread')
    const heavy = createHeavy(config, () => {}, unread, limits)
    try {
      heavy.setFacts([])
      await heavy.judge('select 1', 'mallory')
      const flood = async () => {
        for (let n = 0; n < 20; n++) await heavy.judge(list(`-b${n}`, 600_000), 'mallory')
      }
      const detail = expect.stringContaining('has used up its time')
      await expect(flood()).rejects.toMatchObject({ code: 'overloaded', detail, retryAfterSeconds: expect.any(Number) })
      expect(heavy.judge('select 1', 'mallory')).toMatchObject({ kind: 'fast' })
      expect(await heavy.judge(list('-b', 600_000), 'bob')).toMatchObject({ kind: 'refused' })
    } finally {
      await heavy.close()
    }
  })
})
