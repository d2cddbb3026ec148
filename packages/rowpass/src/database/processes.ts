/**
 * Tells processes apart for longer than their pids do: after a restart of a machine or container, pids come again.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isErrno } from './private-files.ts'

/** A process as it is remembered in a file. */
export interface ProcessMark {
  readonly pid: number
  /** When it started, in a form of the operating system's. */
  readonly started: string
}

/** Whether a process with this pid runs; one that we may not signal counts, one that only waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!isErrno(error, 'EPERM')) return false
  }
  if (process.platform !== 'linux') return true
  // In a container whose first process reaps nothing, ended processes keep their pids. One with threads that have not ended
  // still holds its sockets and files.
  const stat = statOf(pid)
  return stat[0] !== 'Z' || Number(stat[17]) > 1
}

/** The mark of this process. */
export function markSelf(): ProcessMark {
  return { pid: process.pid, started: startOf(process.pid) }
}

/** The marked process if it still runs; undefined for anything that is not a mark. */
export function findMarked(mark: unknown): ProcessMark | undefined {
  if (typeof mark !== 'object' || mark === null || !('pid' in mark) || !('started' in mark)) return undefined
  const { pid, started } = mark
  if (typeof pid !== 'number' || typeof started !== 'string' || !isAlive(pid)) return undefined
  return startOf(pid) === started ? { pid, started } : undefined
}

/** The command line of a process; empty when it is gone. */
export function commandOf(pid: number): string {
  try {
    return process.platform === 'linux' ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ps(pid, 'args=')
  } catch {
    return ''
  }
}

function startOf(pid: number): string {
  try {
    if (process.platform !== 'linux') return ps(pid, 'lstart=').trim()
    return statOf(pid)[19] ?? ''
  } catch {
    return ''
  }
}

/** proc_pid_stat(5) from the state on; the name before it, in parentheses, may hold anything. Empty when it is gone. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-ww', '-o', column, '-p', String(pid)], { encoding: 'utf8' })
}
