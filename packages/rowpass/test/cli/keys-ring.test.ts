import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateEncryptionKey } from '../../src/issuer/ring/encryption.ts'
import { parseKeyRing } from '../../src/issuer/ring/text.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, sealKeysText } from '../support/pg.ts'

let sandbox: Sandbox
beforeEach(() => {
  sandbox = createSandbox()
})
afterEach(() => sandbox.remove())

describe('rowpass keys on a ring file', () => {
  const file = 'keyRing.jwk.json'
  const keys = (...argv: string[]) => sandbox.run(['keys', ...argv], { KEY_RING_FILE: file })
  // biome-ignore lint/suspicious/noExplicitAny: what the JSON is, each test says
  const json = async (...argv: string[]): Promise<any> => {
    const { code, stdout, stderr } = await keys(...argv, '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }
  const states = async () => (await json('list')).keys.map(({ state }: { state: string }) => state)
  const ring = async () => parseKeyRing(readFileSync(join(sandbox.directory, file), 'utf8'))
  const kids = async () => (await ring()).ring.keys.map(({ kid }) => kid)

  it('shows that there is none, and how to make one', async () => {
    const { code, stdout } = await keys('list')
    expect(code).toBe(0)
    expect(stdout).toContain('no keys yet: "rowpass keys rotate" makes the first one')
  })

  it('lists state, since when, what may happen next and when, tokens in use, and no secret', async () => {
    await keys('add')
    await keys('add', '--alg', 'EdDSA')
    const { keys: list, timing } = await json('list')
    expect(timing).toEqual({ jwksMaxAgeSeconds: 300, lagSeconds: 5, skewSeconds: 60, ttlSeconds: 900 })
    const [active, next] = list
    expect(active).toMatchObject({ alg: 'ES256', state: 'active', tokensInUse: 0, next: null, revoked: false })
    expect(Date.parse(next.next.safeAt) - Date.parse(next.since)).toBe(365_000)
    expect(next).toMatchObject({ alg: 'EdDSA', state: 'next', next: { step: 'activate', safe: false } })
    const { stdout } = await keys('list')
    expect(stdout).toMatch(
      new RegExp(`^${active.kid} +ES256 +active +\\S+Z +0 +signs until another is activated$`, 'm'),
    )
    expect(stdout).toMatch(
      new RegExp(`^${next.kid} +EdDSA +next +\\S+Z +0 +activate safe from \\S+Z on, in 6 min \\d+ s$`, 'm'),
    )
    for (const jwk of (await ring()).privateJwks.values()) expect(stdout).not.toContain(jwk.d)
  })

  it('counts the tokens that "rowpass token" signs with it', async () => {
    await keys('add')
    const { code } = await sandbox.run(['token', '--sub', 'ada', '--ttl', '3600'], { KEY_RING_FILE: file })
    expect(code).toBe(0)
    expect((await json('list')).keys).toMatchObject([{ tokensInUse: 1, longestTtlSeconds: 3600 }])
  })

  it('refuses to go too fast, saying until when, and goes with --force', async () => {
    await keys('add')
    await keys('add')
    const [first = '', second = ''] = await kids()
    const early = await keys('activate', second)
    expect(early).toMatchObject({ code: 1, stdout: '' })
    expect(early.stderr).toMatch(/^error\[key_too_early\]: .*safe from \S+Z on, in 36\d s\nhint: .*--force/)
    expect(await states()).toEqual(['active', 'next'])
    expect(await keys('activate', second.slice(0, 6), '--force')).toMatchObject({
      code: 0,
      stdout: `signs now: ${second}\nretired ${first}\n`,
    })
    expect((await keys('prune', first)).stderr).toContain('error[key_too_early]')
    expect(await keys('prune')).toMatchObject({ code: 0, stdout: '' })
    expect(await keys('prune', first, '--force')).toMatchObject({ code: 0, stdout: `pruned ${first}\n` })
    expect(await states()).toEqual(['gone', 'active'])
  })

  it('takes out a key that is not wanted, and the one that signs only by force', async () => {
    await keys('add')
    await keys('add')
    const [first = '', second = ''] = await kids()
    expect((await keys('retire', first)).stderr).toContain('error[key_state_wrong]')
    await keys('retire', second)
    await keys('prune')
    await keys('retire', first, '--force')
    expect(await states()).toEqual(['retired', 'gone'])
  })

  it('names a key that it does not have, and a beginning that is not enough', async () => {
    await keys('add')
    expect((await keys('activate', 'nobody')).stderr).toMatch(/^error\[key_unknown\]: .*: nobody\n/)
    expect((await keys('activate', (await kids())[0]!.slice(0, 3))).stderr).toContain('error[key_unknown]')
  })

  it('rotates in steps that can be taken up again, each when it is safe', async () => {
    const first = await json('rotate')
    expect(first).toMatchObject({ steps: [{ did: 'add' }], next: null })
    const begun = await json('rotate')
    expect(begun).toMatchObject({ steps: [{ did: 'add' }], next: { step: 'activate', kid: begun.steps[0].kid } })
    expect(await json('rotate')).toMatchObject({ steps: [], next: { kid: begun.steps[0].kid } })
    const { stdout } = await keys('rotate')
    expect(stdout).toMatch(/^run this again: activate \S+ is safe from \S+Z on, in 6 min \d+ s\n$/)
    expect(await states()).toEqual(['active', 'next'])
  })

  it('SEC-23 rotates in one go with --wait, telling what it waits for, and ends at once when it is asked to', async () => {
    await keys('add', '--max-age', '0', '--lag', '0')
    const running = sandbox.start(['keys', 'rotate', '--wait'], { KEY_RING_FILE: file })
    await expect.poll(running.written).toMatch(/waiting: activate \S+ is safe from \S+Z on, in (1 min 0|59) s/)
    const { code, stdout } = await running.stop()
    expect(code).toBe(1)
    expect(stdout).toMatch(/^added \S+\nrun this again: activate \S+ is safe from/)
  })

  it('revokes a key, signs with another at once, and says by when it is dead where', async () => {
    await keys('add')
    const [first = ''] = await kids()
    const { stdout, code } = await keys('revoke', first)
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^revoked ${first}\\nsigns now: (?!${first})\\S+$`, 'm'))
    expect(stdout).toContain('where the ring is a secret (KEY_RING): when you have deployed this file')
    const [, second = ''] = await kids()
    const report = await json('revoke', second)
    const [, , third] = await kids()
    expect(report).toMatchObject({ revoked: second, signs: third })
    const [instances, gateway, verifiers] = ['instancesBy', 'gatewayBy', 'verifiersBy'].map((name) =>
      Date.parse(report[name]),
    )
    expect([gateway! - instances!, verifiers! - instances!]).toEqual([306_000, 300_000])
    expect(await states()).toEqual(['gone', 'gone', 'active'])
    expect([...(await ring()).privateJwks.keys()]).toEqual([third])
  })

  it('says that PRIVATE_KEY takes the place of the ring', async () => {
    const { stderr } = await sandbox.run(['keys', 'list', '--file', file], { PRIVATE_KEY: '{}' })
    expect(stderr).toMatch(/^note: PRIVATE_KEY is set\./)
  })
})

describePg('rowpass keys on the ring of a database', () => {
  it('SEC-25 keeps, rewraps and revokes keys under KEY_ENCRYPTION_KEYS, and shows none of them', async () => {
    const database = await createTestDatabase({ contents: 'platform' })
    const [old, young] = [generateEncryptionKey('old'), generateEncryptionKey('young')]
    const keys = async (encryptionKeys: string, ...argv: string[]) => {
      const run = await sandbox.run(['keys', ...argv], {
        OWNER_DATABASE_URL: database.ownerUrl,
        ROWPASS_DATABASE_URL: database.gatewayUrl,
        ISSUER_DATABASE_URL: database.issuerUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
        KEY_ENCRYPTION_KEYS: encryptionKeys,
      })
      for (const secret of [old, young]) expect(run.stdout + run.stderr).not.toContain(secret.split(':')[1])
      return run
    }
    try {
      expect((await keys(old, 'rotate')).stdout).toMatch(/^added \S+\nthe rotation is over\n$/)
      const under = async () => JSON.parse((await keys(old, 'list', '--json')).stdout).keys[0].encryptedUnder
      expect(await under()).toBe('old')
      expect((await keys(young, 'rewrap')).stderr).toContain('error[key_locked]')
      expect((await keys(`${young},${old}`, 'rewrap')).stdout).toMatch(/^rewrapped \S+\n$/)
      expect(await under()).toBe('young')
      expect((await keys(`${young},${old}`, 'rewrap')).stdout).toBe('nothing to do\n')
      const [{ kid }] = JSON.parse((await keys(old, 'list', '--json')).stdout).keys
      expect((await keys(young, 'revoke', kid)).stdout).toContain(`revoked ${kid}`)
      expect(await keys('canary', 'list')).toMatchObject({ code: 1, stdout: '' })
      expect((await keys('canary', 'list')).stderr).toMatch(/^error\[config_invalid\]: .*encryption key 1 has no name/)
      expect((await keys('canary', 'list')).stderr).not.toContain('canary')
    } finally {
      await database.close()
    }
  })

  it('says in a database that is not prepared what to do', async () => {
    const database = await createTestDatabase({ contents: 'bare' })
    const { code, stderr } = await sandbox.run(['keys', 'list'], { OWNER_DATABASE_URL: database.ownerUrl })
    await database.close()
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[config_invalid\]: .*has no issuer yet: run "rowpass issuer migrate" first/)
  })
})
