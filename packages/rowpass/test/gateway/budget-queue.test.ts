import { describe, expect, it } from 'vitest'
import type { Failure } from '../../src/errors.ts'
import { createBudgetQueue } from '../../src/gateway/threads/budget-queue.ts'

interface Entry {
  readonly owner: string
  readonly name: string
  refuse(failure: Failure): void
}

describe('what waits for a thread', () => {
  const limits = { maxWaiting: 4, budgetMs: 1_000, regainedMsPerSecond: 0 }
  const stage = (given = limits) => {
    const queue = createBudgetQueue<Entry>(given)
    const refused: [string, Failure][] = []
    return {
      queue,
      refused,
      add: (name: string) =>
        queue.add({ owner: name[0] ?? '', name, refuse: (failure) => refused.push([name, failure]) }),
      take: () => queue.take()?.name,
    }
  }

  it('is taken in the order of its owner, and of whoever used least first', () => {
    const { queue, add, take } = stage()
    for (const name of ['a1', 'a2', 'b1']) add(name)
    queue.spend('a', 10)
    expect([take(), take(), take(), take()]).toEqual(['b1', 'a1', 'a2', undefined])
  })

  it('is refused when there is too much of it: the newest of whoever has most', () => {
    const { refused, add } = stage()
    for (const name of ['b1', 'a1', 'a2', 'a3', 'c1', 'c2']) add(name)
    expect(refused.map(([name, { code }]) => [name, code])).toEqual([
      ['a3', 'overloaded'],
      ['a2', 'overloaded'],
    ])
  })

  it('is refused for an owner who has used more than the budget, with the time to wait, and for nobody else', () => {
    const { queue, refused, add, take } = stage({ ...limits, regainedMsPerSecond: 100 })
    add('a1')
    queue.spend('a', 3_000)
    for (const name of ['a2', 'b1']) add(name)
    expect([take(), take()]).toEqual(['b1', undefined])
    expect(refused.map(([name]) => name).toSorted()).toEqual(['a1', 'a2'])
    for (const [, failure] of refused) expect(failure.retryAfterSeconds).toBe(20)
    expect(queue.size).toBe(0)
  })

  it('a budget comes back with time', async () => {
    const { queue, add, take } = stage({ ...limits, regainedMsPerSecond: 100_000 })
    queue.spend('a', 3_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    add('a1')
    expect(take()).toBe('a1')
  })
})
