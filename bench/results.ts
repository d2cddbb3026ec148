/**
 * `npm run bench:results`: what large results cost the process that answers, in CPU time for each megabyte of the answer,
 * beside `node:http` with node-postgres and `JSON.stringify`.
 *
 * npm run bench:results -- [--rounds 5] [--requests 20] [--write] [--profile <folder for V8 profiles>]
 */
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileSubjects } from './build.ts'
import { replaceSection, toTable } from './document.ts'
import { cpuMs, type Peer, startPeer } from './processes.ts'
import type { Scene } from './scene.ts'
import { setStage } from './stage.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const requests = Number(values.requests)
const megabyte = 1e6

/** Statements whose answers have about a megabyte. */
const shapes = {
  'texts of 1 kB': `select i as id, repeat('abcdefghij', 100) as t, 'a "quoted" text ' || i as u from generate_series(1, 930) i`,
  'rows of an application': `select i as id, md5(i::text)::uuid as key, 'user' || i || '@example.test' as email, i % 2 = 0 as active,
    now() - i * interval '1 hour' as created_at, (i * 1.25)::numeric(10, 2) as price, i / 7.0::float8 as rating
    from generate_series(1, 4500) i`,
  'arrays and JSON': `select i as id, array['red', 'green blue', 'a "b"', i::text] as tags, array[i, i + 1, i + 2] as numbers,
    jsonb_build_object('id', i, 'name', 'user ' || i, 'tags', jsonb_build_array('a', 'b')) as document
    from generate_series(1, 4500) i`,
  'one text of 1 MB': `select repeat('abcdefghij', 100000) as t`,
}
type Way = 'bare' | 'typed' | 'raw'
const ways: readonly Way[] = ['bare', 'typed', 'raw']

const toFile = compileSubjects()
const stage = await setStage({ owners: 1, notesOfOne: 10, poolSize: 4 })
const execArgv = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
const bare = startPeer(toFile('bare'))
const gateway = startPeer(toFile('gateway'), [], execArgv)
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const token = stage.scene.callers[0]?.token ?? ''

/** Sends a statement and reads the answer. @returns its bytes */
function ask(port: number, way: Way, query: string): Promise<number> {
  const headers = {
    authorization: `Bearer ${token}`,
    'neon-connection-string': 'postgresql://authenticated@db.example.test/rowpass',
    'neon-raw-text-output': String(way === 'raw'),
  }
  return new Promise((resolve, reject) => {
    const sent = request({ port, path: '/sql', method: 'POST', agent, headers }, (response) => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      response.on('end', () =>
        response.statusCode === 200 ? resolve(bytes) : reject(new Error(`${way}: ${response.statusCode}`)),
      )
    })
    sent.on('error', reject)
    sent.end(JSON.stringify({ query, params: [] }))
  })
}

/** Milliseconds of CPU for a megabyte. */
async function costOf(peer: Peer, port: number, way: Way, query: string): Promise<number> {
  const before = cpuMs(peer.pid)
  let bytes = 0
  for (let count = 0; count < requests; count++) bytes += await ask(port, way, query)
  return ((cpuMs(peer.pid) - before) * megabyte) / bytes
}

try {
  const ports = {
    bare: await bare.ask<number>(stage.scene),
    gateway: await gateway.ask<number>(stage.scene satisfies Scene),
  }
  const rows = []
  for (const [name, query] of Object.entries(shapes)) {
    const costs = new Map<Way, number[]>(ways.map((way) => [way, []]))
    for (let round = 0; round <= rounds; round++) {
      for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
        const [peer, port] = way === 'bare' ? [bare, ports.bare] : [gateway, ports.gateway]
        const cost = await costOf(peer, port, way, query)
        if (round > 0) costs.get(way)?.push(cost)
      }
    }
    const [ofBare, typed, raw] = ways.map((way) => median(costs.get(way) ?? [])) as [number, number, number]
    rows.push([name, ofBare, typed, raw, typed / ofBare, raw / ofBare])
  }
  const head = ['a result of 1 MB', 'bare, ms', 'typed, ms', 'raw text, ms', 'typed × bare', 'raw text × bare']
  const today = new Date().toISOString().slice(0, 10)
  const said = `npm run bench:results -- ${process.argv.slice(2).join(' ')}`.trim()
  const lines = `${toTable(head, rows)}\n\nMeasured ${today} with \`${said}\`: Node ${process.version}, PostgreSQL ${stage.database.version}.`
  console.log(`\n${lines}`)
  if (values.write) {
    replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench:results', lines)
  }
} finally {
  agent.destroy()
  await Promise.all([bare.stop(), gateway.stop()])
  await stage.close()
}
