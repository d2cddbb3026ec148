/**
 * `rowpass gateway` as people start it: a process of its own, with the log that it writes.
 */
import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A running gateway that is ready. */
export interface Command {
  readonly pid: number
  readonly port: number
  /** Has it end, as for SIGTERM. @returns its exit code */
  stop(): Promise<number | null>
}

/** The command line of this checkout, as it was built. */
export const builtBin = fileURLToPath(new URL('../packages/rowpass/bin/rowpass.js', import.meta.url))
const patienceMs = 60_000

/**
 * @param env its environment besides the path; the port is a free one unless it is said
 * @param log a file descriptor for its log
 * @throws Error what it said, when it ends or is not ready within a minute
 */
export async function startCommand(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  log: number | 'ignore' = 'ignore',
  bin = builtBin,
): Promise<Command> {
  const child = spawn(process.execPath, [bin, 'gateway', ...args], {
    env: { PATH: process.env.PATH, ROWPASS_PORT: '0', ...env },
    stdio: ['ignore', log, 'pipe'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  void ended.then(() => process.off('exit', kill))
  let url: string | undefined
  for (const deadline = performance.now() + patienceMs; !(await isReady(url)); await delay(20)) {
    url ??= /listening on (\S+)/.exec(said)?.[1]
    if (child.exitCode === null && performance.now() < deadline) continue
    kill()
    throw new Error(`the gateway is not ready: ${said}`)
  }
  return {
    pid: child.pid ?? 0,
    port: Number(new URL(url ?? '').port),
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

async function isReady(url: string | undefined): Promise<boolean> {
  if (url === undefined) return false
  return fetch(new URL('/readyz', url)).then(
    ({ status }) => status === 200,
    () => false,
  )
}
