/**
 * A thread for work that takes long, and what waits for it. One job runs at a time; one that takes too long, or too much
 * memory, is ended with its thread, and another thread takes its place.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { type TransferListItem, Worker } from 'node:worker_threads'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import type { ParserLimits } from '../../statement/parser.ts'
import { type BudgetQueueLimits, createBudgetQueue, type Waiting } from './budget-queue.ts'
import type { Job, News, Report } from './jobs.ts'

/** Limits of one thread. */
export interface JobThreadOptions extends BudgetQueueLimits {
  /** From its beginning to its end; then the job is given up, and its thread. Of the wall: a busy machine takes its part. */
  readonly maxRunMs: number
  /** How long a job may wait for its turn. */
  readonly maxWaitMs: number
  /**
   * A thread that had no job for so long is ended, and its memory is free; the next job starts another. One that has become
   * large is ended after a tenth of it.
   */
  readonly maxIdleMs: number
  /** Of its parser. */
  readonly parser?: ParserLimits
}

/** One thread. */
export interface JobThread {
  /** Whether the thread takes jobs. */
  readonly ready: boolean
  /** Starts the thread before there is a job; else the first job does. */
  start(): void
  /**
   * Runs a job for an owner.
   *
   * @param transfer buffers that the thread takes over: they are empty here afterwards
   * @throws Failure those of the job, and `overloaded`
   * @throws JobLost when the job took too much memory
   */
  run(job: Job, owner: string, transfer?: readonly ArrayBuffer[]): Promise<unknown>
  /** Tells the thread something that holds for every job from now on, whichever thread runs it. */
  tell(news: News): void
  /** Refuses what waits and ends the thread. */
  close(): Promise<void>
}

/** A job whose thread ended with it: it took too much memory. */
export class JobLost extends Error {
  override readonly name = 'JobLost'
}

interface Entry extends Waiting {
  readonly job: Job
  readonly transfer: readonly ArrayBuffer[]
  readonly since: number
  resolve(value: unknown): void
  reject(error: unknown): void
}

interface Running {
  readonly entry: Entry
  readonly startedAt: number
  readonly timer: NodeJS.Timeout
}

/** What a thread may hold besides the parser, whose memory is not JavaScript's. */
const maxHeapMb = 128
const maxYoungMb = 16
/** Of the heap of a thread that has become large: with its code and the facts of a large schema it has some 30 MiB. */
const largeHeapBytes = 48 * 1024 * 1024
const largeIdlePart = 0.1
const firstRestartMs = 50
const maxRestartMs = 5_000

