/**
 * `npm run wycheproof -- <folder>`: the JSON Web vectors of Wycheproof (C2SP/wycheproof, `testvectors_v1`) against our
 * reader of key sets, of tokens and of signatures. The files are not in this repository.
 *
 * Exits 1 if a vector that is invalid is accepted, or one that is valid is refused for a reason that is not listed here.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { refusalOfJws } from '../packages/rowpass/test/token/jws-vector.ts'

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly jws?: unknown
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly flags: readonly string[]
}

interface Group {
  readonly comment: string
  readonly public?: unknown
  readonly private?: unknown
  readonly tests: readonly Vector[]
}

const files = ['json_web_signature_test.json', 'json_web_key_test.json', 'json_web_crypto_test.json']
const [folder] = process.argv.slice(2)
if (folder === undefined) throw new TypeError('give the folder of the vectors')

const refusedBecause = new Map<string, number>()
const wrong: string[] = []
let counted = 0
for (const file of files) {
  const { testGroups } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { testGroups: Group[] }
  for (const group of testGroups) {
    for (const vector of group.tests) {
      counted++
      const refusal = await refusalOf(group, vector)
      const name = `${file} ${vector.tcId} (${group.comment}, ${vector.comment})`
      if (vector.result === 'invalid' && refusal === undefined) wrong.push(`accepted: ${name}`)
      if (vector.result === 'valid' && refusal !== undefined) {
        refusedBecause.set(refusal, (refusedBecause.get(refusal) ?? 0) + 1)
        if (!isOurs(refusal)) wrong.push(`refused, ${refusal}: ${name}`)
      }
    }
  }
}

console.log(`${counted} vectors; valid ones that are refused on purpose:`)
for (const [reason, times] of refusedBecause) console.log(`  ${String(times).padStart(4)}  ${reason}`)
for (const text of wrong) console.error(text)
process.exitCode = wrong.length === 0 ? 0 : 1

/** Why a vector is refused; undefined when it is accepted. */
function refusalOf(group: Group, { jws }: Vector): Promise<string | undefined> {
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
