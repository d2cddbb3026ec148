/**
 * Runs a program that ends with us, however we end.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { type Account, programEnvironment } from './binaries.ts'

/** A guarded program. */
export interface Guarded {
  /** Its pid; NaN when it could not be started. */
  readonly pid: number
  /** Settles with the exit code when it has ended; null when a signal ended it. */
  readonly ended: Promise<number | null>
  /** Asks it to end, by SIGINT. */
  interrupt(): void
}

/**
 * The shell between us and the program. Its descriptor 3 is a pipe from us that only ever closes: when we ask, or when
 * we are gone for any reason, `read` returns and the program gets SIGINT. The shell waits for the program, so its pid
 * cannot be given to another process meanwhile.
 */
const shell = `
"$@" >&2 3<&- & program=$!
echo $program
exec >/dev/null
( read -r _ <&3; kill -INT $program ) 2>/dev/null & guard=$!
exec 3<&-
wait $program; status=$?
kill $guard 2>/dev/null
exit $status
`

/**
 * Starts a program as an account, in a session of its own: Ctrl-C in a terminal reaches us, and we decide when it ends.
 *
 * @param command path and arguments; all of its output goes to `output`
 * @param options.output a file descriptor
 */
export async function spawnGuarded(
  command: readonly string[],
  options: { account: Account | undefined; output: number },
): Promise<Guarded> {
  const child = spawn('/bin/sh', ['-c', shell, 'rowpass-guardian', ...command], {
    ...options.account,
    cwd: '/',
    env: programEnvironment,
    stdio: ['ignore', 'pipe', options.output, 'pipe'],
    detached: true,
  })
  const control = child.stdio[3] as Duplex // 'pipe' in the options; Node's types say any stream
  control.on('error', () => undefined)
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('exit', resolve)
  })
  void ended.then(() => control.destroy())
  return { pid: Number.parseInt(await firstLine(child), 10), ended, interrupt: () => control.end() }
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  if (child.stdout === null) return text
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text
}
