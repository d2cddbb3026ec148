/**
 * `npm run bench:tls`: what TLS between a gateway and PostgreSQL costs a request, and a login.
 *
 * npm run bench:tls -- [--rounds 9] [--ms 500] [--write]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import type { GatewayIdentity, Statement } from '../packages/rowpass/src/postgres/flight.ts'
import { parseSealKeys } from '../packages/rowpass/src/seal/keys.ts'
import { sealSession } from '../packages/rowpass/src/seal/seal.ts'
import { createAuthority, showCertificate } from '../packages/rowpass/test/support/certificates.ts'
import { startBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { measure, type Subject } from './measure.ts'
import { askOne, load, openPool } from './pool.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    ms: { type: 'string', default: '500' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const durationMs = Number(values.ms)
const [people, notesOfOne, requestsAtOnce] = [100, 100, 32]

const database = await startBenchDatabase(people, notesOfOne)
try {
  const authority = await createAuthority('bench')
  const certified = await authority.sign('localhost', { dnsName: 'localhost' })
  await withConnection(database.superuserUrl, (admin) => showCertificate(admin, certified))
  const ways = { 'without TLS': '', 'with TLS': '?sslmode=no-verify' }
  const [key] = parseSealKeys(database.sealKeys)
  const exp = Math.floor(Date.now() / 1000) + 86_400
  const claimsJson = JSON.stringify({ iss: 'http://127.0.0.1:8787', sub: 'user-1', exp })
  const identity: GatewayIdentity = {
    role: 'authenticated',
    session: sealSession(key, { role: 'authenticated', exp, claimsJson }),
  }
  const statement: Statement = {
    sql: 'select id, owner_id, body from notes where id = 1',
    params: [],
    prepare: true,
    shape: { arrayMode: true, rawText: true },
  }
  const url = (parameters: string) => `${database.gatewayUrl}${parameters}`
  const pools = await Promise.all(
    Object.entries(ways).map(async ([way, parameters]) => ({ way, pool: await openPool(url(parameters)) })),
  )
  const requests: Subject[] = pools.map(({ way, pool }) => ({
    name: `a request ${way}`,
    pid: process.pid,
    run: () => load(() => askOne(pool, identity, statement), requestsAtOnce, durationMs),
  }))
  const logins: Subject[] = Object.entries(ways).map(([way, parameters]) => ({
    name: `a login ${way}`,
    pid: process.pid,
    run: () => load(() => withConnection(url(parameters), async () => {}), 1, durationMs),
  }))
  const outcomes = await measure([...requests, ...logins], rounds, database.postmasterPid())
  await Promise.all(pools.map(({ pool }) => pool.close()))
  const table = toTable(
    ['', 'a second', 'Node µs', 'backend µs'],
    // The backend of a login is gone before it is counted.
    outcomes.map(({ name, perSecond, nodeMicros, backendMicros }) => [
      name,
      perSecond,
      nodeMicros,
      backendMicros === 0 ? '' : backendMicros,
    ]),
  )
  const today = new Date().toISOString().slice(0, 10)
  const said = `npm run bench:tls -- ${process.argv.slice(2).join(' ')}`.trim()
  const lines = `${table}\n\nMeasured ${today} with \`${said}\`: Node ${process.version}, PostgreSQL ${database.version}.`
  console.log(`\n${lines}`)
  if (values.write)
    replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench:tls', lines)
} finally {
  await database.close()
}
