/**
 * The API as a value: the same on Workers, on Node and in tests (`app.request(path, init, bindings)`).
 */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { requestId } from 'hono/request-id'
import { Failure } from 'rowpass'
import type { ApiEnv } from './app-env.ts'
import { toFailure } from './database.ts'
import { settingsOf } from './env.ts'
import { maxBodyBytes } from './input.ts'
import { onlyOwnHosts } from './middleware/only-own-hosts.ts'
import { securityHeaders } from './middleware/security-headers.ts'
import { renderProblem } from './problem.ts'
import { accountRoutes } from './routes/accounts.ts'
import { demoRoutes } from './routes/demo.ts'
import { jwksRoutes } from './routes/jwks.ts'
import { metadataRoutes, oauthRoutes } from './routes/oauth.ts'
import { openapiRoutes } from './routes/openapi.ts'
import { showcaseRoutes } from './routes/showcase.ts'
import { tenantRoutes } from './routes/tenants.ts'
import { userRoutes } from './routes/users.ts'

/**
 * The app. `app.fetch(request, bindings)` answers a request; hand it the same bindings object each time, it is parsed
 * once. No CORS: a page of another origin has no business with these answers until you say so.
 */
export const app = new Hono<ApiEnv>()
  .use(requestId())
  .use(securityHeaders)
  .use(async (c, next) => {
    c.set('settings', await settingsOf(c.env))
    await next()
  })
  .use(onlyOwnHosts)
  .route('/api', oauthRoutes)
  .use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => {
        throw new Failure('request_too_large', { detail: `The limit is ${maxBodyBytes} bytes.` })
      },
    }),
  )
  .route('/.well-known', jwksRoutes)
  .route('/.well-known', metadataRoutes)
  .route('/api/users', userRoutes)
  .route('/api/tenants', tenantRoutes)
  .route('/', openapiRoutes)
  .route('/', demoRoutes)
  .route('/demo', showcaseRoutes)
  .route('/api', accountRoutes)
  .notFound((c) => renderProblem(c, new Failure('path_unknown')))
  .onError((error, c) => renderProblem(c, toFailure(error)))
