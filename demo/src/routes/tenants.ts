/**
 * `/api/tenants`: the tenants whom the caller's policies let through, at most their own. No handler asks who they are.
 */
import { eq, getTableColumns, gt } from 'drizzle-orm'
import { Hono } from 'hono'
import { Failure } from 'rowpass'
import { insertable } from 'rowpass/policies'
import * as z from 'zod'
import type { CallerEnv } from '../app-env.ts'
import { tenants } from '../db/schema.ts'
import { id, name, parseBody, parseId, parsePage } from '../input.ts'
import { requireBearer } from '../middleware/require-bearer.ts'
import { toPage } from '../page.ts'

const newTenants = insertable(tenants, 'id', 'name')

/** Body of POST. */
export const newTenant = z.strictObject({ id, name })
/** Body of PATCH. */
export const tenantChanges = z.strictObject({ name })

/** GET and POST on the list, GET, PATCH and DELETE on one. */
export const tenantRoutes = new Hono<CallerEnv>()
  .use(requireBearer)
  .get('/', async (c) => {
    const { limit, after } = parsePage(c)
    const rows = await c
      .get('db')
      .select()
      .from(tenants)
      .where(after === undefined ? undefined : gt(tenants.id, after))
      .orderBy(tenants.id)
      .limit(limit + 1)
    const { items, next } = toPage(rows, limit)
    return c.json({ tenants: items, next })
  })
  .post('/', async (c) => {
    const body = await parseBody(c, newTenant)
    const [tenant] = await c.get('db').insert(newTenants).values(body).returning(getTableColumns(tenants))
    if (tenant === undefined) throw new Failure('policy_refused')
    return c.json(tenant, 201, { Location: `/api/tenants/${tenant.id}` })
  })
  .get('/:id', async (c) => {
    const [tenant] = await c
      .get('db')
      .select()
      .from(tenants)
      .where(eq(tenants.id, parseId(c)))
    if (tenant === undefined) throw new Failure('not_found')
    return c.json(tenant)
  })
  .patch('/:id', async (c) => {
    const tenantId = parseId(c)
    const body = await parseBody(c, tenantChanges)
    const [tenant] = await c.get('db').update(tenants).set(body).where(eq(tenants.id, tenantId)).returning()
    if (tenant === undefined) throw new Failure('not_found')
    return c.json(tenant)
  })
  .delete('/:id', async (c) => {
    const [tenant] = await c
      .get('db')
      .delete(tenants)
      .where(eq(tenants.id, parseId(c)))
      .returning({ id: tenants.id })
    if (tenant === undefined) throw new Failure('not_found')
    return c.body(null, 204)
  })
