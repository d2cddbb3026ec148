/**
 * `/api/users`: the people whom the caller's policies let through. No handler asks who the caller is.
 */
import { eq, getTableColumns, gt } from 'drizzle-orm'
import { Hono } from 'hono'
import { Failure } from 'rowpass'
import { insertable } from 'rowpass/policies'
import * as z from 'zod'
import type { CallerEnv } from '../app-env.ts'
import { users } from '../db/schema.ts'
import { id, name, parseBody, parseId, parsePage } from '../input.ts'
import { forgetPerson } from '../issuing.ts'
import { requireBearer } from '../middleware/require-bearer.ts'
import { toPage } from '../page.ts'

/** `id` and `created_at` come from the database. */
const newUsers = insertable(users, 'tenantId', 'email', 'name', 'role')

/** Body of POST. */
export const newUser = z.strictObject({
  tenantId: id,
  // Folded after it is looked at: U+212A would become a "k".
  email: z
    .string()
    .trim()
    .max(254)
    .pipe(z.email())
    .transform((text) => text.toLowerCase()),
  name,
  role: z.enum(['member', 'admin']).default('member'),
})

/** Body of PATCH. */
export const userChanges = z.strictObject({ name })

/** GET and POST on the list, GET, PATCH and DELETE on one. */
export const userRoutes = new Hono<CallerEnv>()
  .use(requireBearer)
  .get('/', async (c) => {
    const { limit, after } = parsePage(c)
    const rows = await c
      .get('db')
      .select()
      .from(users)
      .where(after === undefined ? undefined : gt(users.id, after))
      .orderBy(users.id)
      .limit(limit + 1)
    const { items, next } = toPage(rows, limit)
    return c.json({ users: items, next })
  })
  .post('/', async (c) => {
    const body = await parseBody(c, newUser)
    const [user] = await c.get('db').insert(newUsers).values(body).returning(getTableColumns(users))
    if (user === undefined) throw new Failure('policy_refused')
    return c.json(user, 201, { Location: `/api/users/${user.id}` })
  })
  .get('/:id', async (c) => {
    const [user] = await c
      .get('db')
      .select()
      .from(users)
      .where(eq(users.id, parseId(c)))
    if (user === undefined) throw new Failure('not_found')
    return c.json(user)
  })
  .patch('/:id', async (c) => {
    const userId = parseId(c)
    const body = await parseBody(c, userChanges)
    const [user] = await c.get('db').update(users).set(body).where(eq(users.id, userId)).returning()
    // A row that the policies hide is answered like one that is not there: the difference would tell that it is.
    if (user === undefined) throw new Failure('not_found')
    return c.json(user)
  })
  .delete('/:id', async (c) => {
    const [user] = await c
      .get('db')
      .delete(users)
      .where(eq(users.id, parseId(c)))
      .returning({ id: users.id })
    if (user === undefined) throw new Failure('not_found')
    await forgetPerson(c.get('settings'), user.id)
    return c.body(null, 204)
  })
