/**
 * What verifying a token costs beside the bare signature check: cached, new, and raw WebCrypto, in turns.
 * Run: npx tsx bench/verify.ts [rounds]
 */
import { createHash } from 'node:crypto'
import { issueToken } from '../src/issuer/issue.ts'
import { toJwks } from '../src/keys/jwks.ts'
import { type Algorithm, generateKey, importSigningKey } from '../src/keys/key.ts'
import { importPublicKey } from '../src/keys/public-key.ts'
import { createVerifier, type TrustedIssuer } from '../src/verify/verifier.ts'

const rounds = Number(process.argv[2] ?? 15)
const iss = 'http://127.0.0.1:8787'
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')

type Case = { readonly name: string; readonly runs: number; run(): unknown }

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN

async function casesOf(alg: Algorithm): Promise<Case[]> {
  const made = await generateKey(alg)
  const grant = { issuer: iss, audience: 'rowpass', subject: crypto.randomUUID(), clientId: 'bench' }
  const claims = { tenant_id: crypto.randomUUID(), role: 'member' }
  const token = await issueToken(await importSigningKey(made.privateJwk), { ...grant, claims })
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
  const forgetful = createVerifier([issuer], { sha256, fetch, cacheSize: 0 })
  await Promise.all([caching.verify(token), forgetful.verify(token)])

  const key = await importPublicKey({ ...made.publicJwk }, alg)
  const parameters = { ...key.algorithm, hash: 'SHA-256', saltLength: 32 }
  const [input, signature] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)]
  const [signed, signatureBytes] = [new TextEncoder().encode(input), Buffer.from(signature, 'base64url')]
  // A request brings its token as a new string, so each turn gets one whose hash V8 has not computed.
  const fresh = Array.from({ length: 1000 }, () => Buffer.from(token).toString('latin1'))
  let turn = 0
  const next = () => fresh[turn++ % fresh.length] ?? token
  return [
    { name: 'cached', runs: 20_000, run: () => caching.verify(next()) },
    { name: 'SHA-256 of the token alone', runs: 20_000, run: () => sha256(next()) },
    { name: 'new', runs: 1_000, run: () => forgetful.verify(next()) },
    { name: 'raw WebCrypto', runs: 1_000, run: () => crypto.subtle.verify(parameters, key, signatureBytes, signed) },
  ]
}

/** Microseconds for each call, one after the other. */
async function time({ runs, run }: Case): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < runs; i++) {
    const result = run()
    if (result instanceof Promise) await result
  }
  return ((performance.now() - start) * 1000) / runs
}

for (const alg of ['ES256', 'RS256', 'EdDSA'] as const) {
  const cases = await casesOf(alg)
  const samples = new Map<string, number[]>(cases.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const one of round % 2 === 0 ? cases : cases.toReversed()) {
      const micros = await time(one)
      if (round > 0) samples.get(one.name)?.push(micros)
    }
  }
  const raw = median(samples.get('raw WebCrypto') ?? [])
  console.log(`\n${alg}, ${rounds} rounds, Node ${process.version}`)
  for (const [name, micros] of samples) {
    const middle = median(micros)
    const range = `${Math.min(...micros).toFixed(2)}–${Math.max(...micros).toFixed(2)}`
    console.log(
      `  ${name.padEnd(28)}${middle.toFixed(2).padStart(8)} µs  (${range})  ${(middle / raw).toFixed(3)} × raw`,
    )
  }
}
