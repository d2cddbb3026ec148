/**
 * Starts an embedded PostgreSQL in a process of its own, for tests that kill that process.
 */
import { startEmbeddedPostgres } from '../../../local/src/postgres/embedded.ts'

try {
  await startEmbeddedPostgres({ directory: process.argv[2]!, durable: false })
  console.log('started')
  setInterval(() => undefined, 60_000)
} catch (error) {
  console.log(error)
}
