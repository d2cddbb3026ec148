import { neon } from '@neondatabase/serverless'
import { drizzle } from 'drizzle-orm/neon-http'

/** Every statement, those of `db.batch` too, runs as the bearer of the token. */
export function connectWithToken(connectionString: string, authToken: string) {
  return drizzle({ client: neon(connectionString, { authToken }) })
}
