/**
 * Adds a key to a ring file, and kills itself as nothing can stop it: before the n-th step of writing, n counted from 1.
 * Ends with code 0 when there are fewer steps.
 */
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const [path = '', fatal = ''] = process.argv.slice(2)
let steps = 0

function step<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    steps += 1
    if (steps === Number(fatal)) process.kill(process.pid, 'SIGKILL')
    return call(...args)
  }
}

const { open, rename } = fs
fs.rename = step(rename)
fs.open = (async (file: string, flags: string, mode: number) => {
  const handle = await open(file, flags, mode)
  const draft = flags === 'wx'
  const folder = flags === 'r'
  if (!draft && !folder) return handle
  for (const name of ['writeFile', 'sync', 'close'] as const) {
    Object.assign(handle, { [name]: step(handle[name].bind(handle) as () => Promise<void>) })
  }
  return handle
}) as typeof open
syncBuiltinESMExports()

const { createFileRing } = await import('../../../src/issuer/ring/file.ts')
const { generateKey } = await import('../../../src/token/key.ts')
const { addKey } = await import('../../../src/issuer/ring/ring.ts')
await createFileRing(path).change(async (ring, now) => {
  const key = await generateKey()
  return { ring: addKey(ring, key.publicJwk, now), made: [key] }
})
