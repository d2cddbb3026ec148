/**
 * The world of a command that runs as a process of its own: its streams, its signals, its end.
 */
import type { Io } from './io.ts'

const parentPollMs = 250
const interruptedExitCode = 130

/**
 * Takes over this process's arguments, streams and signals.
 *
 * The first signal asks the command to end, the second one ends it at once. A process that npm started also ends when
 * its parent is gone. The npm scripts begin with `exec`, because npm passes a signal on to their shell only.
 *
 * `end` waits until what was printed is read: node would drop what a pipe had no room for.
 */
export function ownProcess(): { io: Io; argv: readonly string[]; end(code: number): Promise<never> } {
  const controller = new AbortController()
  const ask = (): void => {
    if (controller.signal.aborted) process.exit(interruptedExitCode)
    controller.abort()
  }
  const reloaders = new Set<() => void>()
  process.on('SIGINT', ask).on('SIGTERM', ask)
  // Of a terminal that closes, unless the command says that it can reload.
  process.on('SIGHUP', () => {
    for (const reload of reloaders) reload()
    if (reloaders.size === 0) ask()
  })
  if (process.env.npm_lifecycle_event !== undefined) whenParentEnds(() => controller.abort())
  // A reader that is gone, as in `rowpass env | head -1`, is no failure.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

  const io: Io = {
    cwd: process.cwd(),
    env: process.env,
    colours: process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
    signal: controller.signal,
    onReload(listener) {
      reloaders.add(listener)
      return () => void reloaders.delete(listener)
    },
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  }
  return {
    io,
    argv: process.argv.slice(2),
    async end(code) {
      await Promise.all([process.stdout, process.stderr].map(isRead))
      return process.exit(code)
    },
  }
}

/** Resolves when everything before has left this process, or can leave it no more. */
function isRead(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()))
}

function whenParentEnds(listener: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    listener()
  }, parentPollMs)
  timer.unref()
}
