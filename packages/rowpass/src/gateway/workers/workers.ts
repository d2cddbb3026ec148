/**
 * A gateway of several processes: this one accepts connections and hands each to a worker, replaces workers that end, and
 * does what there is to do once: the port for metrics, the log, the reading of settings.
 *
 * It does not use `node:cluster`, which forgets a connection that it hands to a worker when that worker ends first: neither
 * side closes it, and the client waits. Here it goes to another worker.
 */
import { createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { createAuditChain } from '../audit-chain.ts'
import { type GatewayConfig, type GatewayEnv, parseGatewayConfig } from '../config.ts'
import { bind, listenOn, urlOf } from '../http/listen.ts'
import { createEventLog } from '../log.ts'
import { linkLines } from '../log-lines.ts'
import { createMetrics, createMetricsHttp } from '../metrics.ts'
import { createReload } from '../reload.ts'
import { countersOf, createMergedMetrics } from './merge.ts'
import { type WorkerEnding, WorkerProcess } from './worker-process.ts'

/** A gateway of several processes. */
export interface Workers {
  /**
   * Starts the workers, and listens when all of them serve; resolves with the URL of `POST /sql`.
   * @throws Failure `port_taken`, `config_invalid`; `internal` when a worker ends at once, which says why on standard error
   */
  listen(): Promise<URL>
  /** Puts in force what {@link Gateway.reload} does, in every worker or in none. */
  reload(read: () => GatewayEnv): Promise<void>
  /** Goes on for `drainSeconds` while no worker is ready, then ends them as {@link Gateway.close} does. */
  close(): Promise<void>
}

/** What it needs of the process. */
export interface WorkersOptions {
  /** Settings, none of them in a file. */
  readonly env: GatewayEnv
  /** What they come to. */
  readonly config: GatewayConfig
  /** Takes the log. */
  readonly stdout: NodeJS.WritableStream
}

interface Slot {
  /** From 1; whoever replaces a worker has its number. */
  readonly worker: number
  process: WorkerProcess | undefined
  startedAt: number
  retryMs: number
  timer: NodeJS.Timeout | undefined
}

/** The settings that a reload puts in force. */
const reloadedNames = ['ROWPASS_ISSUERS', 'ROWPASS_SEAL_KEYS', 'ROWPASS_PASSWORD_MODE', 'ROWPASS_PASSWORD_USERS']
const firstRetryMs = 100
const maxRetryMs = 5_000
/** After so long it was no fault of the start: the next one is started soon. */
const soundMs = 60_000
/** More than the 10 s that a worker gives its requests. */
const maxStopMs = 15_000
const maxMetricsWaitMs = 1_000
/** Connections, while no worker serves. */
const maxWaiting = 1_000

/** Makes it; nothing is started yet. */
export function createWorkers({ env, config, stdout }: WorkersOptions): Workers {
  const chain = config.auditChain ? createAuditChain() : undefined
  const write = (lines: string): boolean => stdout.write(chain === undefined ? lines : linkLines(lines, chain))
  if (chain !== undefined) stdout.write(chain.begin())
  const log = createEventLog({ write })
  const own = createMetrics()
  const merged = createMergedMetrics(() => serving().length)
  const emit: Emit = (event) => {
    own.emit(event)
    log(event)
  }
  const slots = Array.from({ length: config.workers }, (_, index): Slot => {
    return { worker: index + 1, process: undefined, startedAt: 0, retryMs: firstRetryMs, timer: undefined }
  })
  /** What workers start with. */
  let inForce = env
  let closing = false
  const waiting: Socket[] = []
  let onStarted: ((failure?: Failure) => void) | undefined
  let onLastEnded: (() => void) | undefined
  let closed: Promise<void> | undefined

  // A worker tells HTTP/1.1 and HTTP/2 apart, by the first byte.
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    dispatch(socket)
  })
  const metricsHttp = createMetricsHttp({ text: metricsText, contentType: own.contentType }, config.hosts)

  function running(): WorkerProcess[] {
    return slots.flatMap(({ process }) => process ?? [])
  }

  function serving(): WorkerProcess[] {
    return running().filter((each) => each.serving)
  }

  /** To whoever has the fewest, those that are ready before the others. */
  function dispatch(socket: Socket): void {
    const all = serving()
    const ready = all.filter((each) => each.ready)
    const [least] = (ready.length > 0 ? ready : all).sort((one, other) => one.connections - other.connections)
    if (least !== undefined) least.give(socket)
    else if (!closing && waiting.length < maxWaiting) waiting.push(socket)
    else socket.destroy()
  }

  function start(slot: Slot): void {
    slot.startedAt = performance.now()
    const process = new WorkerProcess(
      { worker: slot.worker, env: () => inForce },
      {
        onServing() {
          for (const socket of waiting.splice(0)) dispatch(socket)
          if (slots.every((each) => each.process?.serving === true)) onStarted?.()
        },
        onReadiness: tellReadiness,
        onStopped() {
          // V8 would first finish to compile the parser, which takes seconds on a busy machine.
          if (closing) process.kill()
        },
        onLines(lines) {
          if (lines === '' || write(lines)) return true
          stdout.once('drain', () => process.resume())
          return false
        },
        onEnd(ending, unaccepted) {
          slot.process = undefined
          for (const socket of unaccepted) dispatch(socket)
          void merged.keep(process.metrics)
          tellReadiness()
          if (!closing) replace(slot, ending)
          else if (running().length === 0) onLastEnded?.()
        },
      },
    )
    slot.process = process
  }

  function replace(slot: Slot, ending: WorkerEnding): void {
    if (onStarted !== undefined) {
      const { exitCode, signal } = ending
      const cause = new Error(`worker ${slot.worker} ended before it served, with ${signal ?? `exit code ${exitCode}`}`)
      onStarted(new Failure('internal', { cause }))
      return
    }
    if (performance.now() - slot.startedAt >= soundMs) slot.retryMs = firstRetryMs
    const retryInMs = slot.retryMs
    slot.retryMs = Math.min(2 * retryInMs, maxRetryMs)
    emit({ type: 'worker_replaced', worker: slot.worker, ...ending, retryInMs })
    slot.timer = setTimeout(() => start(slot), retryInMs)
  }

  function tellReadiness(): void {
    const all = serving()
    const ready = !closing && all.length > 0 && all.every((each) => each.ready)
    for (const each of running()) each.tell({ kind: 'readiness', ready })
  }

  async function metricsText(): Promise<string> {
    const asked = running().map((each) => each.ask({ kind: 'metrics' }))
    // Of one that does not answer, what it said last.
    await Promise.race([Promise.all(asked), wait(maxMetricsWaitMs)])
    return merged.text([countersOf(await own.values()), ...running().map(({ metrics }) => metrics)])
  }

  async function putInForce(next: GatewayEnv): Promise<void> {
    const env = { ...inForce, ...Object.fromEntries(reloadedNames.map((name) => [name, next[name]])) }
    inForce = env
    await Promise.all(running().map((each) => each.ask({ kind: 'replace', env })))
  }

  let next = env
  const reload = createReload(config, { apply: () => putInForce(next), emit })

  async function startAll(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      onStarted = (failure) => {
        onStarted = undefined
        if (failure === undefined) resolve()
        else reject(failure)
      }
      for (const slot of slots) start(slot)
    })
  }

  async function stop(): Promise<void> {
    closing = true
    tellReadiness()
    if (config.drainSeconds > 0) await wait(config.drainSeconds * 1_000)
    const startedAt = performance.now()
    server.close()
    for (const { timer } of slots) clearTimeout(timer)
    for (const socket of waiting.splice(0)) socket.destroy()
    const ending = running()
    const ended = new Promise<void>((resolve) => {
      onLastEnded = resolve
      if (ending.length === 0) resolve()
    })
    for (const each of ending) each.tell({ kind: 'stop' })
    const timer = setTimeout(() => {
      for (const each of ending) each.kill()
    }, maxStopMs)
    await ended
    clearTimeout(timer)
    await metricsHttp.close(0)
    const cutOff = ending.reduce((sum, each) => sum + each.cutOff, 0)
    emit({ type: 'gateway_stopped', cutOff, durationMs: performance.now() - startedAt })
  }

  return {
    async listen() {
      const port = await listenOn({ listen: (port, host) => bind(server, port, host) }, config, 'port')
      if (config.metricsPort !== 0) await listenOn(metricsHttp, config, 'metricsPort')
      await startAll()
      return urlOf(config.host, port)
    },
    reload(read) {
      return reload(() => {
        next = read()
        return parseGatewayConfig(next)
      })
    },
    close() {
      closed ??= stop()
      return closed
    },
  }
}
