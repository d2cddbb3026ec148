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

/** Whether any process has this pid; one that we may not signal counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return isErrno(error, 'EPERM')
  }
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
    // proc_pid_stat(5): the name in parentheses may hold anything; `starttime` is the 20th field after it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-ww', '-o', column, '-p', String(pid)], { encoding: 'utf8' })
}
