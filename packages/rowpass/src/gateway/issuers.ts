/**
 * Reads the list of trusted issuers from configuration.
 */
import { z } from 'zod'
import { type Algorithm, algorithms, isAlgorithm } from '../token/algorithms.ts'
import type { TrustedIssuer } from '../token/issuer-config.ts'

const algorithm = z.custom<Algorithm>(isAlgorithm, `is not one of ${Object.keys(algorithms).join(', ')}`)

/** A dot would end the role in a seal; everything else of PostgreSQL's unquoted names is allowed. */
const role = z.string().regex(/^[a-z_][a-z0-9_$]{0,62}$/, 'is not a lower-case role name')

const issuer = z.strictObject({
  iss: z.string().min(1).max(255),
  jwks_url: z.url({ protocol: /^https?$/ }),
  audience: z.string().min(1).max(255),
  algorithms: z.array(algorithm).min(1).default(['ES256', 'RS256', 'PS256', 'EdDSA']),
  role: role.default('authenticated'),
  role_claim: z.string().min(1).optional(),
  roles: z.array(role).default([]),
  max_ttl_seconds: z.int().min(1).max(86_400).default(3_600),
  typ: z.array(z.string()).min(1).default(['at+jwt']),
})

const issuers = z.array(issuer).min(1)

/**
 * Parses a JSON array of issuers.
 *
 * Each has `iss`, `jwks_url`, `audience`, and optionally `algorithms`, `role` (default `authenticated`), `role_claim`
 * with `roles` (the values that the claim may have), `max_ttl_seconds` (default 3600), `typ` (default `["at+jwt"]`).
 * @throws TypeError that lists every problem
 */
export function parseIssuers(text: string): readonly TrustedIssuer[] {
  const parsed = issuers.safeParse(parseJson(text))
  if (!parsed.success) throw new TypeError(`is wrong: ${describe(parsed.error)}`)
  const seen = new Set(parsed.data.map(({ iss }) => iss))
  if (seen.size < parsed.data.length) throw new TypeError('names an issuer twice')
  return parsed.data.map(toTrustedIssuer)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError('is not JSON')
  }
}

function describe(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.') || 'the list'}: ${message}`).join('; ')
}

function toTrustedIssuer(given: z.output<typeof issuer>): TrustedIssuer {
  return {
    iss: given.iss,
    jwksUrl: new URL(given.jwks_url),
    audience: given.audience,
    algorithms: given.algorithms,
    role: given.role,
    ...(given.role_claim === undefined ? {} : { roleClaim: given.role_claim }),
    roles: given.roles,
    maxTtlSeconds: given.max_ttl_seconds,
    typ: given.typ,
  }
}
