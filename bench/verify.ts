/**
 * `npm run bench:verify`: what signing and verifying a token costs beside the bare operation of WebCrypto, in turns.
 *
 * npm run bench:verify -- [--rounds 15] [--write]
 * With --write the table goes into docs/performance.md.
 */
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { issueToken } from '../src/issuer/issue.ts'
import { toJwks } from '../src/keys/jwks.ts'
import { type Algorithm, generateKey, importSigningKey } from '../src/keys/key.ts'
import { importPublicKey } from '../src/keys/public-key.ts'
import { createVerifier, type TrustedIssuer } from '../src/verify/verifier.ts'
import { replaceSection, toTable } from './document.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, write: { type: 'boolean', default: false } },
})
const rounds = Number(values.rounds)
const iss = 'http://127.0.0.1:8787'
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')

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
  const grant = { issuer: iss, audience: 'rowpass', subject: crypto.randomUUID(), clientId: 'bench' }
  const claims = { tenant_id: crypto.randomUUID(), role: 'member', sid: crypto.randomUUID() }
  const token = await issueToken(signingKey, { ...grant, claims })
  const issuer: TrustedIssuer = {
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
  // Remembers two tokens and sees hundreds in turn, so that it looks for each in vain.
  const forgetful = createVerifier([issuer], { sha256, fetch, cacheSize: 2 })
  const many = await Promise.all(Array.from({ length: 200 }, () => issueToken(signingKey, { ...grant, claims })))
  await Promise.all([caching.verify(token), forgetful.verify(token)])

  const publicKey = await importPublicKey({ ...made.publicJwk }, alg)
  const parameters = { ...publicKey.algorithm, hash: 'SHA-256', saltLength: 32 }
  const [input, signature] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)]
  const [signed, signatureBytes] = [new TextEncoder().encode(input), Buffer.from(signature, 'base64url')]
  // A request brings its token as a new string, so each turn gets one whose hash V8 has not computed.
  const fresh = Array.from({ length: 1000 }, () => Buffer.from(token).toString('latin1'))
  let turn = 0
  const nextOf = (texts: readonly string[]) => texts[turn++ % texts.length] ?? token
  const signs = alg === 'RS256' || alg === 'PS256' ? 100 : 500
  return [
    { name: 'sign, WebCrypto', runs: signs, run: () => crypto.subtle.sign(parameters, signingKey.privateKey, signed) },
    { name: 'sign', runs: signs, run: () => issueToken(signingKey, { ...grant, claims }), beside: 'sign, WebCrypto' },
    {
      name: 'verify, WebCrypto',
      runs: 500,
      run: () => crypto.subtle.verify(parameters, publicKey, signatureBytes, signed),
    },
    { name: 'verify, new', runs: 500, run: () => forgetful.verify(nextOf(many)), beside: 'verify, WebCrypto' },
    { name: 'verify, cached', runs: 10_000, run: () => caching.verify(nextOf(fresh)), beside: 'verify, WebCrypto' },
  ]
}

/**
 * CPU microseconds of the process for each call, one after the other: its threads work at the cryptography, and a machine
 * with other work lets them wait.
 */
async function time({ runs, run }: Case): Promise<number> {
  const start = process.cpuUsage()
  for (let i = 0; i < runs; i++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  const { user, system } = process.cpuUsage(start)
  return (user + system) / runs
}

const rows: string[][] = []
for (const alg of ['ES256', 'EdDSA', 'RS256', 'PS256'] as const) {
  const cases = await casesOf(alg)
  const samples = new Map<string, number[]>(cases.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const one of round % 2 === 0 ? cases : cases.toReversed()) {
      const micros = await time(one)
      if (round > 0) samples.get(one.name)?.push(micros)
    }
  }
  const micros = (name: string) => samples.get(name) ?? []
  for (const { name, beside } of cases) {
    const range = `${Math.min(...micros(name)).toFixed(1)}–${Math.max(...micros(name)).toFixed(1)}`
    // Of each round by itself: what slows the machine down slows both.
    const ratios = micros(name).map((own, round) => (micros(beside ?? name)[round] ?? Number.NaN) / own)
    const ratio = beside === undefined ? '' : median(ratios).toFixed(2)
    rows.push([alg, name, median(micros(name)).toFixed(1), range, ratio])
  }
}

const table = toTable(['algorithm', 'operation', 'CPU µs', 'lowest–highest', 'speed of WebCrypto alone'], rows)
const measured = `Measured ${new Date().toISOString().slice(0, 10)} with \`npm run bench:verify -- --rounds ${rounds} --write\`: Node ${process.version}.`
console.log(`${table}\n\n${measured}`)
if (values.write) {
  const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
  replaceSection(page, 'bench:verify', `${table}\n\n${measured}`)
}
