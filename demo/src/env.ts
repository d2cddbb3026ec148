/**
 * Bindings of the Worker (or variables of the Node process) to settings. Nothing else reads them.
 */
import { neonConfig } from '@neondatabase/serverless'
import type { KeySource } from 'rowpass/issuer'
import { isIssuerUrl, isLoopback, parseHosts } from 'rowpass/issuer'
import { OptionError } from 'rowpass/seal'
import * as z from 'zod'
import type { Assets } from './assets.ts'
import type { DatabaseAccess } from './database.ts'
import { type Hidden, hide } from './hidden.ts'
import { chooseKeys, type KeyBindings } from './key-ring.ts'
import { createIdentify, type SealingSettings } from './sealing.ts'
import type { WhySettings } from './why.ts'

/** What the platform hands in: untrusted text, and the files of the demo page. See `.dev.vars.example`. */
export interface Bindings extends KeyBindings {
  /** One of the two, which is the choice of the way to the database. */
  readonly DATABASE_URL?: string
  readonly ROWPASS_DATABASE_URL?: string
  readonly ROWPASS_SEAL_KEYS?: string
  readonly GATEWAY_URL?: string
  readonly MAIL_URL?: string
  readonly ADDRESS_HEADER?: string
  readonly ISSUER?: string
  readonly AUDIENCE?: string
  readonly DEMO?: string
  readonly DEMO_HOSTS?: string
  /** Set by `rowpass dev` alone. */
  readonly FRONT_SECRET?: string
  /** Set by `rowpass dev` alone, with WHY_SECRET. */
  readonly WHY_URL?: string
  readonly WHY_SECRET?: string
  /** Set by `rowpass dev` alone, with SHOWCASE_SECRET. */
  readonly SHOWCASE_URL?: string
  readonly SHOWCASE_SECRET?: string
  /** Only looked at to refuse DEMO where it is `production`. */
  readonly NODE_ENV?: string
  readonly ASSETS?: Assets
}

/** What `DEMO=true` brings. */
export interface DemoSettings {
  readonly assets: Assets | undefined
  /** The host of `issuer` and those of DEMO_HOSTS: besides this machine's, the only ones whose requests are answered. */
  readonly hosts: ReadonlySet<string>
  /** Where SQL of the page goes, with the token of whom it is for; undefined where this API seals. */
  readonly gatewayUrl: string | undefined
  /** Who answers for the page what a token does not tell; undefined but under `rowpass dev`. */
  readonly showcase: { readonly url: string; readonly secret: Hidden } | undefined
}

/** Parsed bindings. */
export interface Settings extends DatabaseAccess {
  /** PostgreSQL URL of `rowpass_issuer`, with its password; undefined where this API issues no tokens. */
  readonly issuerDatabaseUrl: Hidden | undefined
  /** Where messages to people are posted. Whoever knows it may be able to send mail. */
  readonly mailUrl: Hidden | undefined
  /**
   * Header in which the proxy in front puts the address of the client; undefined where there is none to be trusted. The
   * runtime is no sign of one: whoever runs workerd elsewhere than at Cloudflare's edge has what the client wrote.
   */
  readonly addressHeader: string | undefined
  /** Set by `rowpass dev`: only requests that bring it came through its front. */
  readonly frontSecret: Hidden | undefined
  /** `iss` of the tokens. */
  readonly issuer: string
  /** `aud` of the tokens. */
  readonly audience: string
  /** What signs and what is published; without a key that signs when another service issues the tokens. */
  readonly keys: KeySource
  /** Set where `DEMO=true`: the demo's sign-in and page are served only then. */
  readonly demo: DemoSettings | undefined
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
  if (texts.success) problems.push(...contradictions(texts.data, bindings))
  if (!texts.success || 'problems' in chosen || problems.length > 0) {
    throw new TypeError(`The settings have problems: ${problems.join('; ')}`)
  }

