import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFileRing } from '../../../src/issuer/ring/file.ts'
import { addKey, type Ring } from '../../../src/issuer/ring/ring.ts'
import { generateKey } from '../../../src/token/key.ts'

const script = fileURLToPath(new URL('killed-writer.ts', import.meta.url))
const add = async (ring: Ring, nowMs: number) => {
  const key = await generateKey()
  return { ring: addKey(ring, key.publicJwk, nowMs), made: [key] }
}

describe('a ring file whose writer is killed', () => {
  let folder: string
  let path: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rowpass-crash-'))
    path = join(folder, 'keyRing.jwk.json')
    await createFileRing(path).change(add)
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** Returns what ended the writer: a signal, or the code 0. */
  async function writeUntil(step: number): Promise<string | number> {
    const child = spawn(process.execPath, ['--import', 'tsx', script, path, String(step)], { stdio: 'inherit' })
    const [code, signal] = await once(child, 'exit')
    return signal ?? code
  }

  it('is the old one or the new one, whichever step was the last, and can be changed at once', {
    timeout: 120_000,
  }, async () => {
    const before = await readFile(path, 'utf8')
    const outcomes: string[] = []
    for (let step = 1; ; step++) {
      await writeFile(path, before)
      const ended = await writeUntil(step)
      if (ended === 0) break
      expect(ended).toBe('SIGKILL')
      const text = await readFile(path, 'utf8')
      const { ring } = await createFileRing(path).read()
      outcomes.push(text === before ? 'old' : 'new')
      expect(ring.keys).toHaveLength(text === before ? 1 : 2)
      // The next writer is not kept out by the dead one's lock, and clears away what it left.
      await createFileRing(path).change(add)
      expect(await readdir(folder)).toEqual(['keyRing.jwk.json'])
    }
    // Written, synced, closed, renamed; then the folder is synced and closed.
    expect(outcomes).toEqual(['old', 'old', 'old', 'old', 'new', 'new'])
  })
})
