import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { generateEncryptionKey } from '../../packages/rowpass/src/issuer/ring/encryption.ts'
import { generateKey } from '../../packages/rowpass/src/token/key.ts'
import { type Bindings, parseSettings, settingsOf } from '../src/env.ts'

const first = await generateKey()
const second = await generateKey()
const valid: Bindings = {
  DATABASE_URL: 'postgresql://authenticated@127.0.0.1:5432/rowpass',
  ISSUER: 'https://api.example',
  PUBLIC_KEY: JSON.stringify(first.publicJwk),
}

/** What an API has that seals. */
const sealing: Bindings = {
  ...valid,
  DATABASE_URL: '',
  ROWPASS_DATABASE_URL: 'postgresql://rowpass_gateway:canary@ep-mild-sea-a1.eu-central-1.aws.neon.tech/neondb',
  ROWPASS_SEAL_KEYS: `one:${'canary'.repeat(7)}A`,
}

/** What `rowpass dev` sets. */
const demo: Bindings = {
  ...valid,
  ISSUER: 'http://127.0.0.1:8787',
  GATEWAY_URL: 'http://127.0.0.1:4444/sql',
  PRIVATE_KEY: JSON.stringify(first.privateJwk),
  DEMO: 'true',
}

const problemsOf = async (bindings: Bindings): Promise<string> => {
  const error: unknown = await parseSettings(bindings).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(TypeError)
  return (error as TypeError).message
}

const publishedBy = async (bindings: Bindings) => (await (await parseSettings(bindings)).keys.jwks()).keys

