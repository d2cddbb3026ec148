import { Pool } from '@neondatabase/serverless'
import { drizzle } from 'drizzle-orm/neon-serverless'

/** `db.transaction` works; so does every statement that the user of the connection string may run. */
export function connectWithPassword(connectionString: string) {
  return drizzle({ client: new Pool({ connectionString }) })
}
