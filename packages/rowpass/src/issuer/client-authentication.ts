/**
 * Finds out which client asks (RFC 6749 §2.3): `client_secret_basic`, `client_secret_post`, or `client_id` alone for a
 * public client.
 */
import { OAuthError } from './oauth-error.ts'
import type { Parameters } from './parameters.ts'
import { hashSecret, sameHash } from './secret.ts'
import type { Client, IssuerStore } from './store.ts'

const nobody = '0'.repeat(64)

/**
 * Authenticates the client of a request.
 *
 * Does NOT ask what it may do.
 *
 * @throws OAuthError `invalid_client` for an unknown client, a wrong secret, none where there has to be one, or one
 *   where there is none; `invalid_request` when it authenticates in two ways or not at all
 */
export async function authenticateClient(
  request: Request,
  parameters: Parameters,
  store: Pick<IssuerStore, 'findClient'>,
): Promise<Client> {
  const { clientId, secret } = readCredentials(request.headers.get('Authorization'), parameters)
  const client = /^[\w.-]{1,64}$/.test(clientId) ? await store.findClient(clientId) : undefined
  const given = await hashSecret(secret ?? '')
  const expected = client?.secretHash ?? nobody
  const proven = client?.secretHash === undefined ? secret === undefined : sameHash(given, expected)
  if (client === undefined || !proven) throw refused()
  return client
}

function readCredentials(
  header: string | null,
  parameters: Parameters,
): { clientId: string; secret: string | undefined } {
  const named = parameters.get('client_id')
  const posted = parameters.get('client_secret')
  if (header === null) {
    if (named === undefined) throw new OAuthError('invalid_client', 'The client does not say who it is')
    return { clientId: named, secret: posted }
  }
  if (posted !== undefined) throw new OAuthError('invalid_request', 'The client authenticates in two ways')
  const basic = readBasic(header)
  if (named !== undefined && named !== basic.clientId) {
    throw new OAuthError('invalid_request', 'The client is named twice, and differently')
  }
  return basic
}

/** RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
function readBasic(header: string): { clientId: string; secret: string | undefined } {
  const encoded = /^basic +([\w+/]+=*) *$/i.exec(header)?.[1]
  if (encoded === undefined) throw refused()
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
    const [clientId = '', secret, ...rest] = new TextDecoder('utf-8', { fatal: true }).decode(bytes).split(':')
    if (secret === undefined || rest.length > 0) throw refused()
    const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))
    return { clientId: decode(clientId), secret: decode(secret) || undefined }
  } catch {
    throw refused()
  }
}

function refused(): OAuthError {
  return new OAuthError('invalid_client', 'The client is unknown or has not authenticated')
}
