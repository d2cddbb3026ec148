import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'

describePg('db seal-keys on the command line', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  beforeEach(async () => {
    sandbox = createSandbox()
    database = await createTestDatabase({ contents: 'platform' })
  })
  afterEach(async () => {
    sandbox.remove()
    await database.close()
  })

  const run = (...options: string[]) =>
    sandbox.run(['db', 'seal-keys', ...options], {
      OWNER_DATABASE_URL: database.ownerUrl,
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ISSUER_DATABASE_URL: database.issuerUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
    })

  it('lists the names, takes one out, and says so when there is none of that name', async () => {
    expect(await run()).toMatchObject({ code: 0, stdout: 'test\nspare\n' })
    expect(await run('--remove', 'spare')).toMatchObject({ code: 0, stdout: 'test\n' })
    expect(await run('--json')).toMatchObject({ code: 0, stdout: '{"names":["test"]}\n' })
    const { code, stderr } = await run('--remove', 'spare')
    expect(code).toBe(1)
    expect(stderr).toContain('error[seal_key_unknown]')
  })
})
