/**
 * Entry point on Cloudflare Workers.
 */
import { app } from './app.ts'

export default app
