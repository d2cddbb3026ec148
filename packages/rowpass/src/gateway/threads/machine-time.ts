/**
 * What the machine takes of a thread's time: how long it could have run and had no processor. Who is billed for time on a
 * thread is not billed for that.
 */
import { openSync, readSync } from 'node:fs'

const line = Buffer.alloc(128)

/**
 * Makes a clock of this thread, and of no other: milliseconds that it has waited for a processor since it began. Always 0
 * where the system does not tell; Linux does, by the second number of `/proc/thread-self/schedstat`.
 * @see https://docs.kernel.org/scheduler/sched-stats.html
 */
export function createMachineClock(): () => number {
  let file: number
  try {
    file = openSync('/proc/thread-self/schedstat', 'r')
  } catch {
    return () => 0
  }
  return () => {
    const [, waitedNs] = line.toString('latin1', 0, readSync(file, line, 0, line.length, 0)).split(' ')
    return Number(waitedNs) / 1e6 || 0
  }
}
