import { afterEach, describe, expect, it } from 'vitest'
import type { RowpassEvent } from '../../src/events.ts'
import { createJobThread, JobLost, type JobThread } from '../../src/gateway/threads/job-thread.ts'
import type { FunctionFactRow } from '../../src/statement/facts.ts'
import { waitUntil } from '../support/gateway.ts'

const facts: FunctionFactRow[] = []
let thread: JobThread
let events: RowpassEvent[]

function startThread(maxRunMs: number, maxIdleMs = 60_000): void {
  events = []
  const limits = { maxWaiting: 100, budgetMs: 60_000, regainedMsPerSecond: 0, maxWaitMs: 60_000 }
  thread = createJobThread({ ...limits, maxRunMs, maxIdleMs }, (event) => events.push(event))
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

  it('one that runs too long is ended and may be tried again, others that wait are done by the next thread', async () => {
    startThread(300)
    await judge('select 1')
    // This one takes a second; what is wrong may be the machine and not the text.
    const [late, ...others] = await Promise.allSettled([
      judge(`select 1 where a in (${Array(150_000).fill('1').join(',')})`),
      judge('select 2'),
      judge('select 3'),
    ])
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

  it('one without a job is ended, and the next job has another', async () => {
    startThread(60_000, 300)
    await judge('select 1')
    expect(thread.ready).toBe(true)
    await waitUntil(() => !thread.ready, 10_000)
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
