import { describe, expect, it } from 'vitest'
import { compileSubjects } from '../../bench/build.ts'
import { runChaos } from '../../bench/chaos/run.ts'
import { startEmbeddedWorld } from '../../bench/chaos/world.ts'

describe('chaos', () => {
  it('SEC-42 twelve thousand requests of a thousand identities keep apart while everything around them fails', async () => {
    const world = await startEmbeddedWorld(compileSubjects()('gateway'))
    const { tally, disturbances } = await runChaos(world, { requests: 12_000 }).finally(() => world.close())
    expect(tally.violations).toEqual([])
    expect(tally.violationCount).toBe(0)
    expect(Object.fromEntries(disturbances)).toMatchObject({ 'PostgreSQL restarted': 2, 'key set back': 1 })
    const ok = [...tally.outcomes.values()].reduce((sum, outcomes) => sum + (outcomes.get('ok') ?? 0), 0)
    expect(ok).toBeGreaterThan(6_000)
    const readBack = tally.outcomes.get('own entries after a write, without `Rowpass-Seen`')
    expect(readBack?.get('ok')).toBeGreaterThan(300)
  }, 120_000)
})
