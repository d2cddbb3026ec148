/**
 * Gives each run of the tests a PostgreSQL of its own: a throw-away embedded server, or databases with names of this
 * run on the server that TEST_DATABASE_URL (the URL of a superuser) names.
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
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
  return () => server.close(databasePrefix)
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
