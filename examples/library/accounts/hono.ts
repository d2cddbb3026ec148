import { Hono } from 'hono'
import { issuer } from './issuer.ts'

export const app = new Hono()
app.use('/auth/*', async (c, next) => (await issuer.handle(c.req.raw)) ?? next())
