import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadSecrets } from '../../src/database/secrets.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'

describe('the secrets of a project', () => {
  let folder: string
  const file = (): string => join(folder, 'secrets.json')

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rowpass-secrets-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('are made once and are the same ever after', () => {
    const first = loadSecrets(folder)
    expect(first.made).toEqual([
      ...['superuserPassword', 'ownerPassword', 'gatewayPassword', 'issuerPassword', 'sealKeys', 'encryptionKeys'],
    ])
    expect(loadSecrets(folder)).toEqual({ secrets: first.secrets, made: [] })
  })

  it('hold 256 random bits each, and no two are the same', () => {
    const { sealKeys, encryptionKeys, ...passwords } = loadSecrets(folder).secrets
    for (const password of Object.values(passwords)) expect(password).toMatch(/^[\w-]{43}$/)
    expect(parseSealKeys(sealKeys)[0].secret).toHaveLength(32)
    expect(parseSealKeys(encryptionKeys)[0].secret).toHaveLength(32)
    expect(encryptionKeys.split(':')[1]).not.toBe(sealKeys.split(':')[1])
    expect(new Set(Object.values(passwords)).size).toBe(4)
  })

  it('are readable by their owner alone, also under a permissive umask', () => {
    const umask = process.umask(0)
    try {
      loadSecrets(folder)
      expect(statSync(file()).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(umask)
    }
  })

  it('that are missing are added, and the rest is kept', () => {
    writeFileSync(file(), JSON.stringify({ superuserPassword: 'kept', mine: 1 }))
    const { secrets, made } = loadSecrets(folder)
    expect(secrets.superuserPassword).toBe('kept')
    expect(made).toEqual(['ownerPassword', 'gatewayPassword', 'issuerPassword', 'sealKeys', 'encryptionKeys'])
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ ...secrets, mine: 1 })
  })

  it('are the same for processes that start at once', async () => {
    const code = `import('${new URL('../../src/database/secrets.ts', import.meta.url).href}')
      .then(({ loadSecrets }) => console.log(JSON.stringify(loadSecrets(process.argv[1]).secrets)))`
    const outputs = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx/esm'), '-e', code, folder])
        let output = ''
        child.stdout.on('data', (chunk) => {
          output += chunk
        })
        await once(child, 'close')
        return output
      }),
    )
    expect(outputs[0]).toContain('superuserPassword')
    expect(new Set(outputs).size).toBe(1)
    expect(readdirSync(folder)).toEqual(['secrets.json'])
  })

  it.each([
    ['is no JSON', 'canary', 'is not a JSON object'],
    ['is a list', '["canary"]', 'is not a JSON object'],
    ['has an empty secret', '{"superuserPassword":"","x":"canary"}', 'superuserPassword is not a text'],
  ])('are not replaced when the file %s', (_title, content, detail) => {
    writeFileSync(file(), content)
    let failure: unknown
    try {
      loadSecrets(folder)
    } catch (error) {
      failure = error
    }
    expect(failure).toMatchObject({ code: 'state_invalid', detail: expect.stringContaining(detail) })
    expect(String(failure)).not.toContain('canary')
    expect(readFileSync(file(), 'utf8')).toBe(content)
  })
})
