/**
 * Headers that keep a browser from doing more with an answer than it should.
 */
import { createMiddleware } from 'hono/factory'

const headers: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** Answers of the API are data: nothing in them may run or load. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"

/** Sets the headers; a route that serves a page has set its own Content-Security-Policy by then. */
export const securityHeaders = createMiddleware(async (c, next) => {
  await next()
  for (const [name, value] of Object.entries(headers)) c.header(name, value)
  if (!c.res.headers.has('Content-Security-Policy')) c.header('Content-Security-Policy', dataPolicy)
})
