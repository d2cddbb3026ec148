/**
 * `npm run bench:mcp`: one statement by the tool `query`, and the same by `/sql`, alone and in such a transaction as the tool has,
 * in turns of ten: how long an answer takes, and what it costs the gateway, a process of its own, in CPU time, which says the same
 * on a machine that does other things as well. And the memory of clients that do nothing.
 *
 * The door keeps nothing of a client between two messages: one that does nothing is a connection that it keeps open.
 *
 * npm run bench:mcp -- [--seconds 20] [--idle 1000]
 */
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PerformanceObserver } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseGatewayConfig } from '../packages/rowpass/src/gateway/config.ts'
import { createGateway } from '../packages/rowpass/src/gateway/server.ts'
import { issueToken } from '../packages/rowpass/src/issuer/issue.ts'
import { toJwks } from '../packages/rowpass/src/token/jwks.ts'
import { generateKey, importSigningKey } from '../packages/rowpass/src/token/key.ts'
import { startBenchDatabase } from './database.ts'
import { startPeer } from './processes.ts'
import { percentile } from './statistics.ts'

const [people, notesOfOne] = [100, 10]
/** They open connections, and V8 compiles: the SDK, which is large, is at its speed after some thousand messages. */
const warmTurns = 300
const sql = 'select id, body from notes order by id'

if (process.send === undefined) await run()
else serve()

/** What the child has used, in microseconds. */
interface Used {
  readonly cpu: number
  /** Of it, or beside it on other threads: looking for what may be forgotten. */
  readonly garbage: number
}

/** The child: a gateway, and what it weighs. */
function serve(): void {
  const gateway = createGateway(parseGatewayConfig(JSON.parse(process.argv[2] ?? '{}')))
  let garbage = 0
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) garbage += duration * 1_000
  }).observe({ entryTypes: ['gc'] })
  process.on('disconnect', () => process.exit())
  process.on('message', async (question) => {
    if (question === 'used') {
      const { user, system } = process.cpuUsage()
      process.send?.({ answer: { cpu: user + system, garbage } satisfies Used })
      return
    }
    if (question === 'weigh') {
      global.gc?.()
      process.send?.({ answer: process.memoryUsage.rss() })
      return
    }
    const url = (await gateway.listen()).href
    while (!gateway.ready()) await new Promise((resolve) => setTimeout(resolve, 20))
    process.send?.({ answer: url })
  })
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '20' }, idle: { type: 'string', default: '1000' } },
  })
  const database = await startBenchDatabase(people, notesOfOne)
  const key = await importSigningKey((await generateKey()).privateJwk)
  const keys = createServer((_, response) => response.end(JSON.stringify(toJwks([key.publicJwk]))))
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve))
  const iss = `http://127.0.0.1:${(keys.address() as AddressInfo).port}`
  const settings = {
    ROWPASS_DATABASE_URL: database.gatewayUrl,
    ROWPASS_SEAL_KEYS: database.sealKeys,
    ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: iss, audience: 'bench' }]),
    ...{ ROWPASS_PORT: '0', ROWPASS_MCP: 'true' },
  }
  const child = startPeer(
    fileURLToPath(import.meta.url),
    [JSON.stringify(settings)],
    ['--import', 'tsx', '--expose-gc'],
  )
  try {
    const url = new URL(await child.ask<string>('listen'))
    const grant = { issuer: iss, audience: 'bench', subject: 'user-1', clientId: 'bench', ttlSeconds: 900 }
    const authorization = `Bearer ${await issueToken(key, grant)}`
    const ways = waysTo(url, authorization, new URL(database.gatewayUrl).pathname)
    const agent = new Agent({ keepAlive: true })
    const measures = new Map(
      ways.map(([name]) => [name, { times: [] as number[], cpu: [] as number[], garbage: [] as number[] }]),
    )
    let until = Number.POSITIVE_INFINITY
    for (let turn = 0; performance.now() < until; turn++) {
      if (turn === warmTurns) until = performance.now() + Number(values.seconds) * 1000
      for (const [name, way] of turn % 2 === 0 ? ways : ways.toReversed()) {
        const times: number[] = []
        const before = await child.ask<Used>('used')
        for (let count = 0; count < 10; count++) {
          const startedAt = performance.now()
          await ask(way, agent)
          times.push(performance.now() - startedAt)
        }
        const after = await child.ask<Used>('used')
        if (turn < warmTurns) continue
        measures.get(name)?.times.push(...times)
        measures.get(name)?.cpu.push((after.cpu - before.cpu) / 10 / 1000)
        measures.get(name)?.garbage.push((after.garbage - before.garbage) / 10)
      }
    }
    agent.destroy()
    report(measures)

    const before = await child.ask<number>('weigh')
    const idle = Array.from({ length: Number(values.idle) }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
    for (const each of idle) await ask(ways.at(-1)?.[1] as Way, each)
    const after = await child.ask<number>('weigh')
    console.log(
      `${idle.length} clients that do nothing: ${((after - before) / idle.length / 1024).toFixed(1)} KiB each`,
    )
    for (const each of idle) each.destroy()
  } finally {
    await child.stop()
    keys.close()
    await database.close()
  }
}