  const { GATEWAY_URL, ISSUER_DATABASE_URL, MAIL_URL, ADDRESS_HEADER, AUDIENCE, DEMO } = texts.data
  const { DEMO_HOSTS, WHY_URL, WHY_SECRET, SHOWCASE_URL, SHOWCASE_SECRET } = texts.data
  const issuer = texts.data.ISSUER ?? demoIssuer
  const database = chooseDatabase(texts.data, { issuer, audience: AUDIENCE, keys: chosen.keys })
  if (GATEWAY_URL !== undefined) neonConfig.fetchEndpoint = GATEWAY_URL
  return Object.freeze({
    ...database,
    issuerDatabaseUrl: ISSUER_DATABASE_URL === undefined ? undefined : hide(ISSUER_DATABASE_URL),
    mailUrl: MAIL_URL === undefined ? undefined : hide(MAIL_URL),
    addressHeader: ADDRESS_HEADER,
    frontSecret: bindings.FRONT_SECRET ? hide(bindings.FRONT_SECRET) : undefined,
    issuer,
    audience: AUDIENCE,
    keys: chosen.keys,
    demo: DEMO
      ? {
          assets: bindings.ASSETS,
          hosts: new Set([new URL(issuer).hostname, ...parseHosts(DEMO_HOSTS ?? '')]),
          gatewayUrl: database.identify === undefined ? GATEWAY_URL : undefined,
          showcase:
            SHOWCASE_URL !== undefined && SHOWCASE_SECRET !== undefined
              ? { url: SHOWCASE_URL, secret: hide(SHOWCASE_SECRET) }
              : undefined,
        }
      : undefined,
    why: WHY_URL !== undefined && WHY_SECRET !== undefined ? { url: WHY_URL, secret: hide(WHY_SECRET) } : undefined,
  })
}

/** With a URL that holds no password the caller's token is the credential; with a login and keys this API seals. */
function chooseDatabase(
  { DATABASE_URL, ROWPASS_DATABASE_URL, ROWPASS_SEAL_KEYS }: z.output<typeof schema>,
  settings: Omit<SealingSettings, 'sealKeys'>,
): DatabaseAccess {
  if (ROWPASS_DATABASE_URL === undefined) return { databaseUrl: hide(DATABASE_URL ?? ''), identify: undefined }
  try {
    const identify = createIdentify({ ...settings, sealKeys: ROWPASS_SEAL_KEYS ?? '' })
    return { databaseUrl: hide(ROWPASS_DATABASE_URL), identify }
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    throw new TypeError(`The settings have problems: ROWPASS_SEAL_KEYS cannot be used: ${error.message}`)
  }
}

/** `iss` of the demo's tokens where none is set. */
const demoIssuer = 'http://127.0.0.1:8787'

