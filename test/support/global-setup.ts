/**
 * Gives each run of the tests a PostgreSQL of its own: a throw-away embedded server, or databases with names of this
 * run on the server that TEST_DATABASE_URL (the URL of a superuser) names.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { withConnection } from '../../src/database/connect.ts'
import { openForServer } from '../../src/database/data-folder.ts'
import { startEmbeddedPostgres } from '../../src/database/embedded.ts'
import { isAlive } from '../../src/database/processes.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the superuser of the server that this run uses. */
    superuserUrl: string
    /** `server_version_num`, such as 180004. */
    serverVersion: number
    /** Start of the names of all databases of this run. */
    databasePrefix: string
  }
}

const folderPrefix = 'rowpass-test-'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = process.env.TEST_DATABASE_URL ? external(process.env.TEST_DATABASE_URL) : await embedded()
  const databasePrefix = `rowpass_test_${process.pid}_${Date.now().toString(36)}_`
  const version = await withConnection(server.superuserUrl, async (client) => {
    const { rows } = await client.query("select current_setting('server_version_num')::int as number")
    return rows[0].number as number
  })
  project.provide('superuserUrl', server.superuserUrl)
  project.provide('serverVersion', version)
  project.provide('databasePrefix', databasePrefix)
  return () => server.close(databasePrefix)
}

interface TestServer {
  superuserUrl: string
  close(databasePrefix: string): Promise<void>
}

async function embedded(): Promise<TestServer> {
  removeAbandonedFolders()
  const directory = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`))
  openForServer(directory)
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

/** Folders of runs that were killed; their servers have ended with them. */
function removeAbandonedFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${folderPrefix}(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}
