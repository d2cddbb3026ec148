/**
 * `npm run fuzz:shapes`: a million texts judged by their shape and in full; exits 1 if one is judged in two ways.
 *
 * npm run fuzz:shapes -- [--count 1000000] [--seed N] [--minutes 60]
 * The seed is printed; the same seed makes the same texts.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { compareVariants } from '../packages/rowpass/test/statement/variants.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    minutes: { type: 'string', default: '60' },
  },
})
const [count, seed] = [Number(values.count), Number(values.seed)]
const startedAt = performance.now()
const seconds = () => (performance.now() - startedAt) / 1000
console.log(`${count} texts that are known by their shape, seed ${seed}`)

const report = await compareVariants(count, seed, ({ made, compared, disagreements }) => {
  if (made % 100_000 === 0)
    console.error(`${made} made, ${compared} compared, ${disagreements.length} judged in two ways`)
  return seconds() < Number(values.minutes) * 60
})

for (const [verdict, times] of [...report.byVerdict].sort(([, a], [, b]) => b - a)) {
  console.log(`${String(times).padStart(9)}  ${verdict}`)
}
for (const { sql, byShape, inFull } of report.disagreements) {
  console.error(`DISAGREEMENT: ${JSON.stringify(sql)}\n  by shape: ${byShape}\n  in full:  ${inFull}`)
}
console.log(`${report.compared} of ${report.made} texts compared in ${seconds().toFixed(0)} s, seed ${seed}`)
if (report.compared < count) console.error(`stopped after ${values.minutes} minutes, before all were compared`)
process.exitCode = report.disagreements.length === 0 && report.compared >= count ? 0 : 1
