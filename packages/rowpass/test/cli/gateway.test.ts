import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'

/** The first command of this process loads the parser of PostgreSQL. */
const loading = { timeout: 10_000 }

describePg('rowpass gateway', () => {
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

  const issuers = (iss: string): string =>
    JSON.stringify([{ iss, jwks_url: 'https://id.example.com/jwks.json', audience: 'app' }])
  const settings = (): Record<string, string> => ({
    ROWPASS_DATABASE_URL: database.gatewayUrl,
    ROWPASS_SEAL_KEYS: sealKeysText,
    ROWPASS_ISSUERS: issuers('https://id.example.com'),
    ROWPASS_PORT: '0',
  })

  it('serves until it is asked to end', async () => {
    const gateway = sandbox.start(['gateway'], settings())
    await expect.poll(() => gateway.written(), loading).toContain('listening on http://127.0.0.1:')
    const url = /listening on (\S+)/.exec(gateway.written())![1]!
    await expect.poll(async () => (await fetch(new URL('/readyz', url))).status, { timeout: 10_000 }).toBe(200)
    expect((await fetch(url, { method: 'POST', body: '{"query":"select 1"}' })).status).toBe(400)
    expect((await gateway.stop()).code).toBe(0)
    await expect(fetch(url)).rejects.toThrow()
    const lines = gateway.written().match(/^\{.*$/gm)!
    expect(lines.slice(-2).map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'gateway_stopping', requests: 0, sessions: 0 },
      { msg: 'gateway_stopped', cutOff: 0, durationMs: expect.any(Number) },
    ])
  })

  it('reads its settings again when it is asked to, and keeps the old ones when the new ones are wrong', async () => {
    const { ROWPASS_ISSUERS: _, ...rest } = settings()
    const file = join(sandbox.directory, 'issuers.json')
    writeFileSync(file, issuers('https://one.example.com'))
    const gateway = sandbox.start(['gateway'], { ...rest, ROWPASS_ISSUERS_FILE: file })
    await expect.poll(() => gateway.written(), loading).toContain('listening')
    writeFileSync(file, issuers('https://two.example.com'))
    gateway.reload()
    await expect.poll(() => gateway.written()).toContain('"config_reloaded"')
    writeFileSync(file, 'nonsense')
    gateway.reload()
    await expect.poll(() => gateway.written()).toContain('"config_refused"')
    expect((await gateway.stop()).code).toBe(0)
  })

  it('says which setting to change when its port is taken, or its address is not one of this machine', async () => {
    const gateway = sandbox.start(['gateway'], settings())
    await expect.poll(() => gateway.written(), loading).toContain('listening on http://127.0.0.1:')
    const port = /127\.0\.0\.1:(\d+)/.exec(gateway.written())![1]!
    const run = async (env: Record<string, string>) =>
      (await sandbox.run(['gateway'], { ...settings(), ...env })).stderr
    expect(await run({ ROWPASS_PORT: port })).toBe(
      `error[port_taken]: The port is taken by another program: 127.0.0.1:${port}; set ROWPASS_PORT to another one\n`,
    )
    expect(await run({ ROWPASS_METRICS_PORT: port })).toContain('set ROWPASS_METRICS_PORT to another one')
    expect(await run({ ROWPASS_HOST: '192.0.2.1' })).toContain(
      'error[config_invalid]: The configuration is wrong: ROWPASS_PORT, ROWPASS_HOST:',
    )
    await gateway.stop()
  })

  it('lists every problem of its settings at once', async () => {
    const { code, stderr } = await sandbox.run(['gateway'], { ROWPASS_PORT: 'x', ROWPASS_PROT: '1' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[config_invalid\]/)
    for (const name of [
      'ROWPASS_PORT',
      'ROWPASS_PROT',
      'ROWPASS_DATABASE_URL',
      'ROWPASS_SEAL_KEYS',
      'ROWPASS_ISSUERS',
    ]) {
      expect(stderr).toContain(`\n  ${name} `)
    }
  })

  it('prints its settings with secrets as ***', async () => {
    const { code, stdout } = await sandbox.run(['gateway', '--print-config'], settings())
    expect(code).toBe(0)
    expect(stdout).toContain('ROWPASS_DATABASE_URL=***\n')
    expect(stdout).toContain('ROWPASS_SEAL_KEYS=***\n')
    expect(stdout).toContain('ROWPASS_PORT=0\n')
  })
})
