/**
 * `npm run bench:connections`: memory for each connection that a client keeps open at the gateway, and for each that the gateway
 * keeps open at PostgreSQL.
 *
 * npm run bench:connections -- [--clients 2000,4000,8000] [--write]
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { startCommand } from './command.ts'
import { replaceSection, toTable } from './document.ts'
import { residentBytes } from './processes.ts'
import { sqlRequests } from './requests.ts'
import { setStage } from './stage.ts'
import { percentile } from './statistics.ts'

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '2000,4000,8000' }, write: { type: 'boolean', default: false } },
})
const counts = values.clients.split(',').map(Number)
const poolSize = 16
const [settleMs, warmUps] = [3_000, 20_000]

const stage = await setStage({ owners: 100, notesOfOne: 100, poolSize })
const { gatewayUrl, sealKeys, issuer, callers } = stage.scene
const trusted = { iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: issuer.audience, max_ttl_seconds: 86_400 }
const gateway = await startCommand(
  {
    ROWPASS_DATABASE_URL: gatewayUrl,
    ROWPASS_SEAL_KEYS: sealKeys,
    ROWPASS_ISSUERS: JSON.stringify([trusted]),
    ROWPASS_POOL_SIZE: String(poolSize),
  },
  [],
)
const requests = sqlRequests(callers)
const open: Socket[] = []

try {
  // What the gateway keeps for its work is there before anything is counted.
  const first = await Promise.all(Array.from({ length: 64 }, dial))
  for (let sent = 0; sent < warmUps; sent += first.length)
    await Promise.all(first.map((socket, index) => ask(socket, sent + index)))
  await delay(settleMs)
  const before = residentBytes(gateway.pid)

  const rows: (string | number)[][] = []
  for (const count of counts) {
    while (open.length < count) {
      const more = await Promise.all(Array.from({ length: Math.min(50, count - open.length) }, dial))
      await Promise.all(more.map((socket, index) => ask(socket, open.length + index)))
      open.push(...more)
    }
    await delay(settleMs)
    if (open.some(({ closed }) => closed)) throw new Error('the gateway has closed connections that it is to keep')
    const grown = residentBytes(gateway.pid) - before
    rows.push([String(count), `${Math.round(grown / 2 ** 20)} MiB`, `${(grown / 1024 / count).toFixed(1)} KiB`])
  }
  const ofBackends = (await backends()).map(privateBytes).sort((one, other) => one - other)
  const table = toTable(['connections of clients', 'more memory of the gateway', 'each'], rows)
  const today = new Date().toISOString().slice(0, 10)
  const said = `npm run bench:connections -- ${process.argv.slice(2).join(' ')}`.trim()
  const lines =
    `${table}\n\nA connection of the gateway to PostgreSQL: ${(percentile(ofBackends, 50) / 2 ** 20).toFixed(1)} MiB of its own, ` +
    `the median of ${ofBackends.length} that have answered ${(warmUps + open.length).toLocaleString('en-GB')} requests together. ` +
    `Measured ${today} with \`${said}\`: HTTP/1.1, one request on each connection, then nothing for ${settleMs / 1000} s; Node ${process.version}, PostgreSQL ${stage.database.version}.`
  console.log(`\n${lines}`)
  if (values.write)
    replaceSection(fileURLToPath(new URL('../docs/scaling.md', import.meta.url)), 'bench:connections', lines)
} finally {
  for (const socket of open) socket.destroy()
  await gateway.stop()
  await stage.close()
}

async function dial(): Promise<Socket> {
  const socket = connect(gateway.port, '127.0.0.1')
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket
}

/** One request, whose answer is short enough to come in one piece. */
function ask(socket: Socket, index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes) =>
      bytes.toString('latin1').startsWith('HTTP/1.1 200') ? resolve() : reject(new Error(String(bytes))),
    )
    socket.write(requests[index % requests.length] ?? '')
  })
}

/** The processes that serve the gateway. */
async function backends(): Promise<number[]> {
  return await withConnection(stage.database.superuserUrl, async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      "select pid from pg_stat_activity where usename = 'rowpass_gateway'",
    )
    return rows.map(({ pid }) => pid)
  })
}

/** Memory that ends with a process: what it shares with others, as PostgreSQL's buffers, does not count. */
function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return (
    [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0) * 1024
  )
}
