/**
 * The metadata document (RFC 8414), which also serves where OpenID clients look for one.
 */
import { grants } from './grant-types.ts'
import type { IssuerContext } from './token-response.ts'

/** The document, in the words of the RFC. */
export type Metadata = Readonly<Record<string, string | readonly string[]>>

/** Where the endpoints are, below the issuer; each begins with a slash. */
export interface IssuerPaths {
  readonly token: string
  readonly revoke: string
  readonly introspect: string
  readonly jwks: string
}

/** Where the API of Rowpass has them. */
export const defaultPaths: IssuerPaths = {
  token: '/api/token',
  revoke: '/api/revoke',
  introspect: '/api/introspect',
  jwks: '/.well-known/jwks.json',
}

const withSecret = ['client_secret_basic', 'client_secret_post']

/**
 * Writes the document. Every URL in it is below the issuer.
 *
 * There is no authorization endpoint, so no response type; the two members of OpenID Discovery that follow are what its
 * clients insist on before they read `jwks_uri`. No ID tokens are issued.
 */
export async function writeMetadata(
  { issuer, keys }: Pick<IssuerContext, 'issuer' | 'keys'>,
  paths: IssuerPaths,
): Promise<Metadata> {
  const { keys: published } = await keys.jwks()
  return {
    issuer,
    token_endpoint: `${issuer}${paths.token}`,
    token_endpoint_auth_methods_supported: [...withSecret, 'none'],
    revocation_endpoint: `${issuer}${paths.revoke}`,
    revocation_endpoint_auth_methods_supported: [...withSecret, 'none'],
    introspection_endpoint: `${issuer}${paths.introspect}`,
    introspection_endpoint_auth_methods_supported: withSecret,
    jwks_uri: `${issuer}${paths.jwks}`,
    grant_types_supported: Object.keys(grants),
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(published.map(({ alg }) => alg))],
  }
}
