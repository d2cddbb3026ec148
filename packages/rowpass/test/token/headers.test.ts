import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { parseCompactJws } from '../../src/token/compact.ts'

// Flags that are set while Node runs hold for the contexts made from then on.
setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

it('SEC-16 headers of tokens that are no tokens take no memory for good', () => {
  const filling = 'x'.repeat(5_000)
  const heapNow = (): number => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = heapNow()
  // Before a signature is verified, anybody may have written them: 40 MB, if each was kept.
  for (let kid = 0; kid < 6_000; kid++) {
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: String(kid), filling })).toString('base64url')
    parseCompactJws(`${header}.e30.AAAA`)
  }
  expect(heapNow() - before).toBeLessThan(8 * 1024 * 1024)
})
