import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { commandOf, findMarked, isAlive, markSelf } from '../../src/database/processes.ts'

describe('a process mark', () => {
  it('finds this process', () => {
    expect(findMarked(markSelf())).toEqual(markSelf())
  })

  it('survives a file', () => {
    expect(findMarked(JSON.parse(JSON.stringify(markSelf())))).toEqual(markSelf())
  })

  it('does not find another process with the same pid', () => {
    expect(findMarked({ ...markSelf(), started: '1' })).toBeUndefined()
  })

  it('does not find a process that has ended', async () => {
    const child = spawn('true')
    await once(child, 'exit')
    expect(isAlive(child.pid!)).toBe(false)
    expect(findMarked({ pid: child.pid, started: markSelf().started })).toBeUndefined()
    expect(commandOf(child.pid!)).toBe('')
  })

  it('does not find a process that has ended and waits to be reaped', async () => {
    // The shell starts a process, says its pid, and becomes another program, which never waits for it.
    const script = 'cat <&3 >/dev/null & echo $!; exec sleep 60 3<&-'
    const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] })
    try {
      const [line] = await once(child.stdout!, 'data')
      const pid = Number(line)
      await expect.poll(() => commandOf(child.pid!)).toMatch(/^sleep\0/)
      expect(isAlive(pid)).toBe(true)
      child.stdio[3]!.destroy()
      await expect.poll(() => isAlive(pid)).toBe(false)
      expect(() => process.kill(pid, 0)).not.toThrow()
    } finally {
      child.kill()
    }
  })

  it.each([[undefined], [null], [7], ['7'], [{}], [{ pid: '7', started: '1' }], [{ pid: process.pid }]])(
    'is not what %j is',
    (value) => {
      expect(findMarked(value)).toBeUndefined()
    },
  )
})
