/**
 * `npm run mistakes`: makes each of the mistakes of `test/mistakes` in a copy of the repository, and runs the test that is
 * said to notice. Exits 1 when a mistake is not noticed, or when one is that is said to survive.
 *
 * npm run mistakes -- [--only <text>] [--write]
 * `--only` takes the mistakes whose source file, or what they weaken, contains the text; `--write` puts the result into
 * docs/security-testing.md. The working tree is not touched: a copy of it is.
 */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { replaceSection } from '../bench/document.ts'
import { makeScratch } from '../bench/scratch.ts'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { mistakes, mistakesPage, mistakesTable, weaken } from '../test/mistakes/all.ts'
import type { Mistake } from '../test/mistakes/mistake.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
/** For one test file: some start several servers. */
const timeoutMs = 300_000

/** What became of the tests of one run. */
interface Run {
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  /** The end of what was printed; for a run in which no test was met. */
  readonly output: string
}

/** The files that git knows or would know, and what is installed. */
function copyRepository(): string {
  const copy = makeScratch('rowpass-mistakes')
  const listed = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: repository, encoding: 'utf8' })
  for (const path of listed.split('\0').filter((name) => name !== '')) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(repository, path), join(copy, path))
  }
  const installed = join(repository, 'node_modules')
  mkdirSync(join(copy, 'node_modules'))
  // Each package and not the folder: what vitest keeps beside them stays in the copy.
  for (const name of readdirSync(installed)) {
    if (!name.startsWith('.v')) symlinkSync(join(installed, name), join(copy, 'node_modules', name))
  }
  return copy
}

function runTests(files: readonly string[], titles: readonly string[], own: boolean): Promise<Run> {
  const report = join(copy, 'report.json')
  rmSync(report, { force: true })
  const pattern = titles.map(toPattern).join('|')
  const args = ['vitest', 'run', ...files, '--reporter=json', `--outputFile=${report}`]
  args.push(...(pattern === '' ? ['--bail=1'] : ['-t', pattern]))
  const { TEST_DATABASE_URL: given = server.superuserUrl, ...inherited } = process.env
  const env = { ...inherited, NO_COLOR: '1', ...(!own && { TEST_DATABASE_URL: given }) }
  return new Promise((resolve) => {
    const child = spawn('npx', args, { cwd: copy, env, detached: true })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = `${output}${text}`.slice(-4_000)
      })
    }
    // The group: the servers that the tests have started are to end with them.
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), timeoutMs * files.length)
    child.on('close', () => {
      clearTimeout(timer)
      resolve({ ...readReport(report), output })
    })
  })
}

/** A title as a pattern; where the file has a place for a value, anything may stand. */
function toPattern(title: string): string {
  return title
    .split(/%[sij]|%o|\$\{[^}]*\}/)
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.*')
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

function readReport(path: string): Pick<Run, 'passed' | 'failed'> {
  let report: Report
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    return { passed: [], failed: [] }
  }
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const named = (status: string) => results.filter((each) => each.status === status).map(({ fullName }) => fullName)
  return { passed: named('passed'), failed: named('failed') }
}

/** Roles are shared by all databases of a server: what is wrong with them must not be there for the next one. */
function changesRoles({ file }: Mistake): boolean {
  return file.startsWith('packages/rowpass/src/database/') || file.endsWith('.sql')
}

/** @returns whether it went as the table says */
async function tryMistake(mistake: Mistake): Promise<{ expected: boolean; says: string }> {
  const path = join(copy, mistake.file)
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, weaken(mistake, before))
  try {
    const { passed, failed, output } = await runTests([mistake.test], [mistake.title], changesRoles(mistake))
    if (failed.length > 0) {
      return { expected: mistake.survives === undefined, says: `noticed by ${mistake.test}: ${failed[0]}` }
    }
    if (passed.length === 0) return { expected: false, says: `no test could be run:\n${output}` }
    return { expected: mistake.survives !== undefined, says: 'SURVIVED' }
  } finally {
    writeFileSync(path, before)
  }
}

/** Every test that is to notice passes as long as no mistake is made. */
async function tryNone(chosen: readonly Mistake[]): Promise<void> {
  const files = [...new Set(chosen.map(({ test }) => test))]
  const { passed, failed, output } = await runTests(files, [...new Set(chosen.map(({ title }) => title))], false)
  if (passed.length > 0 && failed.length === 0) return
  throw new Error(`without a mistake these fail:\n${failed.join('\n')}${passed.length > 0 ? '' : output}`)
}

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, write: { type: 'boolean' } },
})
const chosen = mistakes.filter(({ file, weakens }) => file.includes(values.only) || weakens.includes(values.only))
const copy = copyRepository()
const server = await startEmbeddedPostgres({ directory: join(copy, '.postgres'), durable: false })
const startedAt = performance.now()
const unexpected: string[] = []
try {
  await tryNone(chosen)
  for (const [index, mistake] of chosen.entries()) {
    const { expected, says } = await tryMistake(mistake)
    console.log(
      `${expected ? 'ok  ' : 'FAIL'} ${index + 1}/${chosen.length} ${mistake.file}: ${mistake.weakens}\n     ${says}`,
    )
    if (!expected) unexpected.push(`${mistake.file}: ${mistake.weakens}: ${says}`)
  }
} finally {
  await server.stop()
  rmSync(copy, { recursive: true, force: true })
}
const minutes = (performance.now() - startedAt) / 60_000
const survivors = chosen.filter(({ survives }) => survives !== undefined).length
console.log(
  `${chosen.length} mistakes, ${survivors} said to survive, ${unexpected.length} not as said, ${minutes.toFixed(0)} min`,
)
for (const each of unexpected) console.error(each)
if (unexpected.length > 0) process.exitCode = 1
else if (values.write && values.only === '') {
  const commit = execFileSync('git', ['log', '-1', '--format=%h of %cs'], { cwd: repository, encoding: 'utf8' }).trim()
  replaceSection(
    join(repository, mistakesPage),
    'mistakes',
    mistakesTable(`commit ${commit}, ${minutes.toFixed(0)} minutes`),
  )
}
