/**
 * `npm run wycheproof -- <folder>`: the JSON Web vectors of Wycheproof (C2SP/wycheproof, `testvectors_v1`) against our
 * reader of key sets, of tokens and of signatures; and of each algorithm the vectors of its signatures alone. The files are
 * not in this repository.
 *
 * Exits 1 if a vector that is invalid is accepted, or one that is valid is refused for a reason that is not listed here.
 */
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { refusalOfJws, refusalOfSignature } from '../packages/rowpass/test/token/jws-vector.ts'

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly jws?: unknown
  /** Of vectors of signatures alone, in hexadecimal digits. */
  readonly msg?: string
  readonly sig?: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly flags: readonly string[]
}

interface Group {
  readonly comment: string
  readonly public?: unknown
  readonly private?: unknown
  readonly publicKeyPem?: string
  readonly tests: readonly Vector[]
}

/** The files; those of signatures with the algorithm that they are of. */
const files: Readonly<Record<string, string | undefined>> = {
  json_web_signature: undefined,
  json_web_key: undefined,
  json_web_crypto: undefined,
  ecdsa_secp256r1_sha256_p1363: 'ES256',
  ecdsa_secp384r1_sha384_p1363: 'ES384',
  ecdsa_secp521r1_sha512_p1363: 'ES512',
  rsa_signature_2048_sha256: 'RS256',
  rsa_signature_2048_sha384: 'RS384',
  rsa_signature_8192_sha384: 'RS384',
  rsa_signature_2048_sha512: 'RS512',
  rsa_signature_4096_sha512: 'RS512',
  rsa_pss_2048_sha256_mgf1_32: 'PS256',
  rsa_pss_2048_sha384_mgf1_48: 'PS384',
  rsa_pss_4096_sha512_mgf1_64: 'PS512',
  ed25519: 'EdDSA',
}
const [folder] = process.argv.slice(2)
if (folder === undefined) throw new TypeError('give the folder of the vectors')

/** Valid in Wycheproof with a key whose own `alg` says that it is not for this: PS256 for PS384, and "ES521" for ES512. */
const misprints = ['Figure20', 'Figure27']

const refusedBecause = new Map<string, number>()
const wrong: string[] = []
let counted = 0
for (const [file, alg] of Object.entries(files)) {
  const { testGroups } = JSON.parse(readFileSync(join(folder, `${file}_test.json`), 'utf8')) as { testGroups: Group[] }
  for (const group of testGroups) {
    for (const vector of group.tests) {
      counted++
      const refusal = await refusalOf(group, vector, alg)
      const name = `${file} ${vector.tcId} (${group.comment}, ${vector.comment})`
      if (vector.result === 'invalid' && refusal === undefined) wrong.push(`accepted: ${name}`)
      if (vector.result === 'valid' && refusal !== undefined) {
        refusedBecause.set(refusal, (refusedBecause.get(refusal) ?? 0) + 1)
        if (!isOurs(refusal) && !misprints.includes(vector.comment)) wrong.push(`refused, ${refusal}: ${name}`)
      }
    }
  }
}

console.log(`${counted} vectors; valid ones that are refused on purpose:`)
for (const [reason, times] of refusedBecause) console.log(`  ${String(times).padStart(4)}  ${reason}`)
for (const text of wrong) console.error(text)
process.exitCode = wrong.length === 0 ? 0 : 1

/** Why a vector is refused; undefined when it is accepted. */
function refusalOf(group: Group, { jws, msg = '', sig = '' }: Vector, alg?: string): Promise<string | undefined> {
  if (alg !== undefined) {
    const jwk = createPublicKey(group.publicKeyPem ?? '').export({ format: 'jwk' })
    return refusalOfSignature(jwk, alg, Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex'))
  }
  const given = group.public ?? group.private
  const keys = (typeof given === 'object' && given !== null && 'keys' in given ? given.keys : [given]) as Record<
    string,
    unknown
  >[]
  // Where there is the private key alone, its public members are what would be published; `k` stays, and is refused.
  const members = keys.map(({ d: _, p: __, q: ___, ...member }) => member)
  return refusalOfJws(members, jws)
}

/** What we do not take, whoever signed it: other algorithms, and base64url with characters that RFC 7515 §2 does not have. */
function isOurs(refusal: string): boolean {
  return /^an algorithm that is not ours|^the (header|payload) is not base64url|^not in compact form/.test(refusal)
}
