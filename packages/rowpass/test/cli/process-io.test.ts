import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const own = new URL('../../src/cli/process-io.ts', import.meta.url).href
const code = `
  import { ownProcess } from ${JSON.stringify(own)}
  const { io, end } = ownProcess()
  io.stdout('o'.repeat(1_000_000))
  io.stderr('e'.repeat(1_000_000))
  await end(3)
`

describe('the end of a command', () => {
  const start = () => spawn(process.execPath, ['--import', tsx, '--input-type=module', '--eval', code])

  it('waits for whoever reads what it has printed, however slowly', async () => {
    const child = start()
    await new Promise((resolve) => child.stdout.once('readable', resolve))
    await wait(500)
    const lengths = [child.stdout, child.stderr].map(async (stream) => {
      let length = 0
      for await (const chunk of stream) length += chunk.length
      return length
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    expect(await Promise.all([...lengths, ended])).toEqual([1_000_000, 1_000_000, 3])
  })

  it('waits for nobody who has gone', async () => {
    const child = start()
    child.stdout.destroy()
    child.stderr.destroy()
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(3)
  })
})
