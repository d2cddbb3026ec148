/**
 * Child processes that are measured: started, asked, watched by the CPU time that the kernel has counted.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** A child that answers one message with one message. */
export interface Peer {
  readonly pid: number
  /** @throws when the child ends, or answers with an error */
  ask<Answer>(question: unknown): Promise<Answer>
  stop(): Promise<void>
}

/** Starts a child from a compiled file. Its standard output and error are ours. */
export function startPeer(file: string, args: readonly string[] = [], execArgv: readonly string[] = []): Peer {
  const child = fork(file, args, { execArgv: [...execArgv], serialization: 'advanced' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    pid: child.pid ?? 0,
    ask: (question) => ask(child, question),
    async stop() {
      if (child.exitCode === null && child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(timer)
    },
  }
}

function ask<Answer>(child: ChildProcess, question: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      settled()
    }
    const onMessage = (message: { answer?: Answer; error?: string }) =>
      settle(() => (message.error === undefined ? resolve(message.answer as Answer) : reject(new Error(message.error))))
    const onExit = () => settle(() => reject(new Error('the process has ended')))
    child.on('message', onMessage)
    child.on('exit', onExit)
    child.send(question as object)
  })
}

/** Milliseconds of one tick of the kernel's CPU accounting: USER_HZ is 100 on every Linux that Node runs on. */
const tickMs = 10
const pageBytes = 4096

/** CPU milliseconds, user and system, that a process has used; 0 where there is no /proc. */
export function cpuMs(pid: number): number {
  const fields = statFields(pid)
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) * tickMs
}

/** A process and the ones that it has started and that still run. */
export function pidsOf(pid: number): number[] {
  return [pid, ...childrenOf(pid)]
}

/** CPU milliseconds of all children that have ended. */
export function endedChildrenCpuMs(parent: number): number {
  const fields = statFields(parent)
  return fields === undefined ? 0 : (Number(fields[13]) + Number(fields[14])) * tickMs
}

/** CPU milliseconds of each running child of a process that has one thread, by its pid. */
export function childrenCpuMs(parent: number): Map<number, number> {
  return new Map(childrenOf(parent).map((pid) => [pid, threadCpuMs(pid)]))
}

/** CPU milliseconds of a process's first thread, to the nanosecond. */
function threadCpuMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6
  } catch {
    return 0
  }
}

/** CPU milliseconds that passed between two readings; a child that ended in between counts for nothing. */
export function elapsedCpuMs(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const [pid, ms] of after) sum += Math.max(ms - (before.get(pid) ?? 0), 0)
  return sum
}

/** Resident memory of a process in bytes; 0 where there is no /proc. */
export function residentBytes(pid: number): number {
  return Number(statFields(pid)?.[21] ?? 0) * pageBytes
}

/** The processes that a process has started and that still run. */
function childrenOf(parent: number): number[] {
  return readProc().filter((pid) => Number(statFields(pid)?.[1]) === parent)
}

function readProc(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** The fields of /proc/<pid>/stat after the name, which may hold spaces: state, ppid, … */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