/** Makes a thread, which is not started yet. */
export function createJobThread(options: JobThreadOptions, emit: Emit): JobThread {
  const queue = createBudgetQueue<Entry>(options)
  let news: News | undefined
  let thread: Worker | undefined
  let ready = false
  let running: Running | undefined
  let restartMs = 0
  let restart: NodeJS.Timeout | undefined
  let closed = false
  let usedAt = 0
  let heapBytes = 0
  const sweeper = setInterval(sweep, 250)
  sweeper.unref()

  function start(): void {
    restart = undefined
    if (closed) return
    let cause: unknown = new Error('a thread ended')
    const started = startThread(options.parser ?? {})
    thread = started
    // What keeps the process alive is its sockets.
    started.unref()
    if (news !== undefined) started.postMessage(news)
    started.on('message', (report: Report) => onReport(report))
    started.on('error', (error) => {
      cause = error
    })
    started.on('exit', () => thread === started && onLost(cause))
    next()
  }

  function next(): void {
    if (running !== undefined || closed) return
    if (thread === undefined && restart === undefined && queue.size > 0) restart = setTimeout(start, restartMs)
    if (thread === undefined || !ready) return
    const entry = queue.take()
    if (entry === undefined) return
    const timer = setTimeout(onLate, options.maxRunMs)
    running = { entry, startedAt: performance.now(), timer }
    thread.postMessage(entry.job, entry.transfer as TransferListItem[])
  }

  /** @param usedMs as the thread says; one that says nothing has used all of the time */
  function end(usedMs?: number): Entry | undefined {
    if (running === undefined) return undefined
    const { entry, startedAt, timer } = running
    clearTimeout(timer)
    usedAt = performance.now()
    queue.spend(entry.owner, usedMs ?? usedAt - startedAt)
    running = undefined
    return entry
  }

  function onReport(report: Report): void {
    const { reply, usedMs } = report
    heapBytes = report.heapBytes
    restartMs = 0
    ready = true
    usedAt = performance.now()
    const entry = end(usedMs)
    next()
    if (reply.kind === 'ready') return
    if (reply.kind === 'done') entry?.resolve(reply.value)
    else if (reply.kind === 'failed') entry?.reject(new Failure(reply.code, reply.options))
    else entry?.reject(new Error(reply.message))
  }

  /** Whether the job or the machine is at fault cannot be told from here. */
  function onLate(): void {
    replace(new Failure('overloaded', { detail: ranTooLong }))
  }

  function onLost(cause: unknown): void {
    replace(new JobLost('a job took too much memory', { cause }))
  }

  function replace(error: Failure | JobLost): void {
    const lost = thread
    thread = undefined
    ready = false
    const entry = end()
    if (closed) return
    emit({ type: 'thread_replaced', cause: error })
    void lost?.terminate()
    // A thread that ends without a job cannot start: not again at once.
    restartMs = entry === undefined ? Math.min(Math.max(restartMs * 2, firstRestartMs), maxRestartMs) : 0
    entry?.reject(error)
    next()
  }

  function sweep(): void {
    const now = performance.now()
    const before = now - options.maxWaitMs
    queue.refuseIf(({ since }) => since < before, new Failure('overloaded', { detail: waitedTooLong }))
    const maxIdleMs = options.maxIdleMs * (heapBytes > largeHeapBytes ? largeIdlePart : 1)
    if (!ready || running !== undefined || now - usedAt < maxIdleMs) return
    void thread?.terminate()
    thread = undefined
    ready = false
  }

  return {
    get ready() {
      return ready
    },
    start() {
      if (thread === undefined && restart === undefined) start()
    },
    run(job, owner, transfer = []) {
      return new Promise((resolve, reject) => {
        const refuse = (failure: Failure): void => reject(failure)
        if (closed) refuse(new Failure('overloaded', { detail: 'The gateway is shutting down' }))
        else queue.add({ job, owner, transfer, since: performance.now(), resolve, reject, refuse })
        next()
      })
    },
    tell(given) {
      news = given
      thread?.postMessage(given)
    },
    async close() {
      closed = true
      clearInterval(sweeper)
      clearTimeout(restart)
      queue.refuseIf(() => true, new Failure('overloaded', { detail: 'The gateway is shutting down' }))
      end()?.reject(new Failure('overloaded', { detail: 'The gateway is shutting down' }))
      await thread?.terminate()
    },
  }
}

const waitedTooLong = 'The request waited too long to be read'
const ranTooLong = 'Reading this took too long; the machine may be busy'

/** In a clone the TypeScript sources run as they are, by tsx; a published package has JavaScript. */
function startThread(parser: ParserLimits): Worker {
  const resourceLimits = { maxOldGenerationSizeMb: maxHeapMb, maxYoungGenerationSizeMb: maxYoungMb }
  const options = { resourceLimits, workerData: parser }
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('thread.js', import.meta.url), options)
  const tsx = new URL(
    'dist/esm/api/index.mjs',
    pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json')),
  )
  const [loader, entry] = [tsx.href, new URL('thread.ts', import.meta.url).href].map((url) => JSON.stringify(url))
  const code = `import(${loader}).then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(code, { ...options, eval: true })
}
