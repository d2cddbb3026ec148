/**
 * What `DEMO=true` adds: a sign-in that asks for no password, and the page that shows it. Elsewhere none of it exists.
 */
import { type Context, Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { Failure } from 'rowpass'
import { defaultTtlSeconds, issueToken } from 'rowpass/issuer'
import * as z from 'zod'
import type { ApiEnv } from '../app-env.ts'
import type { Settings } from '../env.ts'
import { id, parseQuery } from '../input.ts'
import { ownClaimsOf } from '../issuing.ts'
import { findPersona, personas } from '../personas.ts'

/** What the paths of DEMO find in their context. */
export interface DemoEnv extends ApiEnv {
  Variables: ApiEnv['Variables'] & { demo: NonNullable<Settings['demo']> }
}

/** Elsewhere these paths do not exist. */
export const onlyInDemo = createMiddleware<DemoEnv>(async (c, next) => {
  const { demo } = c.get('settings')
  if (demo === undefined) throw new Failure('path_unknown')
  c.set('demo', demo)
  await next()
})

/** Query of GET /api/token, besides `as`. */
export const signingIn = z.object({ sid: id.optional(), expired: z.literal('true').optional() })

/**
 * Signs in the seeded person named by `?as=` (id or e-mail address; David when absent). `?sid=` goes on with a session, as a
 * refresh would; `?expired=true` gives a token whose time is over, to see what becomes of it.
 */
async function signIn(c: Context<DemoEnv>): Promise<Response> {
  const as = c.req.query('as')
  const persona = as === undefined ? personas[0] : findPersona(as)
  // RFC 6749 §5.1: no cache may keep a token.
  c.header('Cache-Control', 'no-store')
  c.header('Pragma', 'no-cache')
  if (persona === undefined) {
    return c.json({ error: 'invalid_grant', error_description: 'No seeded person has this id or e-mail address' }, 400)
  }
  const settings = c.get('settings')
  const { issuer, audience, keys } = settings
  const { id: userId, tenantId, role } = persona
  const { sid = crypto.randomUUID(), expired } = parseQuery(c, signingIn)
  const agoMs = expired === undefined ? 0 : 2 * defaultTtlSeconds * 1000
  const own = await ownClaimsOf(settings, { userId, tenantId, role })
  const token = await issueToken(
    await keys.signingKey(defaultTtlSeconds),
    {
      issuer,
      audience,
      subject: userId,
      clientId: 'rowpass-demo',
      claims: { ...own, tenant_id: tenantId, role, sid },
      ttlSeconds: defaultTtlSeconds,
    },
    { now: () => Date.now() - agoMs },
  )
  return c.json({ access_token: token, token_type: 'Bearer', expires_in: defaultTtlSeconds })
}

/** The page runs its own scripts and styles, talks to its own origin, and turns no text into markup. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

async function servePage(c: Context<DemoEnv>): Promise<Response> {
  const file = await c.get('demo').assets?.fetch(c.req.raw)
  if (file === undefined || file.status === 404) throw new Failure('path_unknown')
  c.header('Content-Security-Policy', pagePolicy)
  return c.newResponse(file.body, file)
}

/** GET /api/token and its alias of the Neon demo, /token; GET /api/personas; the page at /. */
export const demoRoutes = new Hono<DemoEnv>()
  .get('/api/token', onlyInDemo, signIn)
  .get('/token', onlyInDemo, signIn)
  .get('/api/personas', onlyInDemo, (c) => c.json({ personas }))
  .get('/', onlyInDemo, servePage)
  .get('/docs', onlyInDemo, servePage)
  .get('/:file{[a-z][a-z0-9-]*\\.(css|js|svg)}', onlyInDemo, servePage)
