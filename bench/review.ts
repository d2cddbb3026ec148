/**
 * `npm run bench:review`: how long `rowpass review` takes for a change of a large database.
 *
 * npm run bench:review -- [--tables 200] [--rows 1000000] [--write]
 * With --write the figures go into docs/review.md.
 */
import { rmSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { reviewChange } from '../packages/rowpass/src/review/review.ts'
import { openScratchServer } from '../packages/rowpass/src/scratch/server.ts'
import { goOn } from '../packages/rowpass/src/scratch/states.ts'
import { replaceSection, toTable } from './document.ts'
import { buildShop, shopPeople } from './matrix/shop.ts'
import { makeScratch } from './scratch.ts'

const { values } = parseArgs({
  options: {
    tables: { type: 'string', default: '200' },
    rows: { type: 'string', default: '1000000' },
    write: { type: 'boolean', default: false },
  },
})
const size = { tables: Number(values.tables), rows: Number(values.rows) }
const changes = {
  'an index and a renamed policy': 'create index on t001 (id); alter policy t001_own on t001 rename to t001_shown',
  'a policy that opens a table': 'create policy opened on t000 for select to shop_member using (id % 3 = 0)',
}

const directory = makeScratch()
const server = await startEmbeddedPostgres({ directory, durable: false })
try {
  const url = new URL(server.superuserUrl)
  url.pathname = '/live'
  await withConnection(server.superuserUrl, (client) => client.query('create database live'))
  console.log(`building ${size.tables} tables, ${size.rows.toLocaleString('en-GB')} rows …`)
  await withConnection(url.href, (client) => buildShop(client, size))
  const rows: string[][] = []
  for (const [title, text] of Object.entries(changes)) {
    const scratch = await openScratchServer(server.superuserUrl)
    const start = performance.now()
    const before = await scratch.copyOf(url.href)
    const after = await goOn(scratch, before, [{ name: 'change.sql', text, isSeed: false }])
    const copied = performance.now()
    const options = { beforeUrl: before.url, afterUrl: after.url, alone: true, file: shopPeople() }
    const steps: number[] = []
    const review = await reviewChange({ ...options, onProgress: () => steps.push(performance.now()) })
    const end = performance.now()
    await scratch.close()
    const [writes = end, doctor = end] = steps.slice(-2)
    const figures = [copied - start, writes - copied, doctor - writes, end - doctor, end - start]
    rows.push([
      title,
      ...figures.map((ms) => (ms / 1000).toFixed(1)),
      String(review.rows.filter(({ gained }) => gained > 0).length),
    ])
  }
  const text = `PostgreSQL ${server.version}, Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; ${size.tables} tables, ${size.rows.toLocaleString('en-GB')} rows, 5 identities. Seconds, one run each.

${toTable(['change', 'two copies', 'rows', 'writes', 'doctor', 'all', 'gains'], rows)}`
  console.log(text)
  if (values.write) replaceSection(fileURLToPath(new URL('../docs/review.md', import.meta.url)), 'bench:review', text)
} finally {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}
