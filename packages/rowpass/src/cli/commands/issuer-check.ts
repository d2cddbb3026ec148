/**
 * `rowpass issuer check`: what an issuer publishes, and what to write for it.
 */
import { Failure } from '../../errors.ts'
import { explainIssuers, parseIssuers } from '../../gateway/issuers.ts'
import { createProxyFetch } from '../../gateway/proxy.ts'
import { type AcceptedAlgorithm, algorithms, ownAlgorithms } from '../../token/algorithms.ts'
import type { CompactToken } from '../../token/compact.ts'
import { discoverJwksUrl, metadataUrls } from '../../token/discovery.ts'
import { type FetchOptions, fetchBody, fetchJwks } from '../../token/fetch-jwks.ts'
import { type KeySet, KeySetError, parseKeySet } from '../../token/key-set.ts'
import { matchPresets } from '../../token/presets/match.ts'
import { TokenRefusal } from '../../token/refusal.ts'
import { createVerifier } from '../../token/verifier.ts'
import type { Io } from '../io.ts'
import { parseToken, readSource } from '../why-token.ts'

/** What `issuer check` says besides its options. */
export const checkHelp = `
Asks the issuer for its metadata (OpenID Connect Discovery, RFC 8414) and its keys, says which preset fits, and prints the
entry for ROWPASS_ISSUERS. With a token it says whether the gateway would take it with that entry, or which setting stands in
the way. A token is read here and sent nowhere, and no part of it is printed but its issuer, audience, algorithm and type.

Exit codes: 0 the entry works, as far as it could be tried; 1 it does not, or nothing was found.

Examples:
  $ npx rowpass issuer check tenant.auth0.com
  $ npx rowpass issuer check https://id.example.com/realms/shop --token - < token.txt`

const everyAlgorithm = Object.keys(algorithms) as AcceptedAlgorithm[]
const maxBytes = 1_048_576
/** Where keys are where no metadata says it. */
const usualPaths = ['/.well-known/jwks.json', '/api/auth/jwks', '/jwks', '/.well-known/jwks', '/jwt/jwks.json']

type Fetch = typeof fetch

interface Found {
  readonly iss: string
  readonly jwksUrl: URL
  /** Where it was found, for a person. */
  readonly says: string
  readonly discovered: boolean
}

/** The setting that decides at each check, where one does. */
const settingOf: Readonly<Partial<Record<TokenRefusal['reason'], string>>> = {
  issuer: 'iss',
  audience: 'audience',
  claim: 'require',
  typ: 'typ',
  algorithm: 'algorithms',
  lifetime: 'max_ttl_seconds',
  time: 'iat_optional',
  size: 'max_token_bytes',
  tenant: 'tenant_type',
  role: 'roles',
  scope: 'scopes',
  key_unknown: 'jwks_url',
}

/**
 * Checks an issuer, and a token of it.
 *
 * @param target a URL, or a domain
 * @param source of a token: `-` or `@file`
 * @returns whether the entry works
 * @throws Failure `input_invalid`, `keys_unavailable`
 */
export async function checkIssuer(io: Io, target: string, source: string | undefined): Promise<boolean> {
  const text = source === undefined ? undefined : (await readSource(io, source)).trim()
  const token = text === undefined ? undefined : parseToken(text)
  const fetch = createProxyFetch(io.env)
  const found = await find(toUrl(target), fetch)
  io.stdout(`issuer  ${found.iss}\n        ${found.says}\nkeys    ${found.jwksUrl.href}\n`)
  const set = await readKeys(found, fetch)
  const usable = everyAlgorithm.filter((alg) => [...set.keys.values()].some((key) => key.has(alg)))
  io.stdout(`        ${set.keys.size} that can be used, for ${usable.join(', ') || 'nothing'}\n`)
  for (const problem of set.problems) io.stdout(`        ${problem}\n`)
  if (token !== undefined) io.stdout(`token   ${describeToken(token)}\n`)
  const suggestions = suggest(found, usable, token)
  const judged = await Promise.all(
    suggestions.map(async (each) => ({ ...each, verdict: await judge(each.entry, text, fetch) })),
  )
  const best = judged.find(({ verdict }) => verdict.accepted) ?? judged[0]
  if (best === undefined) return false
  const others = judged.filter((each) => each !== best && each.preset).map(({ says }) => says)
  io.stdout(`fits    ${best.says}${others.length === 0 ? '' : `; as well ${others.join(', ')}`}\n\n`)
  io.stdout(`ROWPASS_ISSUERS='${JSON.stringify([best.entry])}'\n\n`)
  for (const line of best.verdict.lines) io.stdout(`${line}\n`)
  return set.keys.size > 0 && (token === undefined || best.verdict.accepted)
}

function toUrl(target: string): URL {
  const url = target.includes('://') ? target : `https://${target}`
  if (!URL.canParse(url)) throw new Failure('input_invalid', { detail: 'it is neither a URL nor a domain' })
  return new URL(url)
}

