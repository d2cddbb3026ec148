/**
 * Takes the bearer token from the request and opens the database with it.
 */
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { Failure } from 'rowpass'
import type { CallerEnv } from '../app-env.ts'
import { connectAs } from '../database.ts'
import { addReason, recordStatements } from '../why.ts'

/**
 * Sets `db` to the caller's database.
 *
 * Reads only the header, never the query string or a cookie (RFC 6750 §2). Does NOT verify the token where a gateway does,
 * with each statement: an API that did it too could only disagree.
 *
 * @throws Failure `token_missing`; `token_invalid` when the text cannot be a token; `request_invalid` for two headers; where
 *   this API seals, those of `connectAs`
 */
export const requireBearer = createMiddleware<CallerEnv>(async (c, next) => {
  const token = readBearer(c)
  const settings = c.get('settings')
  const statements = settings.why && recordStatements()
  c.set('db', await connectAs(token, settings, statements))
  await next()
  if (settings.why && statements) await addReason(c, settings.why, token, statements)
  c.header('Cache-Control', 'no-store')
})

/**
 * The bearer token of a request.
 *
 * @throws as {@link requireBearer}
 */
export function readBearer(c: Context): string {
  const header = c.req.header('Authorization')
  if (header === undefined || !/^bearer( |$)/i.test(header)) throw new Failure('token_missing')
  // Two headers arrive joined by a comma, which no token contains.
  if (header.includes(',')) throw new Failure('request_invalid', { detail: 'More than one bearer token was sent.' })
  const token = /^bearer +([\w.~+/-]+=*) *$/i.exec(header)?.[1]
  if (token === undefined) throw new Failure('token_invalid')
  return token
}
