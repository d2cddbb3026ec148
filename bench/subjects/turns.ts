/**
 * How long the thread of a process goes without a turn of its loop, in CPU time of that thread: what other processes take
 * of the machine does not count, nor do its other threads.
 */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The longest since the last question, in milliseconds. */
export interface LongestTurn {
  readonly cpuMs: number
  /** With what others took of the machine. */
  readonly wallMs: number
  /** CPU time of the thread in all. */
  readonly usedMs: number
}

/** Watches this thread. @returns a function that tells, and begins anew */
export function watchTurns(): () => LongestTurn {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  let last = threadCpuMs()
  let longestMs = 0
  let since = last
  const look = (): void => {
    const now = threadCpuMs()
    longestMs = Math.max(longestMs, now - last)
    last = now
  }
  setInterval(look, 5).unref()
  return () => {
    look()
    const longest = { cpuMs: longestMs, wallMs: delay.max / 1e6, usedMs: last - since }
    delay.reset()
    longestMs = 0
    since = last
    return longest
  }
}

/** Nanoseconds on a CPU come first; the main thread's id is the process's. Linux alone has it. */
function threadCpuMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
}
