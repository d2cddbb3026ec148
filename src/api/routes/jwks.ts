/**
 * `/.well-known/jwks.json`: the public keys, for every verifier.
 */
import { Hono } from 'hono'
import { etag } from 'hono/etag'
import type { ApiEnv } from '../app-env.ts'

/**
 * Seconds for which a verifier may keep the key set. A new key is published at least this long before it signs, so
 * this number and the one the key rotation waits are the same.
 */
export const jwksMaxAgeSeconds = 300

/** GET, with ETag and 304. Needs no token; the document holds no private member by construction (`toPublicJwk`). */
export const jwksRoutes = new Hono<ApiEnv>().get('/jwks.json', etag(), (c) =>
  c.body(JSON.stringify(c.get('settings').jwks), 200, {
    'Content-Type': 'application/jwk-set+json',
    'Cache-Control': `public, max-age=${jwksMaxAgeSeconds}`,
  }),
)
