/**
 * Starts the PostgreSQL that an npm package carries, with its data inside the project.
 * `binaries.ts` finds the programs, `data-folder.ts` decides where the data lives and makes it, `server.ts` runs it.
 */

import { join } from 'node:path'
import { Failure } from 'rowpass'
import { loadSecrets, makeStateFolder } from 'rowpass/operate'
import { type Account, preparePrograms } from './binaries.ts'
import { accountOf, checkDataFolder, chooseDataFolder, createDataFolder } from './data-folder.ts'
import { resetSuperuserPassword, type ServerProcess, startServer } from './server.ts'

/** How to start the embedded server. */
export interface EmbeddedOptions {
  /** The project; the data goes to `.rowpass/postgres` in it. */
  readonly directory: string
  /** Port on 127.0.0.1; default: that of the last start, else any free one. */
  readonly port?: number
  /** `false` gives up safety against a power cut for speed; for tests only. Default `true`. */
  readonly durable?: boolean
  /**
   * Private memory that each process of the server may have, in MB; 0 is no limit. A statement that needs more fails with
   * 53200. On Linux only. Default {@link defaultMemoryMb}
   */
  readonly memoryMb?: number
  /** Hears one line for each step that takes noticeable time, or that a person may want to know. */
  readonly onProgress?: (text: string) => void
}

/** What a process of the server needs for its own work, maintenance_work_mem included, some times over. */
export const defaultMemoryMb = 512

/** A running embedded server. */
export interface EmbeddedPostgres {
  /** URL of the superuser `postgres`, with its password. */
  readonly superuserUrl: string
  readonly port: number
  readonly dataDirectory: string
  /** As the server names itself, such as `18.4`. */
  readonly version: string
  /** Whether this start made the data folder. */
  readonly created: boolean
  /** Settles when the server has ended for whatever reason. */
  readonly ended: Promise<void>
  /** Ends the server; resolves when it is gone. May be called twice. */
  stop(): Promise<void>
}

/** Where programs and data go when root's project cannot be entered by the account that runs the server. */
export const sharedFolder = '/var/lib/rowpass'

/**
 * Starts the embedded PostgreSQL 18 of a project; makes its data folder first if there is none.
 *
 * Listens on 127.0.0.1 only, no unix socket, scram-sha-256 for everyone. Started by root, it runs as uid 65534, or as
 * the owner of an existing data folder. It ends when this process ends, however that happens. Data is never deleted.
 *
 * Does NOT create roles or databases beyond those of `initdb`.
 *
 * @throws Failure `embedded_unavailable` when no program for this machine can be run
 * @throws Failure `embedded_data_invalid` when the data folder is damaged, of another major version or another user's
 * @throws Failure `embedded_start_failed` when the server refuses to start, with its own last words as detail
 * @throws Failure `already_running` when another process runs the server of this folder
 * @throws Failure `state_invalid` when `.rowpass/secrets.json` is damaged
 * @example
 * const server = await startEmbeddedPostgres({ directory: '.' })
 * console.log(server.version, server.port)
 * await server.stop()
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { directory, onProgress } = options
  const stateDirectory = makeStateFolder(directory)
  const { secrets, made } = loadSecrets(stateDirectory)
  const place = chooseDataFolder(directory, { sharedFolder })
  if (place.reason !== undefined) onProgress?.(place.reason)
  const account: Account | undefined = accountOf(place.path)
  const programs = preparePrograms(account, { sharedFolder, ...(onProgress && { onProgress }) })
  const { durable = true, memoryMb = defaultMemoryMb } = options
  const server = { account, programs, dataDirectory: place.path, logFile: join(stateDirectory, 'postgres.log') }

  const created = checkDataFolder(place.path, programs, account) === 'missing'
  if (created) {
    onProgress?.(`making a PostgreSQL ${programs.version} data folder in ${place.path}`)
    await createDataFolder(place.path, { ...server, password: secrets.superuserPassword, durable })
  }
  const stateFile = join(stateDirectory, 'postgres.json')
  if (!created && made.includes('superuserPassword')) {
    onProgress?.('the password of the data folder was lost; setting a new one')
    await resetSuperuserPassword({ ...server, stateFile }, secrets.superuserPassword)
  }
  const running = await startServer({
    ...server,
    stateFile,
    durable,
    memoryMb,
    ...(options.port && { port: options.port }),
  })
  return describe(running, secrets.superuserPassword, { dataDirectory: place.path, version: programs.version, created })
}

function describe(
  running: ServerProcess,
  password: string,
  facts: { dataDirectory: string; version: string; created: boolean },
): EmbeddedPostgres {
  if (!/^\d+$/.test(String(running.port))) throw new Failure('internal')
  return { ...running, ...facts, superuserUrl: `postgresql://postgres:${password}@127.0.0.1:${running.port}/postgres` }
}
