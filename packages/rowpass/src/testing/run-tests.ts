/**
 * Runs a test command as a process of its own, for as long as it may take.
 */
import { spawn } from 'node:child_process'
import { Failure } from '../errors.ts'

/** What to run. */
export interface TestCommand {
  /** Program and arguments; no shell is between. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The variables that get the URL. */
  readonly urlNames: readonly string[]
  readonly url: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** How it ended. */
export interface TestRun {
  readonly passed: boolean
  /** The end of what it wrote. */
  readonly output: string
}

const maxOutput = 16_384

/**
 * Runs the command; it and all that it started are ended when the time is over.
 *
 * @throws Failure `config_invalid` when there is no such program
 */
export async function runTests({ argv, cwd, env, urlNames, url, timeoutMs, signal }: TestCommand): Promise<TestRun> {
  const [program, ...args] = argv
  if (program === undefined) throw new TypeError('the command is empty')
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...env, ...Object.fromEntries(urlNames.map((name) => [name, url])) },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: a runner has processes of its own, which must end with it.
      detached: true,
    })
    let output = ''
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-maxOutput)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    const end = (): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    }
    const timer = setTimeout(end, timeoutMs)
    signal?.addEventListener('abort', end, { once: true })
    child.on('error', (cause) => {
      clearTimeout(timer)
      reject(new Failure('config_invalid', { detail: `${program} cannot be run`, cause }))
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve({ passed: code === 0, output })
    })
  })
}
