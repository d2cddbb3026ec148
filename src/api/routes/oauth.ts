/**
 * The endpoints of OAuth: `POST /api/token`, `/api/revoke`, `/api/introspect`, and the metadata at its two paths.
 */
import { type Context, Hono } from 'hono'
import { type IssuingEnv, onlyWhereIssuing } from '../issuing.ts'

/** Errors are those of RFC 6749 §5.2, and no problem documents. */
export const oauthRoutes = new Hono<IssuingEnv>()
  .post('/token', onlyWhereIssuing, (c) => c.get('issuing').issuer.token(c.req.raw, { address: c.get('address') }))
  .post('/revoke', onlyWhereIssuing, (c) => c.get('issuing').issuer.revoke(c.req.raw))
  .post('/introspect', onlyWhereIssuing, (c) => c.get('issuing').issuer.introspect(c.req.raw))

/**
 * RFC 8414 §3.1, and where OpenID clients look. Both are served at the root of the API; an issuer with a path has its
 * proxy map `/.well-known/oauth-authorization-server/<path>` to it.
 */
export const metadataRoutes = new Hono<IssuingEnv>()
  .get('/oauth-authorization-server', onlyWhereIssuing, serveMetadata)
  .get('/openid-configuration', onlyWhereIssuing, serveMetadata)

async function serveMetadata(c: Context<IssuingEnv>): Promise<Response> {
  return c.json(await c.get('issuing').issuer.metadata())
}
