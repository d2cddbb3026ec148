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
  stop(): Promise<void>
}

const bin = fileURLToPath(new URL('../packages/rowpass/bin/rowpass.js', import.meta.url))

/**
 * @param env its environment besides the path; the port is a free one
 * @param log a file descriptor for its log
 */
export async function startCommand(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  log: number | 'ignore' = 'ignore',
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
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void ended.then(() => process.off('exit', kill))
  let url: string | undefined
  while (url === undefined) {
    if (child.exitCode !== null) throw new Error(said)
    await delay(20)
    url = /listening on (\S+)/.exec(said)?.[1]
  }
  while ((await fetch(new URL('/readyz', url))).status !== 200) await delay(20)
  return {
    pid: child.pid ?? 0,
    port: Number(new URL(url).port),
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}
