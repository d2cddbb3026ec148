/**
 * `npm run bench:sealed`: what an identity costs that the application seals itself, over an endpoint for passwords as Neon has
 * one, beside a plain `set_config` and beside no identity; what sealing costs a Worker; and what it adds to one.
 *
 * npm run bench:sealed -- [--rounds 15] [--write]
 * With --write the tables go into docs/performance.md.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { neon, neonConfig } from '@neondatabase/serverless'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { freePort } from '../packages/local/src/postgres/server.ts'
import { issueToken } from '../packages/rowpass/src/issuer/issue.ts'
import { createSeal } from '../packages/rowpass/src/seal/create-seal.ts'
import { sealed } from '../packages/rowpass/src/seal/sealed.ts'
import { toJwks } from '../packages/rowpass/src/token/jwks.ts'
import { generateKey, importSigningKey } from '../packages/rowpass/src/token/key.ts'
import { type BenchDatabase, startBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const people = 100
const notesOfOne = 100
const turnsOfRound = 20
const repository = fileURLToPath(new URL('..', import.meta.url))

interface Way {
  readonly name: string
  ask(turn: number): Promise<unknown>
}

const parts = [await overHttp(), await inWorkerd(), await bundles()]
const text = `${parts.join('\n\n')}\n\n${rounds} rounds, Node ${process.version}; \`npm run bench:sealed\``
console.log(`\n${text}`)
if (values.write) replaceSection(`${repository}docs/performance.md`, 'bench:sealed', text)

/** One row by its key: the ways take turns with each request, so that other work on the machine disturbs all alike. */
async function overHttp(): Promise<string> {
  const database = await startBenchDatabase(people, notesOfOne)
  const gateway = await startEndpoint(database)
  try {
    const ways = waysTo(database)
    const times = new Map(ways.map(({ name }) => [name, [] as number[]]))
    for (let turn = 0; turn < rounds * turnsOfRound; turn++) {
      for (const way of turn % 2 === 0 ? ways : ways.toReversed()) {
        const started = performance.now()
        const rows = await way.ask(turn)
        const ms = performance.now() - started
        if (!JSON.stringify(rows).includes('body')) throw new TypeError('an answer without a row')
        // The first ones open connections and compile.
        if (turn >= turnsOfRound) times.get(way.name)?.push(ms)
      }
    }
    const [first] = ways
    const base = median(times.get(first?.name ?? '') ?? [])
    return toTable(
      ['over one endpoint', 'ms a request', '× no identity'],
      ways.map(({ name }) => [name, median(times.get(name) ?? []), median(times.get(name) ?? []) / base]),
    )
  } finally {
    gateway.kill()
    await database.close()
  }
}

function waysTo({ ownerUrl, webUrl, gatewayUrl, sealKeys }: BenchDatabase): Way[] {
  const query = 'select id, body from notes where id = $1'
  const keyOf = (turn: number) => (turn % people) * notesOfOne + ((turn + 1) % notesOfOne) + 1
  const [owner, web, app] = [ownerUrl, webUrl, gatewayUrl].map((url) => neon(url)) as [Sql, Sql, Sql]
  const [remembering, forgetting] = [createSeal({ keys: sealKeys }), createSeal({ keys: sealKeys, cacheSize: 0 })]
  const exp = Math.floor(Date.now() / 1000) + 3600
  const claims = Array.from({ length: people }, (_, person) => ({ sub: `user-${person + 1}`, exp }))
  const claimsOf = (turn: number) => claims[turn % people] as (typeof claims)[number]
  return [
    { name: 'no identity', ask: (turn) => owner.query(query, [keyOf(turn)]) },
    {
      name: 'plain set_config, which any SQL can set again',
      ask: (turn) =>
        web.transaction([
          web`select set_config('role', 'web_user', true), set_config('jwt.claims.sub', ${claimsOf(turn).sub}, true)`,
          web.query(query, [keyOf(turn)]),
        ]),
    },
    {
      name: 'sealed',
      ask: async (turn) => sealed(app, await remembering(claimsOf(turn))).query(query, [keyOf(turn)]),
    },
    {
      name: 'sealed, each request anew',
      ask: async (turn) => sealed(app, await forgetting(claimsOf(turn))).query(query, [keyOf(turn)]),
    },
  ]
}

type Sql = ReturnType<typeof neon>

