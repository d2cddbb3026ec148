import { neon } from '@neondatabase/serverless'

/** Runs as the bearer of the token. A function in place of the token is asked again before every request. */
export async function whoAmI(connectionString: string, authToken: string | (() => Promise<string>)) {
  const sql = neon(connectionString, { authToken })
  const [row] = await sql`select auth.user_id() as id`
  return row?.id
}
