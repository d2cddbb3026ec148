// Stands in for psql where a page runs it: psql [-q] URL -f FILE…; any error ends it, as ON_ERROR_STOP does.
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import pg from 'pg'

const { values, positionals } = parseArgs({
  options: { quiet: { type: 'boolean', short: 'q' }, file: { type: 'string', short: 'f', multiple: true } },
  allowPositionals: true,
})
const client = new pg.Client({ connectionString: positionals[0] })
await client.connect()
try {
  for (const file of values.file ?? []) await client.query(readFileSync(file, 'utf8'))
} catch (error) {
  console.error(`psql: ${error.message}`)
  process.exitCode = 3
} finally {
  await client.end()
}
