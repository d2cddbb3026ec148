/**
 * `npm run bench:matrix`: how long `rowpass matrix` takes on a large database.
 *
 * npm run bench:matrix -- [--tables 200] [--rows 1000000] [--write]
 * With --write the figures go into docs/matrix.md.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { commands } from '../packages/rowpass/src/access/catalog/catalog.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import type { Cell } from '../packages/rowpass/src/matrix/cell.ts'
import { drawMatrix } from '../packages/rowpass/src/matrix/draw.ts'
import { renderPage } from '../packages/rowpass/src/matrix/page.ts'
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

const directory = makeScratch()
const server = await startEmbeddedPostgres({ directory, durable: false })
try {
  await withConnection(server.superuserUrl, async (client) => {
    console.log(`building ${size.tables} tables, ${size.rows.toLocaleString('en-GB')} rows …`)
    await buildShop(client, size)
    const { rows: own } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const spent = () => cpuSeconds(own[0]?.pid)
    const start = spent()
    const full = await drawMatrix(client, { file: shopPeople() })
    const between = spent()
    const read = await drawMatrix(client, { file: shopPeople(), readOnly: true })
    const end = spent()
    const cells = full.tables.flatMap(({ lines }) => lines.flatMap((line) => Object.values(line.cells)))
    const attempts = (command: Cell['command']) =>
      cells.filter((cell) => cell.command === command).reduce((sum, cell) => sum + cell.attempts.length, 0)
    const rows = full.tables.reduce((sum, table) => sum + (table.rows ?? 0), 0)
    const text = `PostgreSQL ${full.server}, Node ${process.version}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; ${full.tables.length} tables, ${rows.toLocaleString('en-GB')} rows, ${full.subjects.length} identities, ${cells.length.toLocaleString('en-GB')} cells.

${toTable(
  ['run', 'seconds', 'CPU seconds, here and in PostgreSQL', 'statements tried', 'cells not tried'],
  [
    [
      'matrix',
      full.seconds.toFixed(1),
      (between - start).toFixed(1),
      String(commands.reduce((sum, command) => sum + attempts(command), 0)),
      String(count(cells, 'untried')),
    ],
    [
      'matrix --read-only',
      read.seconds.toFixed(1),
      (end - between).toFixed(1),
      String(attempts('select')),
      'all writes that policies decide',
    ],
  ],
)}

The page of it has ${(Buffer.byteLength(renderPage(full)) / 1_048_576).toFixed(1)} MiB.`
    console.log(text)
    if (values.write) replaceSection(fileURLToPath(new URL('../docs/matrix.md', import.meta.url)), 'figures', text)
  })
} finally {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
}

function count(cells: readonly Cell[], verdict: Cell['verdict']): number {
  return cells.filter((cell) => cell.verdict === verdict).length
}

/** What this process and one backend have used so far; the backend only where there is /proc. */
function cpuSeconds(pid: number | undefined): number {
  const { user, system } = process.cpuUsage()
  const path = `/proc/${pid}/stat`
  const fields = existsSync(path) ? readFileSync(path, 'utf8').split(' ') : []
  // utime and stime in hundredths of a second, see proc(5).
  return (user + system) / 1e6 + (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) / 100
}
