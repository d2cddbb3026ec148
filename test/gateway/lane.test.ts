import { afterEach, describe, expect, it } from 'vitest'
import type { RowpassEvent } from '../../src/events.ts'
import { createLane, JobLost, type Lane } from '../../src/gateway/lane.ts'
import type { FunctionFactRow } from '../../src/sql/facts.ts'

const facts: FunctionFactRow[] = []
let lane: Lane
let events: RowpassEvent[]

function startLane(maxRunMs: number): void {
  events = []
  const limits = { maxWaiting: 100, budgetMs: 60_000, regainedMsPerSecond: 0, maxWaitMs: 60_000 }
  lane = createLane({ ...limits, maxRunMs }, (event) => events.push(event))
  lane.tell({ kind: 'facts', facts, allowExplain: false, maxLength: 1_000_000 })
}
afterEach(() => lane.close())

const judge = (sql: string) => lane.run({ kind: 'judge', sql }, 'owner')

describe('a thread for what takes long', () => {
  it('answers what it is asked, in its order, with the failures of the job', async () => {
    startLane(60_000)
    const body = (text: string) =>
      lane.run({ kind: 'body', bytes: Buffer.from(text), headers: {}, maxBatch: 1 }, 'owner')
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

  it('one that runs too long is ended, others that wait are done by the next thread', async () => {
    startLane(1_000)
    await judge('select 1')
    // Texts of a lane have no limit of their own; this one takes seconds.
    const [lost, ...others] = await Promise.allSettled([
      judge(`select ${Array(150_000).fill('-a').join(',')}`.repeat(1)),
      judge('select 2'),
      judge('select 3'),
    ])
    expect(lost).toMatchObject({ status: 'rejected', reason: expect.any(JobLost) })
    expect(others).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
    expect(events.map(({ type }) => type)).toEqual(['thread_replaced'])
  })

  it('what waits when it is closed is refused', async () => {
    startLane(60_000)
    const waiting = judge('select 1')
    void lane.close()
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded' })
    await expect(judge('select 1')).rejects.toMatchObject({ code: 'overloaded' })
  })
})
