// What came of a run of the tests, by the reports that Vitest wrote.
// Usage: node .ci/report.mjs <report> [<report of files that were run again>], or: failed <report>, which lists files
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import process from 'node:process'

const read = (path) => JSON.parse(readFileSync(path, 'utf8')).testResults
const isPassed = ({ status, assertionResults }) =>
  status === 'passed' && assertionResults.every((test) => test.status === 'passed')
const nameOf = ({ name }) => relative(process.cwd(), name)

const [first, second] = process.argv.slice(2)
if (first === 'failed') {
  if (existsSync(second)) for (const file of read(second)) if (!isPassed(file)) console.log(nameOf(file))
} else {
  const files = new Map(read(first).map((file) => [file.name, file]))
  const again = second !== undefined && existsSync(second) ? read(second) : []
  for (const file of again) files.set(file.name, file)
  const bad = [...files.values()].filter((file) => !isPassed(file))
  for (const file of bad) {
    if (file.message) console.error(`${nameOf(file)}: ${file.message}`)
    for (const test of file.assertionResults)
      if (test.status !== 'passed') console.error(`${test.status}: ${nameOf(file)}: ${test.fullName}`)
  }
  const tests = [...files.values()].flatMap(({ assertionResults }) => assertionResults)
  if (bad.length > 0 || tests.length === 0) process.exit(1)
  const accidents = again.length === 0 ? '' : `; failed beside others, passed alone: ${again.map(nameOf).join(', ')}`
  console.log(`${files.size} files, ${tests.length} tests passed, 0 skipped${accidents}`)
}
