/**
 * `/.well-known/jwks.json`: the public keys, for every verifier.
 */
import { Hono } from 'hono'
import { etag } from 'hono/etag'
import type { ApiEnv } from '../app-env.ts'

/** GET, with ETag and 304. Needs no token; the document holds no private member by construction (`toPublicJwk`). */
export const jwksRoutes = new Hono<ApiEnv>().get('/jwks.json', etag(), async (c) => {
  const { keys, maxAgeSeconds } = await c.get('settings').keys.jwks()
  return c.body(JSON.stringify({ keys }), 200, {
    'Content-Type': 'application/jwk-set+json',
    'Cache-Control': `public, max-age=${maxAgeSeconds}`,
  })
})
