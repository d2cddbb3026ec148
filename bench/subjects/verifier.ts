/** The verifier that the gateway uses, with its cache, so that no subject is ahead by a slower or faster one. */
import { createHash } from 'node:crypto'
import { createVerifier, type Verifier } from '../../packages/rowpass/src/token/verifier.ts'
import type { Scene } from '../scene.ts'

/** Makes one for the issuer of the benchmark. */
export function createBenchVerifier({ iss, jwksUrl, audience }: Scene['issuer']): Verifier {
  const trusted = {
    iss,
    jwksUrl: new URL(jwksUrl),
    audience,
    algorithms: ['ES256'] as const,
    role: 'authenticated',
    roles: [],
    maxTtlSeconds: 86_400,
    typ: ['at+jwt'],
  }
  return createVerifier([trusted], {
    sha256: (text) => createHash('sha256').update(text).digest('base64'),
    allowPrivateNetwork: true,
  })
}