/** Settings that are each well-formed, and together would let anybody in or sign for nobody. */
function contradictions(
  { DEMO, ISSUER, ISSUER_DATABASE_URL, GATEWAY_URL, ...texts }: z.output<typeof schema>,
  { PRIVATE_KEY, KEY_RING, KEY_ENCRYPTION_KEYS, NODE_ENV, ...development }: Bindings,
): string[] {
  const problems: string[] = []
  const { DATABASE_URL, ROWPASS_DATABASE_URL, ROWPASS_SEAL_KEYS } = texts
  if (DATABASE_URL === undefined && ROWPASS_DATABASE_URL === undefined) {
    problems.push('DATABASE_URL is required, or ROWPASS_DATABASE_URL with ROWPASS_SEAL_KEYS')
  }
  if (DATABASE_URL !== undefined && ROWPASS_DATABASE_URL !== undefined) {
    problems.push('DATABASE_URL and ROWPASS_DATABASE_URL are set, and there is one way to the database')
  }
  if ((ROWPASS_DATABASE_URL === undefined) !== (ROWPASS_SEAL_KEYS === undefined)) {
    problems.push('ROWPASS_DATABASE_URL and ROWPASS_SEAL_KEYS go together')
  }
  const signs = Boolean(PRIVATE_KEY || KEY_RING || KEY_ENCRYPTION_KEYS)
  if (DEMO) {
    if (!signs) problems.push('PRIVATE_KEY, KEY_RING or KEY_ENCRYPTION_KEYS is required where DEMO is true')
    if (ISSUER !== undefined && !isLoopback(new URL(ISSUER).hostname)) {
      problems.push('DEMO signs anybody in without a password, so ISSUER must be on loopback where it is true')
    }
    if (GATEWAY_URL === undefined || !isLoopback(new URL(GATEWAY_URL).hostname)) {
      problems.push('DEMO signs anybody in without a password, so GATEWAY_URL must be on loopback where it is true')
    }
    if (NODE_ENV === 'production') problems.push('DEMO must not be true where NODE_ENV is production')
  } else {
    if (ISSUER === undefined) problems.push('ISSUER is required where DEMO is not true')
    const { WHY_URL, WHY_SECRET, SHOWCASE_URL, SHOWCASE_SECRET } = development
    if (WHY_URL || WHY_SECRET) problems.push('WHY_URL and WHY_SECRET are for development, where DEMO is true')
    if (SHOWCASE_URL || SHOWCASE_SECRET) {
      problems.push('SHOWCASE_URL and SHOWCASE_SECRET are for development, where DEMO is true')
    }
    if (ISSUER_DATABASE_URL !== undefined && !signs) {
      problems.push('PRIVATE_KEY, KEY_RING or KEY_ENCRYPTION_KEYS is required where ISSUER_DATABASE_URL is set')
    }
  }
  return problems
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
  DATABASE_URL: optional(
    z
      .string()
      .refine(isDatabaseUrl, 'must read postgresql://authenticated@host:port/database')
      .refine((text) => !parseUrl(text)?.password, 'must not hold a password: the token takes its place'),
  ),
  ROWPASS_DATABASE_URL: optional(
    z
      .string()
      .refine(isDatabaseUrl, 'must read postgresql://rowpass_gateway:password@host:port/database')
      .refine((text) => parseUrl(text)?.password, 'must hold the password of the login'),
  ),
  ROWPASS_SEAL_KEYS: optional(z.string()),
  GATEWAY_URL: optional(z.string().refine(isHttpUrl, 'must be an http or https URL without credentials')),
  ISSUER_DATABASE_URL: optional(
    z
      .string()
      .refine(isDatabaseUrl, 'must read postgresql://rowpass_issuer:password@host:port/database')
      .refine((text) => parseUrl(text)?.password, 'must hold the password of rowpass_issuer'),
  ),
  MAIL_URL: optional(z.string().refine(isServiceUrl, 'must be an https URL without credentials, or http on loopback')),
  ADDRESS_HEADER: optional(z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'must be the name of a header')),
  ISSUER: optional(
    z.string().refine(isIssuerUrl, 'must be an https URL, or http on loopback, without a slash at its end'),
  ),
  AUDIENCE: optional(z.string()).transform((text) => text ?? 'rowpass'),
  DEMO: optional(z.enum(['true', 'false'], { error: 'must be true, false or unset' })).transform(
    (text) => text === 'true',
  ),
  DEMO_HOSTS: optional(z.string().refine(isHosts, 'must be host names without port, separated by commas')),
  WHY_URL: optional(z.string().refine(isLoopbackUrl, 'must be an http URL of 127.0.0.1')),
  WHY_SECRET: optional(z.string()),
  SHOWCASE_URL: optional(z.string().refine(isLoopbackUrl, 'must be an http URL of 127.0.0.1')),
  SHOWCASE_SECRET: optional(z.string()),
})

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function isDatabaseUrl(text: string): boolean {
  const url = parseUrl(text)
  return url !== undefined && /^postgres(ql)?:$/.test(url.protocol) && url.username !== '' && url.pathname.length > 1
}

function isHosts(text: string): boolean {
  try {
    return parseHosts(text).size > 0
  } catch {
    return false
  }
}

function isLoopbackUrl(text: string): boolean {
  const url = parseUrl(text)
  return url?.protocol === 'http:' && url.hostname === '127.0.0.1' && url.username === '' && url.password === ''
}

function isServiceUrl(text: string): boolean {
  const url = parseUrl(text)
  // With credentials in it, `fetch` throws, and its message has them.
  if (url === undefined || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

function isHttpUrl(text: string): boolean {
  const url = parseUrl(text)
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}