describe('parseSettings', () => {
  it('fills in the defaults', async () => {
    const { keys, databaseUrl, ...settings } = await parseSettings(valid)
    expect(databaseUrl.reveal()).toBe(valid.DATABASE_URL)
    expect(settings).toEqual({
      identify: undefined,
      issuer: 'https://api.example',
      issuerDatabaseUrl: undefined,
      mailUrl: undefined,
      addressHeader: undefined,
      audience: 'rowpass',
      demo: undefined,
    })
    expect(await keys.jwks()).toEqual({ keys: [first.publicJwk], maxAgeSeconds: 300 })
  })

  it('takes an empty variable for an unset one', async () => {
    const empty = {
      ROWPASS_SEAL_KEYS: '',
      GATEWAY_URL: '',
      ISSUER_DATABASE_URL: '',
      MAIL_URL: '',
      PRIVATE_KEY: '',
      AUDIENCE: '',
      DEMO: '',
    }
    const [given, unset] = [await parseSettings({ ...valid, ...empty }), await parseSettings(valid)]
    expect(JSON.stringify(given)).toBe(JSON.stringify(unset))
  })

  it.each<[string, Bindings, string]>([
    ['no database', { ...valid, DATABASE_URL: undefined } as never, 'DATABASE_URL is required'],
    ['a database that is no URL', { ...valid, DATABASE_URL: 'rowpass' }, 'DATABASE_URL must read postgresql://'],
    ['a database of another kind', { ...valid, DATABASE_URL: 'mysql://me@host/db' }, 'DATABASE_URL must read'],
    ['a database URL without user', { ...valid, DATABASE_URL: 'postgresql://host/db' }, 'DATABASE_URL must read'],
    ['a database URL without database', { ...valid, DATABASE_URL: 'postgresql://me@host/' }, 'DATABASE_URL must read'],
    [
      'a password',
      { ...valid, DATABASE_URL: 'postgresql://me:canary@host/db' },
      'DATABASE_URL must not hold a password',
    ],
    [
      'seal keys, and no login',
      { ...valid, ROWPASS_SEAL_KEYS: 'canary' },
      'ROWPASS_DATABASE_URL and ROWPASS_SEAL_KEYS go',
    ],
    [
      'a login, and no seal keys',
      { ...sealing, ROWPASS_SEAL_KEYS: '' },
      'ROWPASS_DATABASE_URL and ROWPASS_SEAL_KEYS go',
    ],
    ['two ways to the database', { ...valid, ...sealing, DATABASE_URL: valid.DATABASE_URL! }, 'there is one way'],
    [
      'who answers for the page, without DEMO',
      { ...valid, SHOWCASE_URL: 'http://127.0.0.1:1/', SHOWCASE_SECRET: 'canary' },
      'SHOWCASE_URL and SHOWCASE_SECRET are for development, where DEMO is true',
    ],
    [
      'a login without a password',
      { ...sealing, ROWPASS_DATABASE_URL: 'postgresql://rowpass_gateway@host/db' },
      'ROWPASS_DATABASE_URL must hold the password',
    ],
    [
      'seal keys that are none',
      { ...sealing, ROWPASS_SEAL_KEYS: 'one:canary' },
      'ROWPASS_SEAL_KEYS cannot be used: keys: seal key "one" is not 32 bytes in base64url',
    ],
    [
      'a gateway that is no URL',
      { ...valid, GATEWAY_URL: '127.0.0.1:4444' },
      'GATEWAY_URL must be an http or https URL',
    ],
    ['a gateway with credentials', { ...valid, GATEWAY_URL: 'https://me:canary@host/sql' }, 'GATEWAY_URL must be'],
    ['an issuer that is no URL', { ...valid, ISSUER: 'rowpass' }, 'ISSUER must be an https URL'],
    ['an issuer without TLS', { ...valid, ISSUER: 'http://api.example' }, 'ISSUER must be an https URL'],
    ['an issuer with a slash at its end', { ...valid, ISSUER: 'https://api.example/' }, 'ISSUER must be an https URL'],
    [
      'an issuer with credentials',
      { ...valid, ISSUER: 'https://me:canary@api.example' },
      'ISSUER must be an https URL',
    ],
    ['no issuer', { ...valid, ISSUER: '' }, 'ISSUER is required where DEMO is not true'],
    [
      'a login of the issuer without password',
      { ...valid, ISSUER_DATABASE_URL: 'postgresql://rowpass_issuer@host/db' },
      'ISSUER_DATABASE_URL must hold the password',
    ],
    [
      'a login of the issuer, and no key to sign',
      { ...valid, ISSUER_DATABASE_URL: 'postgresql://rowpass_issuer:canary@host/db' },
      'KEY_ENCRYPTION_KEYS is required where ISSUER_DATABASE_URL is set',
    ],
    [
      'mail with credentials',
      { ...valid, MAIL_URL: 'https://me:canary@mail.example/' },
      'MAIL_URL must be an https URL',
    ],
    ['mail without TLS', { ...valid, MAIL_URL: 'http://mail.example/canary' }, 'MAIL_URL must be an https URL'],
    ['an address header that is none', { ...valid, ADDRESS_HEADER: 'a header' }, 'ADDRESS_HEADER must be the name'],
    [
      'DEMO with an issuer for the world',
      { ...demo, ISSUER: 'https://api.example' },
      'ISSUER must be on loopback where it is true',
    ],
    [
      'DEMO with a gateway elsewhere',
      { ...demo, GATEWAY_URL: 'https://gateway.example/sql' },
      'GATEWAY_URL must be on loopback where it is true',
    ],
    ['DEMO with no gateway', { ...demo, GATEWAY_URL: '' }, 'GATEWAY_URL must be on loopback where it is true'],
    ['a host of the demo with a port', { ...demo, DEMO_HOSTS: 'box.example:80' }, 'DEMO_HOSTS must be host names'],
    ['DEMO in production', { ...demo, NODE_ENV: 'production' }, 'DEMO must not be true where NODE_ENV is production'],
    [
      'a private key that came as a variable',
      { ...valid, PRIVATE_KEY: { kty: 'EC', d: 'canary' } as never },
      'PRIVATE_KEY is a plain variable: make it a secret',
    ],
    ['DEMO that is neither', { ...valid, DEMO: 'yes' }, 'DEMO must be true, false or unset'],
    ['DEMO without a key to sign', { ...valid, DEMO: 'true' }, 'KEY_ENCRYPTION_KEYS is required where DEMO is true'],
    [
      'keys in two places',
      { ...valid, PUBLIC_KEY: '', PRIVATE_KEY: '{"d":"canary"}', KEY_RING: 'canary' },
      'PRIVATE_KEY and KEY_RING are set, and keys can be in one place only',
    ],
    ['a public key beside a ring', { ...valid, KEY_RING: 'canary' }, 'PUBLIC_KEY is set beside KEY_RING'],
    [
      'a ring that is none',
      { ...valid, PUBLIC_KEY: '', KEY_RING: '{"canary"' },
      'KEY_RING cannot be used: The key ring: it is not a JSON object',
    ],
    [
      'a ring in the database without a login',
      { ...valid, PUBLIC_KEY: '', KEY_ENCRYPTION_KEYS: generateEncryptionKey('canary') },
      'ISSUER_DATABASE_URL is required where KEY_ENCRYPTION_KEYS is set',
    ],
    [
      'encryption keys that are none, and a login that is none',
      { ...valid, PUBLIC_KEY: '', KEY_ENCRYPTION_KEYS: 'a:canary', ISSUER_DATABASE_URL: 'canary' },
      'KEY_ENCRYPTION_KEYS cannot be used: encryption key "a" is not 32 bytes in base64url; ISSUER_DATABASE_URL must read',
    ],
    [
      'a public key that is no JSON',
      { ...valid, PUBLIC_KEY: '{canary' },
      'PUBLIC_KEY cannot be used: The key is not JSON',
    ],
    [
      'a private key that is public',
      { ...valid, PRIVATE_KEY: valid.PUBLIC_KEY! },
      'PRIVATE_KEY cannot be used: The pri',
    ],
  ])('refuses %s', async (_title, bindings, problem) => {
    const message = await problemsOf(bindings)
    expect(message).toContain(problem)
    expect(message).not.toContain('canary')
  })

  it('tells all problems at once, and no value', async () => {
    const message = await problemsOf({
      DATABASE_URL: 'postgresql://me:canary@host/db',
      GATEWAY_URL: 'canary',
      ISSUER: 'canary',
      DEMO: 'canary',
      PRIVATE_KEY: '{"d":"canary"}',
      PUBLIC_KEY: 'canary',
    })
    for (const name of ['DATABASE_URL', 'GATEWAY_URL', 'ISSUER', 'DEMO', 'PRIVATE_KEY', 'PUBLIC_KEY']) {
      expect(message).toContain(`${name} `)
    }
    expect(message).not.toContain('canary')
  })

  it('publishes configured keys and the one that signs, each once', async () => {
    const keys = { keys: [first.publicJwk, second.publicJwk] }
    const bindings = { ...valid, PUBLIC_KEY: JSON.stringify(keys), PRIVATE_KEY: JSON.stringify(second.privateJwk) }
    expect(await publishedBy(bindings)).toEqual(keys.keys)
    expect(await publishedBy({ ...bindings, PUBLIC_KEY: '' })).toEqual([second.publicJwk])
  })

  it('publishes no key where another service issues the tokens', async () => {
    expect(await publishedBy({ ...valid, PUBLIC_KEY: '' })).toEqual([])
  })

  it('SEC-25 prints no secret, however the settings are looked at', async () => {
    const settings = await parseSettings({
      ...demo,
      ...sealing,
      ISSUER: demo.ISSUER!,
      PUBLIC_KEY: '',
      PRIVATE_KEY: '',
      KEY_ENCRYPTION_KEYS: `canary:${'canary'.repeat(7)}A`,
      ISSUER_DATABASE_URL: 'postgresql://rowpass_issuer:canary@127.0.0.1/rowpass',
      MAIL_URL: 'https://mail.example/canary',
      WHY_URL: 'http://127.0.0.1:1/',
      WHY_SECRET: 'canary',
    })
    expect(settings.issuerDatabaseUrl?.reveal()).toContain('canary')
    const printed = [
      JSON.stringify(settings),
      inspect(settings, { depth: 9, showHidden: true, getters: true }),
      inspect(structuredClone(JSON.parse(JSON.stringify(settings)))),
      String(new Error('settings', { cause: settings })),
    ]
    expect(printed.join()).not.toContain('canary')
  })

  it('SEC-20 SEC-25 publishes the public part of a private key, and never prints the private one', async () => {
    const text = JSON.stringify(first.privateJwk)
    const settings = await parseSettings({ ...demo, PUBLIC_KEY: text })
    expect((await settings.keys.jwks()).keys).toEqual([first.publicJwk])
    expect(JSON.stringify(settings) + inspect(settings, { depth: 9 })).not.toContain(first.privateJwk.d)
  })
})

