/**
 * Accounts of people: `/api/sign-up`, `/api/password`, `/api/invites`, `/api/sign-out`.
 */
import { Hono } from 'hono'
import * as z from 'zod'
import { id, name, parseBody } from '../input.ts'
import { type IssuingEnv, onlyWhereIssuing, onlyWithDelivery, requirePerson, type SignedInEnv } from '../issuing.ts'

const password = z.string().max(1024)
const email = z.string().max(254).pipe(z.email())
// Not folded before it is looked at: U+212A would become a "k".
/** Body of POST /api/sign-up. */
export const signUp = z.strictObject({ email: z.string().trim().pipe(email), name, tenantName: name })
/** Body of POST /api/password/reset. */
export const reset = z.strictObject({ email: z.string().trim().max(254) })
/** Body of POST /api/password. */
export const accept = z.strictObject({ token: z.string().max(64), password })
/** Body of PUT /api/password. */
export const change = z.strictObject({ currentPassword: password, password })
/** Body of POST /api/invites. */
export const invite = z.strictObject({ userId: id })
/** Body of POST /api/sign-out. */
export const signOut = z.strictObject({ everywhere: z.boolean().optional(), userId: id.optional() })

/** The check goes with each route: this app is mounted at `/api`, where paths are that are none of its own. */
const signedIn = new Hono<SignedInEnv>()
  .put('/password', onlyWhereIssuing, requirePerson, async (c) => {
    const { currentPassword, password } = await parseBody(c, change)
    await c.get('issuing').accounts.changePassword(c.get('by'), currentPassword, password, c.get('address'))
    return c.body(null, 204)
  })
  .post('/invites', onlyWhereIssuing, requirePerson, onlyWithDelivery, async (c) => {
    const { userId } = await parseBody(c, invite)
    await c.get('issuing').accounts.invite(c.get('by'), userId)
    return c.body(null, 202)
  })
  .post('/sign-out', onlyWhereIssuing, requirePerson, async (c) => {
    const { everywhere, userId } = await parseBody(c, signOut)
    const { accounts } = c.get('issuing')
    if (userId !== undefined) await accounts.signOutPerson(c.get('by'), userId)
    else if (everywhere === true) await accounts.signOutEverywhere(c.get('by'))
    else await accounts.signOut(c.get('by'))
    return c.body(null, 204)
  })

/** What needs no token is answered the same whether or not there is an account. */
export const accountRoutes = new Hono<IssuingEnv>()
  .post('/sign-up', onlyWhereIssuing, onlyWithDelivery, async (c) => {
    await c.get('issuing').accounts.signUp(await parseBody(c, signUp), c.get('address'))
    return c.body(null, 202)
  })
  .post('/password/reset', onlyWhereIssuing, onlyWithDelivery, async (c) => {
    const { email } = await parseBody(c, reset)
    await c.get('issuing').accounts.requestReset(email, c.get('address'))
    return c.body(null, 202)
  })
  .post('/password', onlyWhereIssuing, async (c) => {
    const { token, password } = await parseBody(c, accept)
    await c.get('issuing').accounts.acceptInvite(token, password, c.get('address'))
    return c.body(null, 204)
  })
  .route('/', signedIn)
