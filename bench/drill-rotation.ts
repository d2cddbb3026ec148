/**
 * `npm run drill:rotation`: see `rotation/drill.ts`. Prints a table; exits 1 when one of our own tokens was refused.
 *
 * npm run drill:rotation -- --write     puts the table into docs/keys.md
 * DRILL_ROTATIONS=5 npm run drill:rotation
 */
import { availableParallelism } from 'node:os'
import { provision } from '../packages/rowpass/src/database/provision.ts'
import { startBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { type DrillResult, runDrill } from './rotation/drill.ts'
import { cycleMs, maxAgeSeconds, scale, ttlSeconds } from './rotation/subject.ts'
import { type VerifierName, verifierNames } from './rotation/verifiers.ts'

const rotations = Number(process.env.DRILL_ROTATIONS ?? 50)
if (!Number.isInteger(rotations) || rotations < 1) throw new TypeError('DRILL_ROTATIONS is not a whole number from 1')

// Some of the issuers print a line for each request.
console.log = () => undefined
console.info = () => undefined
console.warn = () => undefined

const database = await startBenchDatabase(1, 1)
try {
  const issuerUrl = new URL(database.ownerUrl)
  issuerUrl.username = 'rowpass_issuer'
  issuerUrl.password = crypto.randomUUID()
  await provision({ ownerUrl: database.ownerUrl, issuerUrl: issuerUrl.href })
  const { ownerUrl, gatewayUrl, sealKeys } = database
  const onProgress = (text: string) => console.error(text)
  const results = await runDrill({
    rotations,
    ownerUrl,
    gatewayUrl,
    sealKeys,
    issuerUrl: issuerUrl.href,
    rivals: true,
    onProgress,
  })
  const text = describe(results)
  process.stdout.write(`${text}\n`)
  if (process.argv.includes('--write')) replaceSection('docs/keys.md', 'drill', text)
  process.exitCode = Object.values(results[0]?.refused ?? { none: 1 }).every((count) => count === 0) ? 0 : 1
} finally {
  await database.close()
}

function describe(results: readonly DrillResult[]): string {
  const three = (values: Partial<Record<VerifierName, number>>, digits = 0) =>
    verifierNames.map((name) => values[name]?.toFixed(digits) ?? '–').join(' / ')
  const rows = results.map(({ name, says, looks, refused, fetches, removedFor, removedForReloaded }) => [
    name,
    says,
    three(looks),
    three(refused),
    String(fetches),
    three(removedFor, 1) +
      (removedForReloaded === undefined ? '' : ` (gateway with SIGHUP: ${removedForReloaded.toFixed(1)})`),
  ])
  const head = [
    'issuer',
    'one rotation',
    'good tokens looked at',
    'refused',
    'key set fetched',
    'removed key still taken, s',
  ]
  return [
    toTable(head, rows),
    '',
    `Three numbers are those of ${verifierNames.join(' / ')}. ${rotations} rotations, one in ${cycleMs / 1000} s; a key set is kept for ${maxAgeSeconds} s and a token lives`,
    `for ${ttlSeconds} s, so a second stands for ${scale}. ${availableParallelism()} processors, Node.js ${process.version}.`,
  ].join('\n')
}
