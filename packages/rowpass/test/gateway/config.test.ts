import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, parseGatewayConfig, printGatewayConfig } from '../../src/gateway/config.ts'
import { variableOf } from '../../src/gateway/setting-kinds.ts'
import { settings } from '../../src/gateway/settings.ts'
import { sealKeysText } from '../support/pg.ts'

const password = 'canary-password'
const issuers = [{ iss: 'https://id.example.test', jwks_url: 'https://id.example.test/jwks.json', audience: 'app' }]
const valid = {
  ROWPASS_DATABASE_URL: `postgresql://rowpass_gateway:${password}@db.example.test:6432/app%20one`,
  ROWPASS_SEAL_KEYS: sealKeysText,
  ROWPASS_ISSUERS: JSON.stringify(issuers),
}

const problemsOf = (env: Record<string, string | undefined>): readonly string[] => {
  try {
    parseGatewayConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

describe('configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-config-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('three settings are enough; the rest have defaults', () => {
    const config = parseGatewayConfig(valid)
    expect(config).toMatchObject({ host: '127.0.0.1', port: 4444, passwordMode: false, privateJwks: false })
    expect([...config.databases]).toEqual(['app one'])
    expect([...config.corsOrigins]).toEqual([])
    expect(config.issuers).toMatchObject([{ role: 'authenticated', maxTtlSeconds: 3600, typ: ['at+jwt'] }])
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('names without the prefix are somebody else’s', () => {
    expect(problemsOf({ ...valid, PATH: '/bin', PORT: 'x' })).toEqual([])
  })

  it('every problem is reported at once', () => {
    expect(
      problemsOf({
        ROWPASS_PORT: '65536',
        ROWPASS_POOL_SIZE: '0',
        ROWPASS_PASSWORD_MODE: 'yes',
        ROWPASS_POOLSIZE: '4',
      }),
    ).toEqual([
      'ROWPASS_POOLSIZE is not a setting',
      'ROWPASS_DATABASE_URL is missing',
      'ROWPASS_SEAL_KEYS is missing',
      'ROWPASS_ISSUERS is missing',
      'ROWPASS_PORT is not a whole number from 0 to 65535',
      'ROWPASS_POOL_SIZE is not a whole number from 1 to 1000',
      'ROWPASS_PASSWORD_MODE is neither true nor false',
    ])
  })

  it.each<[string, string, string]>([
    ['ROWPASS_DATABASE_URL', `mysql://u:${password}@host/db`, 'leads nowhere: it is not of the form postgresql://'],
    ['ROWPASS_DATABASE_URL', `postgresql://u:${password}@host`, 'has no user or no database'],
    ['ROWPASS_SEAL_KEYS', 'k:short', 'seal key "k" is not 32 bytes in base64url'],
    ['ROWPASS_ISSUERS', 'x', 'is not JSON'],
    ['ROWPASS_ISSUERS', '[]', 'is not a JSON array of issuers'],
    ['ROWPASS_ISSUERS', '[{"iss":"a"}]', 'is wrong: 1: the issuer a: audience is missing'],
    ['ROWPASS_ISSUERS', JSON.stringify([{ ...issuers[0], rolle: 'x' }]), '1: rolle is not a setting'],
    ['ROWPASS_ISSUERS', JSON.stringify([{ ...issuers[0], role: 'a:b' }]), 'is not a lower-case role name'],
    ['ROWPASS_ISSUERS', JSON.stringify([{ ...issuers[0], algorithms: ['HS256'] }]), 'HS256 is signed with a secret'],
    ['ROWPASS_ISSUERS', JSON.stringify([issuers[0], issuers[0]]), 'is configured twice, and a token may fit both'],
    ['ROWPASS_ISSUERS', JSON.stringify([{ ...issuers[0], typ: ['*'] }]), 'typ has "*": list those'],
    ['ROWPASS_ISSUERS', JSON.stringify([{ ...issuers[0], max_ttl_seconds: 1e9 }]), 'max_ttl_seconds is not a whole'],
    ['ROWPASS_ISSUERS', '[7]', '1: is not an object'],
    ['ROWPASS_HOSTS', 'https://app.example.test', 'has no host name'],
    ['ROWPASS_CORS_ORIGINS', 'https://app.example.test/', 'has no origin'],
    ['ROWPASS_PORT', '1e3', 'is not a whole number'],
    ['ROWPASS_PORT', '', 'is not a whole number'],
  ])('%s=%s is refused, without repeating a secret', (name, value, problem) => {
    const problems = problemsOf({ ...valid, [name]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
    expect(problems[0]).not.toContain(password)
  })

  it('a setting may come from a file, but not from both', () => {
    const file = join(folder, 'seal-keys')
    writeFileSync(file, `${sealKeysText}\n`)
    const { ROWPASS_SEAL_KEYS: _, ...rest } = valid
    expect(parseGatewayConfig({ ...rest, ROWPASS_SEAL_KEYS_FILE: file }).sealKeys[0].name).toBe('test')
    expect(problemsOf({ ...valid, ROWPASS_SEAL_KEYS_FILE: file })).toEqual([
      'ROWPASS_SEAL_KEYS is given as a value and as a file',
    ])
    expect(problemsOf({ ...rest, ROWPASS_SEAL_KEYS_FILE: join(folder, 'none') })).toEqual([
      'ROWPASS_SEAL_KEYS cannot be read',
    ])
  })

  it('what is printed names every setting and no secret', () => {
    const lines = printGatewayConfig({ ...valid, ROWPASS_PORT: '5000' })
    const named = lines.filter((line) => !line.startsWith('#'))
    expect(named.map((line) => line.split('=')[0])).toEqual(Object.keys(settings).map(variableOf))
    expect(lines).toContain('ROWPASS_PORT=5000')
    expect(lines).toContain('ROWPASS_POOL_SIZE=4')
    expect(lines).toContain('ROWPASS_DATABASE_URL=***')
    expect(lines.join('\n')).not.toContain(password)
    expect(lines.join('\n')).not.toContain(sealKeysText.slice(5, 20))
  })

  it('what is printed says what an issuer comes to, and SEC-8 what it gives up', () => {
    const loose = { iss: 'https://id.example.test', audience: false, typ: ['JWT'] }
    const lines = printGatewayConfig({ ...valid, ROWPASS_ISSUERS: JSON.stringify([loose]) })
    const [, says = ''] = /^# issuer https:\/\/id\.example\.test: (.*)$/m.exec(lines.join('\n')) ?? []
    expect(JSON.parse(says)).toMatchObject({ ...loose, max_ttl_seconds: 3600, role: 'authenticated' })
    expect(lines).toContainEqual(
      expect.stringContaining('gives up, by audience: tokens that the issuer made for other'),
    )
    expect(printGatewayConfig({ ...valid, ROWPASS_ISSUERS: '[7]' }).filter((line) => line.startsWith('#'))).toEqual([])
  })
})
