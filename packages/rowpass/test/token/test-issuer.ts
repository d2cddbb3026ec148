/** An issuer for tests: a real HTTP server for its keys, and a hand to sign anything at all. */
import { createHash, createPrivateKey, generateKeyPairSync, randomUUID, sign as signBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'
import type { RowpassEvent } from '../../src/events.ts'
import { type AcceptedAlgorithm, algorithms, isAlgorithm } from '../../src/token/algorithms.ts'
import type { IssuerSettings } from '../../src/token/issuer-settings.ts'
import { toJwks } from '../../src/token/jwks.ts'
import { type Algorithm, type GeneratedKey, generateKey } from '../../src/token/key.ts'
import { createVerifier, type Verifier, type VerifierOptions } from '../../src/token/verifier.ts'

/** The time of every test, in milliseconds: 2027-01-15T08:00:00Z. */
export const nowMs = 1_800_000_000_000
export const NOW = nowMs / 1000

export const ISS = 'https://issuer.test'
export const TENANT = 'f330c503-5e9c-46a7-8393-2995aeb03675'

export type Claims = Record<string, unknown>

export const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
export const b64 = (value: string | Uint8Array) => Buffer.from(value as string).toString('base64url')

/** The claims of a valid token. */
export function validClaims(): Claims {
  return {
    iss: ISS,
    aud: 'rowpass',
    sub: 'david',
    client_id: 'test',
    iat: NOW,
    exp: NOW + 900,
    jti: 'token-1',
    tenant_id: TENANT,
    role: 'member',
  }
}

/** Signs two given parts, whatever they are, with a private JWK. */
export function signParts(header: string, payload: string, privateJwk: JWK, alg: string): string {
  const input = `${header}.${payload}`
  const key = createPrivateKey({ key: privateJwk as never, format: 'jwk' })
  if (alg === 'EdDSA') return `${input}.${b64(signBytes(null, Buffer.from(input), key))}`
  const bits = alg.slice(2)
  const options = alg.startsWith('PS')
    ? { key, padding: 6, saltLength: Number(bits) / 8 }
    : { key, dsaEncoding: 'ieee-p1363' as const }
  return `${input}.${b64(signBytes(`sha${bits}`, Buffer.from(input), options))}`
}

/** Signs a header and a payload; texts are taken as they are. */
export function forge(key: GeneratedKey, header: Claims | string, payload: Claims | string): string {
  const text = (value: Claims | string) => (typeof value === 'string' ? value : JSON.stringify(value))
  return signParts(b64(text(header)), b64(text(payload)), key.privateJwk, key.alg)
}

/** A valid token, but for what the two changes make of it. A member changed to undefined is left out. */
export function tokenOf(key: GeneratedKey, claims: Claims = {}, header: Claims = {}): string {
  return forge(key, { alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header }, { ...validClaims(), ...claims })
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface TestServer {
  readonly url: URL
  /** The paths that were asked for. */
  readonly requests: string[]
  /** Replaces what the server does. */
  answer(handler: Handler): void
  close(): Promise<void>
}

export async function startServer(first: Handler): Promise<TestServer> {
  let handler = first
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    handler(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`)
  return {
    url,
    requests,
    answer(next) {
      handler = next
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Answers with a set of keys, or with any other JSON. */
export function publish(keys: readonly GeneratedKey[] | unknown, headers: Record<string, string> = {}): Handler {
  const body = Array.isArray(keys) ? toJwks(keys.map(({ publicJwk }) => publicJwk)) : keys
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/jwk-set+json', ...headers }).end(JSON.stringify(body))
  }
}

export const refuseAll: Handler = (_, response) => {
  response.writeHead(503).end()
}

export interface TestVerifier extends Verifier {
  readonly events: RowpassEvent[]
  /** The time, to be moved by hand. */
  readonly clock: { ms: number }
}

export function trusted(jwksUrl: URL, change: Partial<IssuerSettings> = {}): IssuerSettings {
  return {
    iss: ISS,
    jwksUrl,
    audience: 'rowpass',
    algorithms: ['ES256'],
    ...change,
  }
}

export function verifierOf(issuers: readonly IssuerSettings[], options: Partial<VerifierOptions> = {}): TestVerifier {
  const clock = { ms: nowMs }
  const events: RowpassEvent[] = []
  const verifier = createVerifier(issuers, { sha256, now: () => clock.ms, emit: (e) => events.push(e), ...options })
  return { ...verifier, events, clock }
}

/** The code for the client and the reason for the log, of a token that must be refused. */
export async function refusalOf(verifier: Verifier, token: string): Promise<{ code: string; reason: string }> {
  try {
    await verifier.verify(token)
  } catch (error) {
    const { name, code, cause } = error as { name: string; code: string; cause?: { reason?: string } }
    if (name !== 'Failure') throw error
    return { code, reason: cause?.reason ?? 'none' }
  }
  throw new Error('the token was accepted')
}

const made = new Map<string, Promise<GeneratedKey>>()

/** A key that is made once for each name. */
export function keyNamed(name: string, alg: AcceptedAlgorithm = 'ES256'): Promise<GeneratedKey> {
  const known = made.get(name) ?? (isAlgorithm(alg) ? generateKey(alg) : Promise.resolve(foreignKey(alg)))
  made.set(name, known)
  return known
}

/** A key of an algorithm that is accepted where it is listed, and that Rowpass itself does not sign with. */
function foreignKey(alg: Exclude<AcceptedAlgorithm, Algorithm>): GeneratedKey {
  const { privateKey, publicKey } = alg.startsWith('ES')
    ? generateKeyPairSync('ec', { namedCurve: algorithms[alg].crv as string })
    : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const kid = randomUUID()
  const [privateJwk, publicJwk] = [privateKey, publicKey].map((half) => ({
    ...half.export({ format: 'jwk' }),
    use: 'sig',
    alg,
    kid,
  }))
  return { kid, alg, privateJwk, publicJwk } as unknown as GeneratedKey
}