/** The metadata says how the issuer calls itself: the slash at the end, or the path, that a domain has not. */
async function find(url: URL, fetch: Fetch): Promise<Found> {
  const origin = url.href.replace(/\/$/, '')
  for (const metadataUrl of metadataUrls(url.href)) {
    const body = await fetchBody(metadataUrl, optionsOf(origin, fetch)).catch(() => undefined)
    const iss = body === undefined ? undefined : issuerOf(body)
    if (iss === undefined) continue
    const get = async (address: URL) => fetchBody(address, optionsOf(iss, fetch))
    const options = { allowPrivateNetwork: true }
    const discovered = await discoverJwksUrl(iss, options, get).catch((error: Error) => {
      throw new Failure('keys_unavailable', { detail: error.message, cause: error })
    })
    return { iss, jwksUrl: discovered.jwksUrl, says: `as ${discovered.metadataUrl.href} says`, discovered: true }
  }
  for (const path of usualPaths) {
    const jwksUrl = new URL(`${origin}${path}`)
    const body = await fetchBody(jwksUrl, optionsOf(origin, fetch)).catch(() => undefined)
    if (body === undefined) continue
    const isSet = await parseKeySet(body, everyAlgorithm).then(
      () => true,
      () => false,
    )
    if (isSet) return { iss: origin, jwksUrl, says: 'by a guess: there is no metadata', discovered: false }
  }
  const places = [...metadataUrls(url.href).map(({ href }) => href), ...usualPaths.map((path) => `${origin}${path}`)]
  throw new Failure('keys_unavailable', { detail: `nothing was found at ${places.join(', ')}` })
}

function issuerOf(body: Uint8Array): string | undefined {
  try {
    const { issuer } = JSON.parse(new TextDecoder().decode(body)) as { issuer?: unknown }
    return typeof issuer === 'string' && URL.canParse(issuer) ? issuer : undefined
  } catch {
    return undefined
  }
}

function optionsOf(iss: string, fetch: Fetch): FetchOptions {
  return { iss, fetch, maxBytes, allowPrivateNetwork: true }
}

async function readKeys({ iss, jwksUrl: url }: Found, fetch: Fetch): Promise<KeySet> {
  try {
    const { body } = await fetchJwks({ ...optionsOf(iss, fetch), url })
    return await parseKeySet(body, everyAlgorithm)
  } catch (error) {
    if (!(error instanceof KeySetError)) throw error
    throw new Failure('keys_unavailable', { detail: `${url.href}: ${error.message}`, cause: error })
  }
}

function describeToken({ alg, typ, claims }: CompactToken): string {
  return `${typ || 'no typ'}, ${alg}, issuer ${String(claims.iss)}, audience ${JSON.stringify(claims.aud ?? 'none')}`
}

interface Suggestion {
  readonly entry: Readonly<Record<string, unknown>>
  readonly says: string
  readonly preset: boolean
}

/** The presets that fit, and the settings themselves; what nobody has said yet is in `<>`. */
function suggest(
  { iss, jwksUrl, discovered }: Found,
  usable: readonly AcceptedAlgorithm[],
  token: CompactToken | undefined,
): readonly Suggestion[] {
  const matches = matchPresets({ iss, jwksUrl: jwksUrl.href, claims: token?.claims })
  const presets = matches.map(({ preset, entry, missing }) => ({
    entry: { ...entry, ...Object.fromEntries(missing.map((name) => [name, `<${name}>`])) },
    says: `the preset ${preset.name}`,
    preset: true,
  }))
  const audience = token === undefined ? '<audience>' : (token.claims.aud ?? false)
  const more = usable.every((alg) => ownAlgorithms.some((own) => own === alg)) ? {} : { algorithms: usable }
  const plain = { iss, ...(discovered ? {} : { jwks_url: jwksUrl.href }), audience, ...more }
  const says = 'no preset: these are plain settings'
  return [...presets, { entry: token === undefined ? plain : { ...plain, typ: [token.typ] }, says, preset: false }]
}

/** What an entry gives up, and what it says to a token; nothing is wrong without one. */
async function judge(
  entry: Readonly<Record<string, unknown>>,
  text: string | undefined,
  fetch: Fetch,
): Promise<{ accepted: boolean; lines: readonly string[] }> {
  const issuers = parseIssuers(JSON.stringify([entry]))
  const lines = explainIssuers(issuers).filter((line) => line.includes(' gives up'))
  if (text === undefined) return { accepted: true, lines }
  try {
    const { role, tenant } = await createVerifier(issuers, { fetch, allowPrivateNetwork: true }).verify(text)
    const says = `ACCEPTED: role ${role}, ${tenant === undefined ? 'no tenant' : `tenant ${tenant}`}`
    return { accepted: true, lines: [...lines, says] }
  } catch (error) {
    const cause = error instanceof Failure ? error.cause : undefined
    if (!(cause instanceof TokenRefusal)) throw error
    const setting = settingOf[cause.reason]
    const says = `REFUSED: ${cause.message}${setting === undefined ? '' : `; the setting is ${setting}`}`
    return { accepted: false, lines: [...lines, says] }
  }
}
