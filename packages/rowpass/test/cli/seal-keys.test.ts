import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseSealKeys } from '../../src/seal/keys.ts'
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

  it('makes a key that ROWPASS_SEAL_KEYS takes, another one each time, and asks no database', async () => {
    const [one, two] = [
      await sandbox.run(['db', 'seal-keys', '--new', 'a']),
      await sandbox.run(['db', 'seal-keys', '--new', 'a']),
    ]
    expect(one).toMatchObject({ code: 0, stderr: '' })
    expect(one.stdout).not.toBe(two.stdout)
    expect(parseSealKeys(one.stdout.trim())).toMatchObject([{ name: 'a' }])
    const { code, stderr } = await sandbox.run(['db', 'seal-keys', '--new', 'A key'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('error[input_invalid]') })
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
