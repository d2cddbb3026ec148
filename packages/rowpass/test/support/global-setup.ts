/**
 * Gives each run of the tests a PostgreSQL of its own: a throw-away embedded server, or databases with names of this
 * run on the server that TEST_DATABASE_URL (the URL of a superuser) names.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { makeScratch } from '../../../../bench/scratch.ts'
import { startEmbeddedPostgres } from '../../../local/src/postgres/embedded.ts'
import { withConnection } from '../../src/database/connect.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the superuser of the server that this run uses. */
    superuserUrl: string
    /** `server_version_num`, such as 180004. */
    serverVersion: number
    /** Names of the extensions that the server has. */
    extensions: readonly string[]
    /** Start of the names of all databases of this run. */
    databasePrefix: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = useMemory()
  // Programs that tests start are what was built.
  execFileSync(process.execPath, ['--import', 'tsx', 'tools/build.ts', '--stale'], {
    cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
    stdio: 'inherit',
  })
  const server = process.env.TEST_DATABASE_URL ? external(process.env.TEST_DATABASE_URL) : await embedded()
  const databasePrefix = `rowpass_test_${process.pid}_${Date.now().toString(36)}_`
  const { version, extensions } = await withConnection(server.superuserUrl, async (client) => {
    const { rows } = await client.query(`
      select current_setting('server_version_num')::int as version, array(select name::text from pg_available_extensions) as extensions`)
    return rows[0] as { version: number; extensions: string[] }
  })
  project.provide('superuserUrl', server.superuserUrl)
  project.provide('serverVersion', version)
  project.provide('extensions', extensions)
  project.provide('databasePrefix', databasePrefix)
  return async () => {
    await server.close(databasePrefix)
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

/** Room that a run has to find in memory for its temporary files, in bytes. */
const memoryNeeded = 4e9

/**
 * Temporary files go to memory where there is room: a database is made and dropped there at a third of the CPU time.
 * @returns the folder, which goes with the run; undefined where they stay where the system has them
 */
function useMemory(): string | undefined {
  if (process.platform !== 'linux' || process.env.TMPDIR !== undefined) return undefined
  const options = /^\S+ \/dev\/shm tmpfs (\S+)/m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
  if (options === undefined || options.split(',').includes('noexec')) return undefined
  const { bavail, bsize } = statfsSync('/dev/shm')
  if (bavail * bsize < memoryNeeded) return undefined
  process.env.TMPDIR = '/dev/shm'
  const folder = makeScratch('rowpass-tests')
  // As /tmp: whoever runs a server is another user than root.
  chmodSync(folder, 0o1777)
  process.env.TMPDIR = folder
  return folder
}

interface TestServer {
  superuserUrl: string
  close(databasePrefix: string): Promise<void>
}

async function embedded(): Promise<TestServer> {
  const directory = makeScratch('rowpass-test')
  const server = await startEmbeddedPostgres({ directory, durable: false })
  const close = async () => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  return { superuserUrl: server.superuserUrl, close }
}

function external(superuserUrl: string): TestServer {
  const close = (databasePrefix: string) =>
    withConnection(superuserUrl, async (client) => {
      const { rows } = await client.query('select datname as name from pg_database where starts_with(datname, $1)', [
        databasePrefix,
      ])
      for (const { name } of rows) await client.query(`drop database if exists ${name} with (force)`)
    })
  return { superuserUrl, close }
}
