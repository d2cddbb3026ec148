/**
 * Which keys the API signs with and publishes: one that is fixed, a ring in a secret, or the ring in the database.
 */
import { neon } from '@neondatabase/serverless'
import { Failure, type FailureCode } from 'rowpass'
import { createKeyRing, fixedKeys, importSigningKey, type KeySource, parseJwks, type SqlDatabase } from 'rowpass/issuer'
import { toFailure } from './database.ts'

/** The settings that say where keys are. An empty one counts as unset. */
export interface KeyBindings {
  /** One private JWK. A secret. */
  readonly PRIVATE_KEY?: string
  /** A public JWK or JWK set to publish beside it. */
  readonly PUBLIC_KEY?: string
  /** The content of a ring file. A secret. */
  readonly KEY_RING?: string
  /** What private keys in the database are encrypted under: `name:secret[,…]`. A secret. */
  readonly KEY_ENCRYPTION_KEYS?: string
  /** URL of the login `rowpass_issuer`, with its password. A secret. */
  readonly ISSUER_DATABASE_URL?: string
}

/** A source of keys, or what is wrong with the settings. */
export type ChosenKeys = { readonly keys: KeySource } | { readonly problems: readonly string[] }

/**
 * Finds the keys. At most one of PRIVATE_KEY, KEY_RING and KEY_ENCRYPTION_KEYS may be set; with none of them nothing can
 * be signed, as where another service issues the tokens.
 *
 * Does NOT reach the database.
 *
 * @returns problems by the name of their variable, without any value
 */
export async function chooseKeys(bindings: KeyBindings): Promise<ChosenKeys> {
  const places = ['PRIVATE_KEY', 'KEY_RING', 'KEY_ENCRYPTION_KEYS'] as const
  const [place, ...more] = places.filter((name) => Boolean(bindings[name]))
  if (place !== undefined && more.length > 0) {
    return { problems: [`${[place, ...more].join(' and ')} are set, and keys can be in one place only`] }
  }
  if (place === 'KEY_RING' || place === 'KEY_ENCRYPTION_KEYS') {
    if (bindings.PUBLIC_KEY)
      return { problems: [`PUBLIC_KEY is set beside ${place}, and a ring publishes its own keys`] }
    return chooseRing(bindings)
  }
  return chooseFixed(bindings)
}

async function chooseFixed({ PRIVATE_KEY, PUBLIC_KEY }: KeyBindings): Promise<ChosenKeys> {
  const [privateKey, publicKeys] = await Promise.all([
    attempt('PRIVATE_KEY', PRIVATE_KEY, importSigningKey),
    attempt('PUBLIC_KEY', PUBLIC_KEY, parseJwks),
  ])
  const problems = [privateKey, publicKeys].flatMap(({ problem }) => problem ?? [])
  return problems.length > 0 ? { problems } : { keys: fixedKeys(privateKey.value, publicKeys.value?.keys) }
}

async function chooseRing({
  KEY_RING,
  KEY_ENCRYPTION_KEYS,
  ISSUER_DATABASE_URL: url,
}: KeyBindings): Promise<ChosenKeys> {
  if (KEY_RING) {
    const { value, problem = '' } = await attempt('KEY_RING', KEY_RING, (text) => createKeyRing({ text }))
    return value === undefined ? { problems: [problem] } : { keys: value }
  }
  const db = connect(url ?? '')
  const { value, problem } = await attempt('KEY_ENCRYPTION_KEYS', KEY_ENCRYPTION_KEYS, (encryptionKeys) =>
    createKeyRing({ db, encryptionKeys }),
  )
  const problems = problem === undefined ? [] : [problem]
  if (!url) problems.push('ISSUER_DATABASE_URL is required where KEY_ENCRYPTION_KEYS is set')
  else if (!isLoginUrl(url))
    problems.push('ISSUER_DATABASE_URL must read postgresql://rowpass_issuer:password@host/database')
  return value === undefined || problems.length > 0 ? { problems } : { keys: value }
}

/** What goes by itself, and is told as what it is. */
const passing: ReadonlySet<FailureCode> = new Set([
  'database_unavailable',
  'gateway_unreachable',
  'overloaded',
  'timeout',
])

/** Costs nothing before a statement runs; each is one HTTP request. */
function connect(url: string): SqlDatabase {
  return {
    async query(text, parameters) {
      try {
        return await neon(url).query(text, parameters)
      } catch (cause) {
        // Its SQLSTATE speaks of the issuer's login, not of the caller's token: what is wrong there is no answer for a client.
        const { code } = toFailure(cause)
        if (!passing.has(code)) throw new Failure('internal', { cause })
        throw new Failure(code, { detail: 'The key ring cannot be read.', cause })
      }
    },
  }
}

function isLoginUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^postgres(ql)?:$/.test(url.protocol) && url.username !== '' && url.password !== ''
}

async function attempt<T>(
  name: string,
  text: string | undefined,
  parse: (text: string) => Promise<T>,
): Promise<{ value?: T; problem?: string }> {
  if (!text) return {}
  // A secret is always text; an object came out of a configuration file.
  if (typeof text !== 'string') return { problem: `${name} is a plain variable: make it a secret` }
  try {
    return { value: await parse(text) }
  } catch (error) {
    // A failure is known not to quote the secret.
    return { problem: `${name} cannot be used: ${error instanceof Failure ? error.detail : 'it is malformed'}` }
  }
}
