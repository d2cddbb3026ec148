/**
 * `npm run bench:verify`: what signing and verifying a token costs beside the bare operation of WebCrypto, in turns.
 *
 * npm run bench:verify -- [--rounds 40] [--write]
 * With --write the table goes into docs/performance.md.
 */
import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeVerify } from '../packages/rowpass/src/gateway/node-verify.ts'
import { issueToken } from '../packages/rowpass/src/issuer/issue.ts'
import { type Algorithm, algorithms } from '../packages/rowpass/src/token/algorithms.ts'
import { toJwks } from '../packages/rowpass/src/token/jwks.ts'
import { generateKey, importSigningKey } from '../packages/rowpass/src/token/key.ts'
import { importPublicKey } from '../packages/rowpass/src/token/public-key.ts'
import { createVerifier, type IssuerSettings } from '../packages/rowpass/src/token/verifier.ts'
import { replaceSection, toTable } from './document.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '40' }, write: { type: 'boolean', default: false } },
})
const rounds = Number(values.rounds)
const iss = 'http://127.0.0.1:8787'
const sha256 = (text: string) => hash('sha256', text, 'base64')

/** What is done, what the same costs without us, and how often in a round. */
interface Case {
  readonly name: string
  readonly runs: number
  run(): unknown
  /** The name of the case that this one is compared with. */
  readonly beside?: string
}

async function casesOf(alg: Algorithm): Promise<Case[]> {
  const made = await generateKey(alg)
  const signingKey = await importSigningKey(made.privateJwk)
  const claims = { tenant_id: crypto.randomUUID(), role: 'member', sid: crypto.randomUUID() }
  const grant = { issuer: iss, audience: 'rowpass', subject: crypto.randomUUID(), clientId: 'bench', claims }
  const token = await issueToken(signingKey, grant)
  const issuer: IssuerSettings = {
    iss,
    jwksUrl: new URL(`${iss}/.well-known/jwks.json`),
    audience: 'rowpass',
    algorithms: [alg],
    role: 'authenticated',
    roles: [],
    maxTtlSeconds: 900,
    typ: ['at+jwt'],
  }
  const fetch = async () => Response.json(toJwks([made.publicJwk]))
  const caching = createVerifier([issuer], { sha256, fetch })
  // Remember fewer tokens than they see in turn, so that each looks for every one in vain.
  const inGateway = createVerifier([issuer], { sha256, fetch, cacheSize: 100, verifyOperation: nodeVerify })
  const anywhere = createVerifier([issuer], { sha256, fetch, cacheSize: 100 })
  const many = await Promise.all(Array.from({ length: 200 }, () => issueToken(signingKey, grant)))
  await Promise.all([caching, inGateway, anywhere].map((verifier) => verifier.verify(token)))

  const publicKey = await importPublicKey({ ...made.publicJwk }, alg)
  const { parameters } = algorithms[alg]
  const taken = many.map((each) => {
    const end = each.lastIndexOf('.')
    return {
      signed: new TextEncoder().encode(each.slice(0, end)),
      signature: new Uint8Array(Buffer.from(each.slice(end + 1), 'base64url')),
    }
  })
  // A request brings its token as a new string, so each turn gets one whose hash V8 has not computed.
  const fresh = Array.from({ length: 1000 }, () => Buffer.from(token).toString('latin1'))
  let turn = 0
  const nextOf = <T>(list: readonly T[]): T => list[turn++ % list.length] as T
  const bareSign = () => crypto.subtle.sign(parameters, signingKey.privateKey, nextOf(taken).signed)
  const bareVerify = () => {
    const { signature, signed } = nextOf(taken)
    return crypto.subtle.verify(parameters, publicKey, signature, signed)
  }
  const verifyBeside = { runs: 200, beside: 'verify, WebCrypto' }
  return [
    { name: 'sign, WebCrypto', runs: 200, run: bareSign },
    { name: 'sign', runs: 200, run: () => issueToken(signingKey, grant), beside: 'sign, WebCrypto' },
    { name: 'verify, WebCrypto', runs: 200, run: bareVerify },
    { name: 'verify, new, in the gateway', run: () => inGateway.verify(nextOf(many)), ...verifyBeside },
    { name: 'verify, new, anywhere', run: () => anywhere.verify(nextOf(many)), ...verifyBeside },
    { name: 'verify, cached', run: () => caching.verify(nextOf(fresh)), ...verifyBeside, runs: 4000 },
  ]
}

/** CPU microseconds of one call. */
interface Cost {
  /** Of the whole process: its other threads work at the cryptography. */
  readonly all: number
  /** Of the thread of the event loop; NaN but on Linux. */
  readonly main: number
}

/** Runs the calls one after the other. CPU, not time: on a machine with other work the threads wait. */
async function measure({ runs, run }: Case): Promise<Cost> {
  const [before, mainBefore] = [process.cpuUsage(), mainThreadMicros()]
  for (let i = 0; i < runs; i++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  const { user, system } = process.cpuUsage(before)
  return { all: (user + system) / runs, main: (mainThreadMicros() - mainBefore) / runs }
}

/** @see https://docs.kernel.org/scheduler/sched-stats.html: nanoseconds on a CPU come first */
function mainThreadMicros(): number {
  const path = '/proc/thread-self/schedstat'
  return existsSync(path) ? Number.parseInt(readFileSync(path, 'latin1'), 10) / 1000 : Number.NaN
}

/** Rounds that are not counted: the code is not yet compiled for speed. */
const warmUp = 15
const rows: string[][] = []
for (const alg of ['ES256', 'EdDSA', 'RS256', 'PS256'] as const) {
  const cases = await casesOf(alg)
  const samples = new Map<string, Cost[]>(cases.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const one of round % 2 === 0 ? cases : cases.toReversed()) {
      const cost = await measure(one)
      if (round >= warmUp) samples.get(one.name)?.push(cost)
    }
  }
  const micros = (name: string) => (samples.get(name) ?? []).map(({ all }) => all)
  for (const { name, beside } of cases) {
    const range = `${Math.min(...micros(name)).toFixed(1)}–${Math.max(...micros(name)).toFixed(1)}`
    // Of each round by itself: what slows the machine down slows both.
    const ratios = micros(name).map((own, round) => (micros(beside ?? name)[round] ?? Number.NaN) / own)
    const ratio = beside === undefined ? '' : median(ratios).toFixed(2)
    const main = median((samples.get(name) ?? []).map((cost) => cost.main)).toFixed(1)
    rows.push([alg, name, median(micros(name)).toFixed(1), range, main, ratio])
  }
}

const table = toTable(
  ['algorithm', 'operation', 'CPU µs', 'lowest–highest', 'event loop µs', 'speed of WebCrypto alone'],
  rows,
)
const measured = `Measured ${new Date().toISOString().slice(0, 10)} with \`npm run bench:verify -- --rounds ${rounds} --write\`: Node ${process.version}.`
console.log(`${table}\n\n${measured}`)
if (values.write) {
  const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
  replaceSection(page, 'bench:verify', `${table}\n\n${measured}`)
}
