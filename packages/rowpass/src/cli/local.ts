/**
 * What `@rowpass/local` brings to the commands when it is installed: an embedded PostgreSQL, and the whole system at once.
 */
import type { Command } from 'commander'
import { Failure } from '../errors.ts'
import type { Io, SetExitCode } from './io.ts'

/** A database of the embedded PostgreSQL. */
export interface LocalDatabase {
  /** For a person: which one it is, without a password. */
  readonly says: string
  /** URL of the owner, with its password. */
  readonly ownerUrl: string
  /** URL of the superuser, connected to the same database. */
  readonly superuserUrl: string
  /** Settles when the server has ended. */
  readonly ended: Promise<void>
  /** Ends the server. */
  stop(): Promise<void>
}

/** The module, as far as the commands use it. */
export interface Local {
  openLocalDatabase(options: {
    readonly directory: string
    readonly ownerPassword: string
    readonly memoryMb?: number
    readonly durable?: boolean
    readonly onProgress?: (text: string) => void
  }): Promise<LocalDatabase>
  /** A server for databases that are thrown away, with the URL of a login that may make them. */
  openScratchPostgres(): Promise<{ readonly url: string; stop(): Promise<void> }>
  readonly commands: Readonly<Record<'dev' | 'local', (io: Io, setExitCode: SetExitCode) => Command>>
}

/** In a variable: the package is optional, and the compiler is not to look for it. */
const packageName: string = '@rowpass/local'

/**
 * Loads the package.
 *
 * @throws Failure `local_missing` when it is not installed
 */
export async function loadLocal(): Promise<Local> {
  try {
    return (await import(packageName)) as Local
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(packageName)) throw error
    throw new Failure('local_missing', { cause: error })
  }
}
