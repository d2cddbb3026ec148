import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'

describePg('db harden on the command line', () => {
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

  const settings = (owner: string): Record<string, string> => ({
    OWNER_DATABASE_URL: owner,
    ROWPASS_DATABASE_URL: database.gatewayUrl,
    ISSUER_DATABASE_URL: database.issuerUrl,
    ROWPASS_SEAL_KEYS: sealKeysText,
  })

  it('tells the owner what is left, what that means, and the SQL for it', async () => {
    const { code, stdout, stderr } = await sandbox.run(['db', 'harden'], settings(database.ownerUrl))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('closed   PUBLIC makes no temporary tables\n')
    expect(stdout).toContain('refused  a statement writes at most 1GB of temporary files\n')
    expect(stdout).toContain('         Refused: permission denied to set parameter "temp_file_limit"\n')
    expect(stdout).toContain(
      `alter role "rowpass_gateway" in database "${database.name}" set temp_file_limit = '1GB';\n`,
    )
  })

  it('changes nothing in a dry run, and everything as a superuser', async () => {
    const states = async (...options: string[]): Promise<string[]> => {
      const { stdout } = await sandbox.run(['db', 'harden', '--json', ...options], settings(database.superuserUrl))
      return JSON.parse(stdout).steps.map(({ state }: { state: string }) => state)
    }
    expect(await states('--dry-run')).toContain('open')
    expect(await states('--dry-run')).not.toContain('done')
    const all = ['--functions', '--default-functions']
    expect(await states(...all)).toContain('done')
    expect(new Set(await states(...all))).toEqual(new Set(['closed']))
    expect(new Set(await states('--undo'))).toEqual(new Set(['open']))
    expect(await states('--undo')).toEqual([])
  })

  it('lists a few statements of a step, and how many more there are', async () => {
    const run = ['db', 'harden', '--dry-run', '--functions']
    const { stdout } = await sandbox.run(run, settings(database.superuserUrl))
    expect(stdout).toMatch(/open {5}only the owner calls the functions that no token holder may call\n/)
    expect(stdout).toMatch(/… and \d+ more: see --json\n/)
  })
})
