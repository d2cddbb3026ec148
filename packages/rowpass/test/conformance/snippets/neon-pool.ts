import { Pool } from '@neondatabase/serverless'

/** Runs as the user of the connection string, with the transaction open between statements. */
export async function renameEverything(connectionString: string, names: ReadonlyMap<number, string>) {
  const pool = new Pool({ connectionString })
  const client = await pool.connect()
  try {
    await client.query('begin')
    for (const [id, name] of names) await client.query('update things set name = $2 where id = $1', [id, name])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
    await pool.end()
  }
}
