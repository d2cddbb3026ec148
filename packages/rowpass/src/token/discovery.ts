/** Where an issuer says that its keys are: OpenID Connect Discovery 1.0 §4, and RFC 8414 §3. */
import { assertJwksUrl, isNearer } from './jwks-url.ts'
import { KeySetError } from './key-set.ts'

/** What the metadata of an issuer says. */
export interface Discovered {
  readonly jwksUrl: URL
  /** Where it says so. */
  readonly metadataUrl: URL
}

/**
 * Where the metadata of an issuer may be: behind its path for OpenID Connect, in front of it for RFC 8414.
 *
 * @param iss a URL
 */
export function metadataUrls(iss: string): readonly URL[] {
  const { origin, pathname } = new URL(iss)
  const path = pathname.replace(/\/$/, '')
  return [
    new URL(`${origin}${path}/.well-known/openid-configuration`),
    new URL(`${origin}/.well-known/oauth-authorization-server${path}`),
  ]
}

/**
 * Asks an issuer where its keys are.
 *
 * Believes only metadata whose `issuer` is `iss`, character by character, and no address that is nearer to the gateway than
 * the issuer itself: a public issuer cannot send it into a private network, or to loopback.
 *
 * @throws KeySetError `discovery`, and what `get` throws
 */
export async function discoverJwksUrl(
  iss: string,
  options: { readonly allowPrivateNetwork?: boolean | undefined },
  get: (url: URL) => Promise<Uint8Array>,
): Promise<Discovered> {
  for (const metadataUrl of metadataUrls(iss)) {
    const body = await get(metadataUrl).catch((error: unknown) => {
      if (error instanceof KeySetError && error.reason === 'status') return undefined
      throw error
    })
    if (body === undefined) continue
    return { metadataUrl, jwksUrl: jwksUrlOf(parse(body, metadataUrl), { iss, metadataUrl, ...options }) }
  }
  const places = metadataUrls(iss).map(({ href }) => href)
  throw new KeySetError('discovery', `there is no metadata at ${places.join(' or ')}: set jwks_url`)
}

function parse(body: Uint8Array, from: URL): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw new KeySetError('discovery', `${from.href} is not JSON metadata: set jwks_url`)
}

function jwksUrlOf(
  { issuer, jwks_uri: uri }: Readonly<Record<string, unknown>>,
  about: { readonly iss: string; readonly metadataUrl: URL; readonly allowPrivateNetwork?: boolean | undefined },
): URL {
  const from = about.metadataUrl.href
  if (issuer !== about.iss) {
    const other = typeof issuer === 'string' ? JSON.stringify(issuer.slice(0, 255)) : 'none'
    throw new KeySetError('discovery', `the metadata at ${from} is of the issuer ${other}, and not of ${about.iss}`)
  }
  if (typeof uri !== 'string' || !URL.canParse(uri)) {
    throw new KeySetError('discovery', `the metadata at ${from} has no jwks_uri`)
  }
  const url = new URL(uri)
  try {
    assertJwksUrl(url, { allowPrivateNetwork: about.allowPrivateNetwork ?? false })
  } catch (cause) {
    const says = cause instanceof TypeError ? cause.message : 'is wrong'
    throw new KeySetError('discovery', `the jwks_uri at ${from} is refused: ${says}`, { cause })
  }
  if (isNearer(url, new URL(about.iss))) {
    throw new KeySetError(
      'discovery',
      `the jwks_uri at ${from} leads to ${url.hostname}, which is nearer than the issuer`,
    )
  }
  return url
}
