import { describe, expect, it } from 'vitest'
import { createLadder } from '../src/ladder.ts'

describe('what was started', () => {
  it('is ended in the other order, also where one fails to end, which is told', async () => {
    const ended: string[] = []
    const ladder = createLadder()
    const stuck = new Error('it did not stop')
    ladder.add({ down: async () => void ended.push('database') })
    ladder.add({ down: () => Promise.reject(stuck) })
    ladder.add({ down: async () => void ended.push('api') })
    expect(await ladder.down()).toEqual([stuck])
    expect(ended).toEqual(['api', 'database'])
    expect(await ladder.down()).toEqual([])
  })
})
