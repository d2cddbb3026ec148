/**
 * Starts and ends the process that runs the API (`host.ts`).
 */

import { type ChildProcess, fork } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Failure } from 'rowpass'
import { bold, dim, type Io, makeStateFolder } from 'rowpass/operate'
import type { ApiMessage, ApiSettings } from './host.ts'

/** The API's process. */
export interface ApiProcess {
  /**
   * Starts the Worker; resolves when it is loaded.
   * @throws Failure `worker_failed`
   */
  start(settings: ApiSettings): Promise<void>
  /**
   * Asks for its keys: it says that it is ready also when it is not, and only an answer is proof. Once everything is there
   * that it needs for one.
   * @throws Failure `worker_failed`
   */
  answer(port: number): Promise<void>
  /** Settles when the process has ended for whatever reason. */
  readonly ended: Promise<void>
  /** Ends it and everything that it started. May be called twice. */
  stop(): Promise<void>
}

const stopMs = 3_000
const startMs = 60_000
const firstAnswerMs = 20_000

/**
 * Begins to load wrangler. What the Worker prints goes to standard error of `io`.
 */
export function launchApi(io: Io): ApiProcess {
  const state = makeStateFolder(io.cwd)
  const scratch = join(state, 'tmp')
  // Of a process that was killed.
  clear(scratch)
  mkdirSync(scratch, { mode: 0o700 })
  const child = forkHost(io, state, scratch)
  const messages = listen(child, (ms) =>
    io.stdout(`  ${bold(io, 'reloaded')}    the API ${dim(io, `(${Math.round(ms)} ms)`)}\n`),
  )
  let stopping = false
  const ended = new Promise<void>((resolve) => {
    // More than one error may come: one for each message that can no longer be sent.
    child.on('exit', () => resolve()).on('error', () => resolve())
  })
  return {
    ended,
    async start(settings) {
      child.send(settings)
      const answer = await Promise.race([
        messages.ready,
        ended.then(() => 'its process ended'),
        delay(startMs, `it was not ready after ${startMs / 1000} s`, { ref: false }),
      ])
      if (answer !== undefined && !stopping) throw new Failure('worker_failed', { detail: answer })
    },
    async answer(port) {
      const problem = await askForKeys(port, ended)
      if (problem !== undefined && !stopping) throw new Failure('worker_failed', { detail: problem })
    },
    async stop() {
      stopping = true
      if (child.connected) child.disconnect()
      await Promise.race([ended, delay(stopMs, undefined, { ref: false })])
      endGroup(child)
      await ended
      clear(scratch)
    },
  }
}

function clear(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

function forkHost(io: Io, state: string, scratch: string): ChildProcess {
  const log = makePrivateLog(state)
  const fromSource = import.meta.url.endsWith('.ts')
  const host = fileURLToPath(new URL(fromSource ? 'host.ts' : 'host.js', import.meta.url))
  const child = fork(host, [scratch], {
    cwd: io.cwd,
    // Not the environment of this process: it may hold secrets, and wrangler reads many variables.
    env: {
      ...pick(io.env, ['PATH', 'HOME', 'TZ', 'NODE_EXTRA_CA_CERTS']),
      TMPDIR: scratch,
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: 'false',
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_HIDE_BANNER: 'true',
      // It keeps an identity and logs there, also where the home folder cannot be written.
      XDG_CONFIG_HOME: join(state, 'wrangler'),
      WRANGLER_LOG_PATH: log,
      NO_COLOR: '1',
      FORCE_COLOR: '0',
    },
    execArgv: fromSource ? ['--import', import.meta.resolve('tsx/esm')] : [],
    // A group of its own: Ctrl-C in a terminal reaches us only, and the whole group can be ended.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', io.stderr)
  return child
}

/** Wrangler's log, which has messages with tokens in them where no MAIL_URL is set. */
function makePrivateLog(folder: string): string {
  const path = join(folder, 'wrangler.log')
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  return path
}

async function askForKeys(port: number, ended: Promise<void>): Promise<string | undefined> {
  const request = fetch(`http://127.0.0.1:${port}/.well-known/jwks.json`, {
    signal: AbortSignal.timeout(firstAnswerMs),
  })
  const answer = await Promise.race([request.catch(() => undefined), ended.then(() => undefined)])
  if (answer?.ok === true) return undefined
  const what = answer === undefined ? 'does not answer' : `answers ${answer.status} where its public keys should be`
  return `it ${what}; the whole story is in .rowpass/wrangler.log`
}

/** `ready` resolves with undefined, or with the reason why it never will be. */
function listen(child: ChildProcess, onReload: (ms: number) => void): { ready: Promise<string | undefined> } {
  return {
    ready: new Promise((resolve) => {
      child.on('message', (message) => {
        const said = message as ApiMessage // our own process, the other end of `host.ts`
        if (said.type === 'ready') resolve(undefined)
        if (said.type === 'reloaded') onReload(said.ms)
        if (said.type === 'failed') resolve(said.text)
      })
    }),
  }
}

/** Whatever wrangler left behind is in the child's group, also when the child itself is gone. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group is empty.
  }
}

function pick(env: Readonly<Record<string, string | undefined>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
