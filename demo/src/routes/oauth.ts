/**
 * The endpoints of OAuth: `POST /api/token`, `/api/revoke`, `/api/introspect`, and the metadata at its two paths.
 */
import { type Context, Hono } from 'hono'
import type { ApiEnv } from '../app-env.ts'
import { toFailure } from '../database.ts'
import { type IssuingEnv, onlyWhereIssuing } from '../issuing.ts'
import { renderProblem } from '../problem.ts'

const endpoints = new Hono<IssuingEnv>()
  .post('/token', onlyWhereIssuing, (c) => c.get('issuing').issuer.token(c.req.raw, { address: c.get('address') }))
  .post('/revoke', onlyWhereIssuing, (c) => c.get('issuing').issuer.revoke(c.req.raw))
  .post('/introspect', onlyWhereIssuing, (c) => c.get('issuing').issuer.introspect(c.req.raw))

/**
 * Errors are those of RFC 6749 §5.2. What fails inside has the members of a problem document beside them.
 *
 * The issuer reads the bodies within a limit of its own, and refuses larger ones in the words of the RFC.
 */
export const oauthRoutes = new Hono<ApiEnv>()
  .onError(async (error, c) => {
    const failure = toFailure(error)
    const problem = renderProblem(c, failure)
    const { status, headers } = problem
    if (status < 500) return problem
    const members = (await problem.json()) as object // our own, see `problem.ts`
    headers.set('Content-Type', 'application/json')
    const code = status === 500 ? 'server_error' : 'temporarily_unavailable'
    const body = JSON.stringify({ error: code, error_description: failure.spec.says, ...members })
    return new Response(body, { status, headers })
  })
  .route('/', endpoints)

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
