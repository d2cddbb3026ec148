/**
 * One worker as the primary process has it: a child process, the connections that were handed to it, what it says.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { GatewayEnv } from '../config.ts'
import { createLineCutter } from '../log-lines.ts'
import type { MetricValues } from '../metrics.ts'
import type { FromWorker, ToWorker } from './messages.ts'

/** How a process has ended. */
export interface WorkerEnding {
  /** null where a signal has ended it. */
  readonly exitCode: number | null
  readonly signal: string | null
}

/** What is heard of a worker. */
export interface WorkerListener {
  /** It takes connections from now on. */
  onServing(): void
  /** Whether it is ready has changed. */
  onReadiness(): void
  /** It has nothing left to do. */
  onStopped(): void
  /** Whole lines of its log. Returns false where no more should come before {@link WorkerProcess.resume}. */
  onLines(lines: string): boolean
  /** It has ended, and its log is whole. @param unaccepted connections that it has not taken */
  onEnd(ending: WorkerEnding, unaccepted: readonly Socket[]): void
}

/** How a worker begins. */
export interface WorkerStart {
  /** From 1. */
  readonly worker: number
  /** Its settings, none of them in a file, when it begins. */
  readonly env: () => GatewayEnv
}

type Question = { readonly kind: 'replace'; readonly env: GatewayEnv } | { readonly kind: 'metrics' }

/** Seconds for which a worker may say nothing. Counted by a timer that stands still while this machine does. */
const maxSilentSeconds = 30

/** A worker. */
export class WorkerProcess {
  /** What it has counted, when it was asked last. */
  metrics: MetricValues = []
  /** Whether it takes connections. */
  serving = false
  ready = false
  /** Of clients whose requests did not end in time; known once it has stopped. */
  cutOff = 0
  readonly #child: ChildProcess
  readonly #unaccepted = new Map<number, Socket>()
  readonly #asked = new Map<number, () => void>()
  #connections = 0
  #lastId = 0
  #silentSeconds = 0
  #up = false

  constructor(start: WorkerStart, listener: WorkerListener) {
    const child = forkWorker()
    this.#child = child
    const cutter = createLineCutter()
    child.stdout?.on('data', (chunk: Buffer) => {
      if (!listener.onLines(cutter.take(chunk))) child.stdout?.pause()
    })
    child.on('message', (message: FromWorker) => this.#onMessage(message, start, listener))
    // A message to a process that has just ended.
    child.on('error', () => {})
    const timer = setInterval(() => {
      if (this.#up && ++this.#silentSeconds > maxSilentSeconds) child.kill('SIGKILL')
    }, 1_000)
    child.once('close', (exitCode, signal) => {
      clearInterval(timer)
      this.serving = false
      this.ready = false
      for (const settle of this.#asked.values()) settle()
      listener.onEnd({ exitCode, signal }, [...this.#unaccepted.values()])
    })
  }

  /** Connections that it has, as far as is known. */
  get connections(): number {
    return this.#connections + this.#unaccepted.size
  }

  /** Hands a connection over, of which nothing was read. */
  give(socket: Socket): void {
    const id = ++this.#lastId
    // Kept until it is taken, so that another worker can have it where this one ends first.
    this.#unaccepted.set(id, socket)
    this.#child.send({ kind: 'connection', id } satisfies ToWorker, socket, { keepOpen: true }, () => {})
  }

  tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** Resolves when it has done so; when it has ended, too. */
  ask(question: Question): Promise<void> {
    return new Promise((resolve) => {
      const id = ++this.#lastId
      const settle = (): void => {
        this.#asked.delete(id)
        resolve()
      }
      if (!this.#child.connected) return resolve()
      this.#asked.set(id, settle)
      this.tell({ ...question, id })
    })
  }

  /** Goes on to read its log. */
  resume(): void {
    this.#child.stdout?.resume()
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #onMessage(message: FromWorker, { worker, env }: WorkerStart, listener: WorkerListener): void {
    this.#silentSeconds = 0
    switch (message.kind) {
      case 'up':
        this.#up = true
        this.tell({ kind: 'start', worker, env: env() })
        break
      case 'serving':
        this.serving = true
        listener.onServing()
        break
      case 'accepted':
        this.#unaccepted.get(message.id)?.destroy()
        this.#unaccepted.delete(message.id)
        this.#connections++
        break
      case 'answer':
        if (message.metrics !== undefined) this.metrics = message.metrics
        this.#asked.get(message.id)?.()
        break
      case 'alive':
        this.#connections = message.connections
        if (this.ready === message.ready) break
        this.ready = message.ready
        listener.onReadiness()
        break
      case 'stopped':
        this.cutOff = message.cutOff
        listener.onStopped()
    }
  }
}

/** In a clone the TypeScript sources run as they are, by tsx; a published package has JavaScript. */
function forkWorker(): ChildProcess {
  const stdio: ('ignore' | 'pipe' | 'inherit' | 'ipc')[] = ['ignore', 'pipe', 'inherit', 'ipc']
  const isSource = import.meta.url.endsWith('.ts')
  const program = fileURLToPath(new URL(isSource ? 'worker.ts' : 'worker.js', import.meta.url))
  if (!isSource) return fork(program, { stdio })
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
  return fork(program, { stdio, execArgv: ['--import', tsx] })
}
