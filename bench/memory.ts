/**
 * `npm run bench:memory`: what one SELECT takes of the server's memory, without a limit and with the usual one.
 */
import { readFileSync, rmSync } from 'node:fs'
import { defaultMemoryMb, startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { makeScratch } from './scratch.ts'

const statements = {
  'array_agg(g)::text of 50 million': 'select length(array_agg(g)::text) from generate_series(1, 50000000) g',
  "string_agg(repeat('x', 1000), '') of 1 million": `select length(string_agg(repeat('x', 1000), '')) from generate_series(1, 1000000)`,
  "repeat('x', 1000000000)": `select length(repeat('x', 1000000000))`,
  'a text that a recursive query doubles': `with recursive t(x) as (select repeat('x', 8) union all select x || x from t
    where length(x) < 500000000) select max(length(x)) from t`,
}

for (const memoryMb of [0, defaultMemoryMb]) {
  const directory = makeScratch('rowpass-memory')
  const server = await startEmbeddedPostgres({ directory, durable: false, memoryMb })
  console.log(memoryMb === 0 ? '\nwithout a limit' : `\nwith ${memoryMb} MB`)
  for (const [name, sql] of Object.entries(statements)) {
    await withConnection(server.superuserUrl, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const started = performance.now()
      const outcome = await client.query(sql).then(
        () => 'done',
        (error: { code?: string }) => String(error.code),
      )
      const seconds = (performance.now() - started) / 1000
      const status = readFileSync(`/proc/${rows[0]?.pid}/status`, 'utf8')
      const peakMb = Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024)
      console.log(
        `${name.padEnd(48)} ${outcome.padEnd(6)} ${String(peakMb).padStart(5)} MB ${seconds.toFixed(1).padStart(6)} s`,
      )
    })
  }
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}
