/**
 * Runs the command line inside the test process, in a folder of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openForServer } from '../../../local/src/postgres/data-folder.ts'
import type { Io } from '../../src/cli/io.ts'
import { main } from '../../src/cli/main.ts'

/** What a command did. */
export interface Run {
  code: number
  stdout: string
  stderr: string
}

/** A folder in which commands run. */
export interface Sandbox {
  readonly directory: string
  /** Runs `rowpass <argv>` with this environment only. */
  run(argv: readonly string[], env?: Record<string, string>): Promise<Run>
  /** The same for a command that runs until it is asked to end. */
  start(argv: readonly string[], env?: Record<string, string>): Running
  remove(): void
}

/** A command that runs. */
export interface Running {
  readonly ended: Promise<Run>
  /** What it has written so far. */
  written(): string
  /** Asks it to read its settings again. */
  reload(): void
  /** Asks it to end, and waits. */
  stop(): Promise<Run>
}

/** Makes an empty folder. */
export function createSandbox(): Sandbox {
  const directory = mkdtempSync(join(tmpdir(), 'rowpass-cli-'))
  openForServer(directory)
  const start = (argv: readonly string[], env: Record<string, string> = {}): Running => {
    const controller = new AbortController()
    const reloaders = new Set<() => void>()
    const out = { stdout: '', stderr: '' }
    const io: Io = {
      cwd: directory,
      // The login of the gateway is shared by all tests of a server, and so is its CONNECTION LIMIT.
      env: { PATH: process.env.PATH, ROWPASS_GATEWAYS: '8', ...env },
      colours: false,
      signal: controller.signal,
      onReload(listener) {
        reloaders.add(listener)
        return () => void reloaders.delete(listener)
      },
      stdout: (text) => {
        out.stdout += text
      },
      stderr: (text) => {
        out.stderr += text
      },
    }
    const ended = main(argv, io).then((code) => ({ code, ...out }))
    return {
      ended,
      written: () => out.stdout + out.stderr,
      reload() {
        for (const reload of reloaders) reload()
      },
      stop() {
        controller.abort()
        return ended
      },
    }
  }
  return {
    directory,
    start,
    run: (argv, env) => start(argv, env).ended,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