async function startEndpoint(database: BenchDatabase): Promise<ChildProcess> {
  const port = await freePort()
  neonConfig.fetchEndpoint = `http://127.0.0.1:${port}/sql`
  const child = spawn(process.execPath, [`${repository}packages/rowpass/bin/rowpass.js`, 'gateway'], {
    cwd: repository,
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: database.sealKeys,
      ROWPASS_ISSUERS: JSON.stringify([{ iss: 'http://127.0.0.1:1', audience: 'nobody' }]),
      ROWPASS_PASSWORD_MODE: 'true',
      ROWPASS_PORT: String(port),
    },
  })
  const sql = neon(database.ownerUrl)
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await sql`select 1`.then(() => true).catch(() => false)) return child
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  child.kill()
  throw new TypeError('the endpoint does not answer: npm run build')
}

/** The clock of a Worker stands still while it computes, so the time is that of a request that does it often. */
async function inWorkerd(): Promise<string> {
  const { privateJwk, publicJwk } = await generateKey()
  const issuer = 'https://issuer.example'
  const token = await issueToken(await importSigningKey(privateJwk), {
    issuer,
    audience: 'rowpass',
    subject: crypto.randomUUID(),
    clientId: 'bench',
    claims: { tenant_id: crypto.randomUUID(), role: 'member' },
  })
  const worker = `
    import { createSeal } from 'rowpass/seal'
    import { createVerifier } from 'rowpass/verify'
    const keys = 'bench:' + 'A'.repeat(43)
    const [remembering, forgetting] = [createSeal({ keys }), createSeal({ keys, cacheSize: 0 })]
    const verify = () => createVerifier({ issuer: ${JSON.stringify(issuer)}, audience: 'rowpass', cacheSize: 0,
      jwksUrl: ${JSON.stringify(`${issuer}/jwks.json`)}, fetch: async () => Response.json(${JSON.stringify(toJwks([publicJwk]))}),
    }).verify(${JSON.stringify(token)})
    const work = { nothing: async () => {}, remembering, forgetting, verify }
    export default {
      async fetch(request) {
        const { searchParams } = new URL(request.url)
        const who = await verify()
        for (let run = Number(searchParams.get('runs')); run > 0; run--) await work[searchParams.get('work')](who)
        return new Response()
      },
    }`
  const miniflare = new Miniflare({
    modules: true,
    script: (await bundle(worker)).text,
    compatibilityDate: '2026-04-01',
  })
  try {
    const url = await miniflare.ready
    const microsOf = async (work: string, runs: number) => {
      const started = performance.now()
      const answer = await fetch(new URL(`/?work=${work}&runs=${runs}`, url))
      if (!answer.ok) throw new TypeError(await answer.text())
      return ((performance.now() - started) * 1000) / runs
    }
    const cases: [name: string, work: string, runs: number][] = [
      ['an identity that is remembered', 'remembering', 20_000],
      ['a seal', 'forgetting', 5_000],
      ['a token verified, as the demo does it', 'verify', 500],
    ]
    const rows: [string, number][] = []
    for (const [name, work, runs] of cases) {
      const micros: number[] = []
      for (let round = 0; round <= rounds; round++) {
        const [nothing, all] = [await microsOf('nothing', runs), await microsOf(work, runs)]
        if (round > 0) micros.push(all - nothing)
      }
      rows.push([name, median(micros)])
    }
    return toTable(['in workerd', 'µs'], rows)
  } finally {
    await miniflare.dispose()
  }
}

async function bundles(): Promise<string> {
  const cases: [name: string, program: string][] = [
    ['`rowpass/seal`', `export { createSeal, sealed } from 'rowpass/seal'`],
    [
      '`rowpass/seal` and `rowpass/verify`',
      `export * from 'rowpass/seal'; export { createVerifier } from 'rowpass/verify'`,
    ],
  ]
  const rows = await Promise.all(
    cases.map(async ([name, program]): Promise<[string, number]> => {
      const { contents } = await bundle(program)
      return [name, gzipSync(contents).length / 1024]
    }),
  )
  return toTable(['what a Worker carries', 'KiB, minified, gzip'], rows)
}

async function bundle(contents: string) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: `${repository}demo` },
    bundle: true,
    minify: true,
    format: 'esm',
    conditions: ['workerd', 'worker'],
    write: false,
  })
  const [file] = outputFiles
  if (file === undefined) throw new TypeError('nothing was bundled')
  return file
}
