/**
 * Reads `postmaster.pid`, and deals with what an earlier start of the same data folder left behind.
 */

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from 'rowpass'
import { commandOf, findMarked, isAlive } from 'rowpass/operate'

/** The facts of a `postmaster.pid` that we use. */
export interface Postmaster {
  readonly pid: number
  /** Whether the server says that it accepts connections. */
  readonly ready: boolean
}

const watchdogMs = 3_000
const shutdownMs = 10_000

/** Reads the file; undefined when there is none or it is not written yet. */
export function readPostmaster(dataDirectory: string): Postmaster | undefined {
  let lines: string[]
  try {
    lines = readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return undefined
  }
  const pid = Number(lines[0])
  return Number.isInteger(pid) && pid > 0 ? { pid, ready: lines[7]?.trim() === 'ready' } : undefined
}

/**
 * Makes sure that no server runs in a data folder.
 *
 * A server whose parent is gone ends by itself in a moment; if not, it is asked to. A pid that now belongs to another
 * program is forgotten. A stale file whose process is gone is left to PostgreSQL, which checks more than the pid.
 *
 * @param parent mark of the process that started the server, as recorded then
 * @throws Failure `already_running` when the parent lives
 * @throws Failure `embedded_start_failed` when an orphaned server cannot be ended
 */
export async function clearPostmaster(dataDirectory: string, parent: unknown): Promise<void> {
  const found = readPostmaster(dataDirectory)
  if (found === undefined || !isAlive(found.pid)) return
  if (!isServerOf(found.pid, dataDirectory)) {
    rmSync(join(dataDirectory, 'postmaster.pid'), { force: true })
    return
  }
  const owner = findMarked(parent)
  if (owner !== undefined) {
    throw new Failure('already_running', { detail: `process ${owner.pid} uses the embedded database` })
  }
  if (await isGone(found.pid, watchdogMs)) return
  try {
    process.kill(found.pid, 'SIGINT')
  } catch {
    // Gone this moment, or another user's: the wait below tells.
  }
  if (await isGone(found.pid, shutdownMs)) return
  throw new Failure('embedded_start_failed', {
    detail: `a server from an earlier start still runs as process ${found.pid}; stop it with "kill -INT ${found.pid}"`,
  })
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(20)) {
    if (!isAlive(pid)) return true
  }
  return !isAlive(pid)
}

/** After a restart of the machine the pid may be any program's; only a server of this very folder counts. */
function isServerOf(pid: number, dataDirectory: string): boolean {
  return commandOf(pid).includes(dataDirectory)
}