/** A request, again and again. */
interface Way {
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body: string
}

function waysTo(url: URL, authorization: string, database: string): [string, Way][] {
  const common = { authorization, 'content-type': 'application/json' }
  const revision = '2026-07-28'
  const meta = {
    'io.modelcontextprotocol/protocolVersion': revision,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const params = { name: 'query', arguments: { sql }, _meta: meta }
  const accept = 'application/json, text/event-stream'
  return [
    [
      '/sql',
      {
        url,
        headers: {
          ...common,
          'neon-connection-string': `postgresql://authenticated@localhost${database}`,
          'neon-array-mode': 'true',
        },
        body: JSON.stringify({ query: sql }),
      },
    ],
    [
      'in a transaction',
      {
        url,
        headers: {
          ...common,
          'neon-connection-string': `postgresql://authenticated@localhost${database}`,
          'neon-array-mode': 'true',
          'neon-batch-isolation-level': 'RepeatableRead',
          'neon-batch-read-only': 'true',
        },
        body: JSON.stringify({ queries: [{ query: sql }] }),
      },
    ],
    [
      'query of /mcp',
      {
        url: new URL('/mcp', url),
        headers: {
          ...common,
          accept,
          'mcp-protocol-version': revision,
          'mcp-method': 'tools/call',
          'mcp-name': 'query',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      },
    ],
  ]
}

function ask({ url, headers, body }: Way, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () =>
        response.statusCode === 200 && text.includes('"rows"') && !text.includes('"isError"')
          ? resolve()
          : reject(new Error(`${response.statusCode}: ${text.slice(0, 200)}`)),
      )
    })
    sent.end(body)
  })
}

interface Measures {
  readonly times: number[]
  readonly cpu: number[]
  readonly garbage: number[]
}

function report(measures: ReadonlyMap<string, Measures>): void {
  const rows = [...measures].map(([name, { times, cpu, garbage }]) => {
    const sorted = times.toSorted((a, b) => a - b)
    const half = percentile(
      cpu.toSorted((a, b) => a - b),
      50,
    )
    // Most turns have none: the mean, not the median.
    const collected = garbage.reduce((sum, each) => sum + each, 0) / garbage.length
    return { name, count: times.length, collected, figures: [percentile(sorted, 50), percentile(sorted, 99), half] }
  })
  const against = rows[0]?.figures ?? []
  for (const { name, count, collected, figures } of rows) {
    const [p50, p99, cpu] = figures.map((ms, at) => `${ms.toFixed(2)} ms (×${(ms / (against[at] ?? 0)).toFixed(2)})`)
    console.log(
      `${name.padEnd(16)} ${String(count).padStart(6)} answers, p50 ${p50}, p99 ${p99}, CPU ${cpu}, garbage collection ${collected.toFixed(0)} µs`,
    )
  }
}
