import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import type { RowpassEvent } from '../../src/events.ts'
import { createJobThread, JobLost, type JobThread } from '../../src/gateway/threads/job-thread.ts'
import { createMachineClock } from '../../src/gateway/threads/machine-time.ts'
import type { FunctionFactRow } from '../../src/statement/facts.ts'
import type { ParserLimits } from '../../src/statement/parser.ts'
import { waitUntil } from '../support/gateway.ts'

const facts: FunctionFactRow[] = []
let thread: JobThread
let events: RowpassEvent[]

function startThread(maxRunMs: number, maxIdleMs = 60_000, parser: ParserLimits = {}, budgetMs = 60_000): void {
  events = []
  const limits = { maxWaiting: 100, budgetMs, regainedMsPerSecond: 0, maxWaitMs: 60_000 }
  thread = createJobThread({ ...limits, maxRunMs, maxIdleMs, parser }, (event) => events.push(event))
  thread.tell({ kind: 'facts', facts, allowExplain: false, maxLength: 1_000_000 })
}
afterEach(() => thread.close())

const judge = (sql: string) => thread.run({ kind: 'judge', sql }, 'owner')

describe('a thread for what takes long', () => {
  it('answers what it is asked, in its order, with the failures of the job', async () => {
    startThread(60_000)
    const body = (text: string) =>
      thread.run({ kind: 'body', bytes: Buffer.from(text), headers: {}, maxBatch: 1 }, 'owner')
    await expect(judge('select 1')).resolves.toMatchObject({
      kind: 'fast',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    await expect(judge('drop table t')).resolves.toMatchObject({ kind: 'refused' })
    await expect(body('{"query":"select $1","params":[{"a":1}]}')).resolves.toMatchObject({
      queries: [{ sql: 'select $1', params: ['{"a":1}'] }],
    })
    await expect(body('{')).rejects.toMatchObject({ code: 'request_invalid' })
    expect(events).toEqual([])
  })

  it('SEC-77 bills an owner for what the job took, and not for what this process or the machine did meanwhile', async () => {
    startThread(60_000, 60_000, {}, 1_000)
    await judge('select 1')
    const job = judge('select 2')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
    await job
    await expect(judge('select 3')).resolves.toMatchObject({ kind: 'fast' })
  })

  it.runIf(process.platform === 'linux')('knows what other threads had of a processor in its place', async () => {
    startThread(60_000)
    const spin = `const until = Date.now() + 1_500; while (Date.now() < until);`
    const others = Array.from({ length: 4 * availableParallelism() }, () => new Worker(spin, { eval: true }))
    const waitedMs = createMachineClock()
    const [before, startedAt] = [waitedMs(), performance.now()]
    while (performance.now() - startedAt < 1_000);
    const waited = waitedMs() - before
    expect(waited).toBeGreaterThan(1)
    expect(waited).toBeLessThanOrEqual(performance.now() - startedAt)
    await Promise.all(others.map((other) => other.terminate()))
  })

  // Whether a job is late depends on the machine: how long the long one takes is measured first.
  it('one that runs too long is ended and may be tried again, others that wait are done by the next thread', {
    retry: 3,
  }, async () => {
    const long = `select 1 where a in (${Array(150_000).fill('1').join(',')})`
    startThread(60_000)
    await judge('select 1')
    const startedAt = performance.now()
    await judge(long)
    const maxRunMs = (performance.now() - startedAt) / 2
    await thread.close()
    startThread(maxRunMs)
    await judge('select 1')
    const [late, ...others] = await Promise.allSettled([judge(long), judge('select 2'), judge('select 3')])
    expect(late).toMatchObject({ status: 'rejected', reason: { code: 'overloaded' } })
    expect(others).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
    expect(events.map(({ type }) => type)).toEqual(['thread_replaced'])
  })

  it('one that takes too much memory is ended, and another takes the next job', async () => {
    startThread(60_000)
    const objects = Array.from({ length: 490_000 }, (_, n) => `{"${n.toString(36)}":1}`)
    const bytes = Buffer.from(`{"query":"select $1","params":[[${objects}]]}`)
    const jobs = Array.from({ length: 2 }, () => judge('select 1'))
    const lost = await thread.run({ kind: 'body', bytes, headers: {}, maxBatch: 1 }, 'owner').catch((error) => error)
    expect(lost).toBeInstanceOf(JobLost)
    await expect(Promise.all([...jobs, judge('select 2')])).resolves.toHaveLength(3)
    expect(events.map(({ type }) => type)).toEqual(['thread_replaced'])
  })

  it('a parser without a spare has another instance for the next text', async () => {
    startThread(60_000, 60_000, { spare: false })
    const bomb = `select 1${'+1'.repeat(60_000)}`
    for (let count = 0; count < 3; count++) {
      await expect(judge(bomb)).resolves.toMatchObject({ kind: 'refused' })
      await expect(judge(`select ${count}`)).resolves.toMatchObject({ kind: 'fast' })
    }
    expect(events).toEqual([])
  })

  it('a parser with little memory reads every text that is short, and refuses what needs more', async () => {
    startThread(60_000, 60_000, { maxBytes: 24 * 1024 * 1024 })
    const units = ['1', '-1', "''", 'null::int', '(select 1)', 'case when true then 1 end', 'array[1]']
    for (const unit of units) {
      const text = `select 1${`,${unit}`.repeat((16 * 1024 - 8) / (unit.length + 1))}`
      await expect(judge(text)).resolves.toMatchObject({ kind: 'fast' })
    }
    await expect(judge(`select 1${',1'.repeat(200_000)}`)).resolves.toMatchObject({
      kind: 'refused',
      what: expect.stringContaining('complex'),
    })
    await expect(judge('select 1')).resolves.toMatchObject({ kind: 'fast' })
  })

  it('one without a job is ended, and the next job has another', async () => {
    startThread(60_000, 300)
    await judge('select 1')
    expect(thread.ready).toBe(true)
    await waitUntil(() => !thread.ready, 10_000)
    await expect(judge('select 1')).resolves.toMatchObject({ kind: 'fast' })
    expect(events).toEqual([])
  })

  it('one that a job has made large is ended soon', async () => {
    startThread(60_000, 10_000)
    await judge('select 1')
    const objects = Array.from({ length: 250_000 }, (_, n) => `{"${n.toString(36)}":1}`)
    await thread.run(
      { kind: 'body', bytes: Buffer.from(`{"query":"select 1","params":[[${objects}]]}`), headers: {}, maxBatch: 1 },
      'owner',
    )
    expect(thread.ready).toBe(true)
    await waitUntil(() => !thread.ready, 9_000)
    await expect(judge('select 1')).resolves.toMatchObject({ kind: 'fast' })
    expect(events).toEqual([])
  })

  it('what waits when it is closed is refused', async () => {
    startThread(60_000)
    const waiting = judge('select 1')
    void thread.close()
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded' })
    await expect(judge('select 1')).rejects.toMatchObject({ code: 'overloaded' })
  })
})
