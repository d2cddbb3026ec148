/**
 * A server of a test file's own, for what it does to roles: they belong to the whole server. It is the same PostgreSQL as
 * that of the run, by its programs; where the run's server is on another machine, the embedded one.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import { accountOf, createDataFolder } from '../../../local/src/postgres/data-folder.ts'
import { startEmbeddedPostgres } from '../../../local/src/postgres/embedded.ts'
import { startServer } from '../../../local/src/postgres/server.ts'
import { withConnection } from '../../src/database/connect.ts'
import { postgresMajor } from './pg.ts'

/** A running server. */
export interface OwnServer {
  readonly superuserUrl: string
  stop(): Promise<void>
}

/** @param directory empty, and such that the account of the server can enter it */
export async function startOwnServer(directory: string): Promise<OwnServer> {
  const programsFolder = await findPrograms()
  if (programsFolder === undefined) return startEmbeddedPostgres({ directory, durable: false })
  return startServerOf({ programsFolder, version: String(postgresMajor()) }, directory)
}

/** @param directory as for {@link startOwnServer} */
export async function startServerOf(
  { programsFolder, version }: { programsFolder: string; version: string },
  directory: string,
): Promise<OwnServer> {
  const dataDirectory = join(directory, 'postgres')
  const account = accountOf(dataDirectory)
  const [initdb, postgres] = [join(programsFolder, 'initdb'), join(programsFolder, 'postgres')]
  const programs = { initdb, postgres, version }
  const place = { programs, account, dataDirectory, logFile: join(directory, 'postgres.log'), durable: false }
  const password = 'of-a-throw-away-server'
  await createDataFolder(dataDirectory, { ...place, password })
  const server = await startServer({ ...place, stateFile: join(directory, 'postgres.json'), memoryMb: 0 })
  return {
    superuserUrl: `postgresql://postgres:${password}@127.0.0.1:${server.port}/postgres`,
    stop: () => server.stop(),
  }
}

/** The programs of the server that TEST_DATABASE_URL names. */
async function findPrograms(): Promise<string | undefined> {
  if (!process.env.TEST_DATABASE_URL) return undefined
  const { rows } = await withConnection(inject('superuserUrl'), (client) =>
    client.query<{ setting: string }>(`select setting from pg_config where name = 'BINDIR'`),
  )
  const [{ setting } = { setting: '' }] = rows
  return existsSync(join(setting, 'initdb')) ? setting : undefined
}