describe('.dev.vars.example', () => {
  const text = readFileSync(new URL('../.dev.vars.example', import.meta.url), 'utf8')
  const example = Object.fromEntries(
    [...text.matchAll(/^(?:# )?(\w+)=(\S*)$/gm)].map(([, name, value]) => [name!, value!]),
  )

  it('names every variable, and its values are accepted', async () => {
    const names = [
      'ADDRESS_HEADER',
      'AUDIENCE',
      'DATABASE_URL',
      'DEMO',
      'DEMO_HOSTS',
      'GATEWAY_URL',
      'ISSUER',
      'ISSUER_DATABASE_URL',
      'KEY_ENCRYPTION_KEYS',
      'KEY_RING',
      'MAIL_URL',
      'PRIVATE_KEY',
      'PUBLIC_KEY',
      'ROWPASS_DATABASE_URL',
      'ROWPASS_SEAL_KEYS',
    ]
    expect(Object.keys(example).sort()).toEqual(names)
    const filled = { ...example, PRIVATE_KEY: JSON.stringify(first.privateJwk) }
    await expect(parseSettings(filled)).resolves.toMatchObject({ issuer: example.ISSUER, demo: undefined })
  })
})

describe('settingsOf', () => {
  it('parses a bindings object once, and another one again', async () => {
    expect(settingsOf(valid)).toBe(settingsOf(valid))
    expect(settingsOf({ ...valid })).not.toBe(settingsOf(valid))
    await settingsOf(valid)
  })
})
