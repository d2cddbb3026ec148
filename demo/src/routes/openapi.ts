/**
 * `/openapi.json`: the API in the words of OpenAPI 3.1, for clients and for the page at `/docs`.
 */
import { Hono } from 'hono'
import type { ApiEnv } from '../app-env.ts'
import { describeApi } from '../openapi.ts'

/** GET. Needs no token: it tells what paths there are here, and nothing of rows. */
export const openapiRoutes = new Hono<ApiEnv>().get('/openapi.json', (c) =>
  c.json(describeApi(new URL(c.req.url).origin, c.get('settings').demo !== undefined), 200, {
    'Cache-Control': 'no-cache',
  }),
)
