/**
 * The program of one worker: a gateway whose connections another process accepts, and which ends when that process does.
 */
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { RowpassEvent } from '../../events.ts'
import { parseGatewayConfig } from '../config.ts'
import { createEventLog, maxHoldMs } from '../log.ts'
import { createMetrics, type Metrics } from '../metrics.ts'
import { createProxyFetch } from '../proxy.ts'
import { createGateway, type Gateway } from '../server.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { shareOf } from './share.ts'

/** Then it serves, ready or not: that the database is away is for clients to hear. */
const maxUnreadyMs = 5_000
const lookMs = 50
const aliveMs = 1_000

let gateway: Gateway | undefined
let metrics: Metrics | undefined
let allReady = false
let connections = 0
let cutOff = 0

// A terminal sends its signals to every process. What they ask for comes from the primary, but for SIGTERM to this one alone.
process.on('SIGINT', () => undefined).on('SIGHUP', () => undefined)
process.on('SIGTERM', () => void stop())
process.on('disconnect', () => process.exit(1))
process.on('message', (message: ToWorker, socket?: Socket) => void take(message, socket))
tell({ kind: 'up' })

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message)
}

async function take(message: ToWorker, socket: Socket | undefined): Promise<void> {
  switch (message.kind) {
    case 'start':
      return start(message)
    case 'connection':
      accept(socket)
      return tell({ kind: 'accepted', id: message.id })
    case 'replace':
      gateway?.replace(shareOf(parseGatewayConfig(message.env)))
      return tell({ kind: 'answer', id: message.id })
    case 'metrics':
      return tell({ kind: 'answer', id: message.id, metrics: (await metrics?.values()) ?? [] })
    case 'readiness':
      allReady = message.ready
      return
    case 'stop':
      return stop()
  }
}

/** @param socket undefined where the client has gone meanwhile */
function accept(socket: Socket | undefined): void {
  if (socket === undefined) return
  connections++
  socket.once('close', () => connections--)
  gateway?.accept(socket)
}

async function start({ worker, env }: Extract<ToWorker, { kind: 'start' }>): Promise<void> {
  const log = createEventLog(process.stdout, { holdMs: maxHoldMs, worker })
  const emit = (event: RowpassEvent): void => {
    if (event.type === 'gateway_stopped') cutOff = event.cutOff
    log(event)
  }
  metrics = createMetrics(worker)
  const config = shareOf(parseGatewayConfig(env))
  gateway = createGateway(config, { emit, fetch: createProxyFetch(env), metrics, alsoReady: () => allReady })
  const started = performance.now()
  while (!gateway.ready() && performance.now() - started < maxUnreadyMs) await wait(lookMs)
  tell({ kind: 'serving' })
  beat(gateway)
}

function beat(running: Gateway): void {
  let told: boolean | undefined
  let toldAt = 0
  setInterval(() => {
    const [ready, now] = [running.ready(), performance.now()]
    if (ready === told && now - toldAt < aliveMs) return
    told = ready
    toldAt = now
    tell({ kind: 'alive', ready, connections })
  }, lookMs)
}

async function stop(): Promise<void> {
  await gateway?.close()
  // Whoever reads the log may be slower.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  tell({ kind: 'stopped', cutOff })
  process.exit(0)
}
