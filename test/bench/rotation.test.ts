import { expect, it } from 'vitest'
import { runDrill } from '../../bench/rotation/drill.ts'
import { createTestDatabase, describePg, sealKeysText } from '../../packages/rowpass/test/support/pg.ts'

describePg('the drill of a rotation', () => {
  it('SEC-23 SEC-29 has no good token refused by anyone, and a removed key refused by all', {
    timeout: 60_000,
  }, async () => {
    const database = await createTestDatabase({ contents: 'platform' })
    try {
      const { ownerUrl, gatewayUrl, issuerUrl } = database
      const options = { ownerUrl, gatewayUrl, issuerUrl, sealKeys: sealKeysText }
      const [ours] = await runDrill({ ...options, rotations: 2, rivals: false })
      expect(ours!.refused).toEqual({ jose: 0, gateway: 0, 'slow cache': 0 })
      expect(ours!.unsigned).toBe(0)
      for (const looks of Object.values(ours!.looks)) expect(looks).toBeGreaterThan(10)
      for (const seconds of [...Object.values(ours!.removedFor), ours!.removedForReloaded!]) {
        expect(seconds).toBeLessThan(20)
      }
    } finally {
      await database.close()
    }
  })
})
