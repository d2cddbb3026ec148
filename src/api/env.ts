/**
 * Bindings of the Worker (or variables of the Node process) to settings. Nothing else reads them.
 */
import { neonConfig } from '@neondatabase/serverless'
import * as z from 'zod'
import type { KeySource } from '../keys/key-source.ts'
import type { Assets } from './assets.ts'
import { chooseKeys, type KeyBindings } from './key-ring.ts'
import type { WhySettings } from './why.ts'

/** What the platform hands in: untrusted text, and the files of the demo page. See `.dev.vars.example`. */
export interface Bindings extends KeyBindings {
  readonly DATABASE_URL?: string
  readonly GATEWAY_URL?: string
  readonly ISSUER?: string
  readonly AUDIENCE?: string
  readonly DEMO?: string
  /** Set by `rowpass dev` alone, with WHY_SECRET. */
  readonly WHY_URL?: string
  readonly WHY_SECRET?: string
  readonly ASSETS?: Assets
}

/** Parsed bindings. */
export interface Settings {
  /** PostgreSQL URL with a user and without a password: the token of each request is the credential. */
  readonly databaseUrl: string
  /** `iss` of the tokens that the demo signs. */
  readonly issuer: string
  /** `aud` of the tokens that the demo signs. */
  readonly audience: string
  /** What signs and what is published; without a key that signs when another service issues the tokens. */
  readonly keys: KeySource
  /** Set where `DEMO=true`: the demo's sign-in and page are served only then. */
  readonly demo: { readonly assets: Assets | undefined } | undefined
  /** Set by `rowpass dev` where `DEMO=true`: answers then say why, see `why.ts`. */
  readonly why: WhySettings | undefined
}

/**
 * Parses the bindings.
 *
 * Sets the driver's endpoint, which is global: all apps of one process share the last GATEWAY_URL that was set.
 * Does NOT reach the gateway or the database.
 *
 * @throws TypeError that lists every problem by the name of its variable, and no value
 */
export async function parseSettings(bindings: Bindings): Promise<Settings> {
  const texts = schema.safeParse(bindings)
  const chosen = await chooseKeys(bindings)
  const problems = [
    ...(texts.error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? []),
    ...('problems' in chosen ? chosen.problems : []),
  ]
  const { PRIVATE_KEY, KEY_RING, KEY_ENCRYPTION_KEYS } = bindings
  if (texts.data?.DEMO === true && !(PRIVATE_KEY || KEY_RING || KEY_ENCRYPTION_KEYS)) {
    problems.push('PRIVATE_KEY, KEY_RING or KEY_ENCRYPTION_KEYS is required where DEMO is true')
  }
  if ((bindings.WHY_URL || bindings.WHY_SECRET) && texts.data?.DEMO !== true) {
    problems.push('WHY_URL and WHY_SECRET are for development, where DEMO is true')
  }
  if (!texts.success || 'problems' in chosen || problems.length > 0) {
    throw new TypeError(`The settings have problems: ${problems.join('; ')}`)
  }

  const { DATABASE_URL, GATEWAY_URL, ISSUER, AUDIENCE, DEMO, WHY_URL, WHY_SECRET } = texts.data
  if (GATEWAY_URL !== undefined) neonConfig.fetchEndpoint = GATEWAY_URL
  return Object.freeze({
    databaseUrl: DATABASE_URL,
    issuer: ISSUER,
    audience: AUDIENCE,
    keys: chosen.keys,
    demo: DEMO ? { assets: bindings.ASSETS } : undefined,
    why: WHY_URL !== undefined && WHY_SECRET !== undefined ? { url: WHY_URL, secret: WHY_SECRET } : undefined,
  })
}

/** Parses the bindings once for each bindings object; a Worker gets the same one for all requests of an isolate. */
export function settingsOf(bindings: Bindings): Promise<Settings> {
  const known = settings.get(bindings)
  if (known !== undefined) return known
  const parsed = parseSettings(bindings)
  settings.set(bindings, parsed)
  return parsed
}

const settings = new WeakMap<Bindings, Promise<Settings>>()

/** An empty variable counts as unset: `.dev.vars` and CI write `NAME=` for that. */
const optional = (text: z.ZodType<string>) => z.preprocess((value) => value || undefined, text.optional())

const schema = z.object({
  DATABASE_URL: z
    .string({ error: 'is required' })
    .refine(isDatabaseUrl, 'must read postgresql://authenticated@host:port/database')
    .refine((text) => !parseUrl(text)?.password, 'must not hold a password: the token takes its place'),
  GATEWAY_URL: optional(z.string().refine(isHttpUrl, 'must be an http or https URL without credentials')),
  ISSUER: optional(z.string().refine(isHttpUrl, 'must be an http or https URL')).transform(
    (text) => text ?? 'http://127.0.0.1:8787',
  ),
  AUDIENCE: optional(z.string()).transform((text) => text ?? 'rowpass'),
  DEMO: optional(z.enum(['true', 'false'], { error: 'must be true, false or unset' })).transform(
    (text) => text === 'true',
  ),
  WHY_URL: optional(z.string().refine(isLoopbackUrl, 'must be an http URL of 127.0.0.1')),
  WHY_SECRET: optional(z.string()),
})

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function isDatabaseUrl(text: string): boolean {
  const url = parseUrl(text)
  return url !== undefined && /^postgres(ql)?:$/.test(url.protocol) && url.username !== '' && url.pathname.length > 1
}

function isLoopbackUrl(text: string): boolean {
  const url = parseUrl(text)
  return url?.protocol === 'http:' && url.hostname === '127.0.0.1' && url.username === '' && url.password === ''
}

function isHttpUrl(text: string): boolean {
  const url = parseUrl(text)
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}
