/**
 * `npm run fuzz:tokens`: a million tampered tokens against the real verifier; exits 1 if one is accepted.
 *
 * npm run fuzz:tokens -- [--count 1000000] [--seed N] [--minutes 30]
 * The seed is printed; the same seed tampers in the same ways, with keys made anew.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { tamper } from '../packages/rowpass/test/token/tampering.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(randomInt(2 ** 32)) },
    minutes: { type: 'string', default: '30' },
  },
})
const [count, seed] = [Number(values.count), Number(values.seed)]
const startedAt = performance.now()
const seconds = () => (performance.now() - startedAt) / 1000
console.log(`${count} tokens, seed ${seed}`)

const report = await tamper(count, seed, (tried) => {
  if (tried > 0 && tried % 50_000 === 0) console.error(`${tried} refused after ${seconds().toFixed(0)} s`)
  return seconds() < Number(values.minutes) * 60
})

const list = (counts: ReadonlyMap<string, number>) =>
  [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, times]) => `  ${String(times).padStart(8)}  ${name}`)
    .join('\n')
console.log(`\ntampered with\n${list(report.byName)}\n\nrefused because of\n${list(report.byReason)}`)
for (const { name, text } of report.accepted) console.error(`ACCEPTED: ${name}: ${JSON.stringify(text)}`)
const verdict = report.accepted.length === 0 ? 'none accepted' : 'TOKENS WERE ACCEPTED'
console.log(`\n${report.tried} tokens in ${seconds().toFixed(0)} s, seed ${seed}: ${verdict}`)
if (report.tried < count) console.error(`stopped after ${values.minutes} minutes, before all were tried`)
process.exitCode = report.accepted.length === 0 && report.tried === count ? 0 : 1
