/**
 * Counts facts for Prometheus. Labels come from configuration and from closed lists, never from a request.
 */
import { Counter, Gauge, Histogram, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import type { Emit } from '../events.ts'
import { createHttp, type HttpServer } from './http/http.ts'
import { isAnswered } from './http/receive.ts'

/** What the gateway can say of itself at any moment. */
export interface GatewayGauges {
  readonly open: number
  readonly inFlight: number
  readonly queued: number
  readonly slow: number
  readonly stuck: number
}

/** What it can say of its replicas. */
export interface ReplicaCounts {
  /** How many take reads now. */
  readonly used: number
  /** Reads so far. */
  readonly answered: number
  readonly askedAgain: number
}

/** Metrics of one gateway. */
export interface Metrics {
  readonly emit: Emit
  /** Reads the gauges from the pool, and whether the gateway is ready, at each scrape. */
  watch(gauges: GatewayGauges, ready: () => boolean): void
  /** Reads what replicas do, where there are any. */
  watchReplicas(counts: ReplicaCounts): void
  /** The text that Prometheus scrapes. */
  text(): Promise<string>
  /** The same as values, to be merged with those of other processes. */
  values(): Promise<MetricValues>
  readonly contentType: string
}

/** Metrics as JSON. */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>[]

/** Serves the text on a port of its own, under any path. */
export function createMetricsHttp(
  { text, contentType }: Pick<Metrics, 'text' | 'contentType'>,
  hosts: ReadonlySet<string>,
): HttpServer {
  return createHttp((request, response) => {
    if (!isAnswered(request, hosts)) return void response.writeHead(421).end()
    text().then(
      (page) => response.writeHead(200, { 'content-type': contentType }).end(page),
      () => response.writeHead(500).end(),
    )
  })
}

const durationBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15]

/**
 * Makes the metrics.
 * @param worker the number of this process where there are several: what is not a sum over all of them is labelled with it
 */
export function createMetrics(worker?: number): Metrics {
  const registry = new Registry()
  const labelNames = worker === undefined ? [] : (['worker'] as const)
  const labels = worker === undefined ? {} : { worker }
  const registers = [registry]
  const answered = new Counter({
    name: 'rowpass_requests_total',
    help: 'SQL requests answered, by outcome.',
    labelNames: ['auth', 'outcome'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'rowpass_request_seconds',
    help: 'Time from the headers of a request to its answer.',
    buckets: durationBuckets,
    registers,
  })
  const rows = new Counter({ name: 'rowpass_rows_total', help: 'Rows returned or changed.', registers })
  const refused = new Counter({
    name: 'rowpass_tokens_refused_total',
    help: 'Tokens refused, by the check that failed.',
    labelNames: ['reason'] as const,
    registers,
  })
  const fetched = new Counter({
    name: 'rowpass_jwks_fetches_total',
    help: 'Fetches of key sets, by issuer and outcome.',
    labelNames: ['iss', 'outcome'] as const,
    registers,
  })
  const connections = new Counter({
    name: 'rowpass_connection_events_total',
    help: 'Connections to PostgreSQL opened, closed, failed to open.',
    labelNames: ['event'] as const,
    registers,
  })
  const catalogs = new Counter({
    name: 'rowpass_catalog_reads_total',
    help: 'Times that the catalogs of the database were read.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const reloads = new Counter({
    name: 'rowpass_config_reloads_total',
    help: 'Times that the configuration was read again.',
    labelNames: ['outcome'] as const,
    registers,
  })
  const sessions = new Counter({
    name: 'rowpass_session_events_total',
    help: 'Sessions over WebSocket opened, closed, refused.',
    labelNames: ['event'] as const,
    registers,
  })
  const threads = new Counter({
    name: 'rowpass_threads_replaced_total',
    help: 'Threads for work that takes long that were ended with what they did.',
    registers,
  })
  const workers = new Counter({
    name: 'rowpass_workers_replaced_total',
    help: 'Worker processes that have ended and were replaced.',
    registers,
  })
  const failedLogins = new Counter({
    name: 'rowpass_logins_failed_total',
    help: 'Logins with a password that failed, or were not tried because too many had.',
    labelNames: ['reason'] as const,
    registers,
  })
  const stuck = new Counter({
    name: 'rowpass_statements_stuck_total',
    help: 'Statements that did not end when they were cancelled.',
    registers,
  })
  const clock = new Gauge({
    name: 'rowpass_database_clock_ahead_seconds',
    help: "By how much PostgreSQL's clock is ahead of the gateway's, where it is 5 s or more; negative: behind.",
    labelNames,
    registers,
  })
  function watch(gauges: GatewayGauges, ready: () => boolean): void {
    gauge('rowpass_ready', 'Whether requests can be served: 1 or 0; of several workers, how many of them can.', () =>
      Number(ready()),
    )
    gauge('rowpass_connections_open', 'Connections to PostgreSQL that are open.', () => gauges.open)
    gauge('rowpass_requests_in_flight', 'Requests that PostgreSQL is working on.', () => gauges.inFlight)
    gauge('rowpass_requests_queued', 'Requests that wait for a connection.', () => gauges.queued)
    gauge('rowpass_requests_slow', 'Requests that have been running for long.', () => gauges.slow)
    gauge('rowpass_backends_stuck', 'Backends whose statement did not end when it was cancelled.', () => gauges.stuck)
  }

  function watchReplicas(counts: ReplicaCounts): void {
    gauge('rowpass_replicas_used', 'Replicas that take reads, where there are any.', () => counts.used)
    new Counter({
      name: 'rowpass_replica_reads_total',
      help: 'Reads that a replica has answered, and those that the primary had to answer after it.',
      labelNames: ['outcome'] as const,
      registers,
      collect() {
        this.reset()
        this.inc({ outcome: 'answered' }, counts.answered)
        this.inc({ outcome: 'asked_again' }, counts.askedAgain)
      },
    })
  }

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.set(labels, read())
      },
    })
  }

  const emit: Emit = (event) => {
    switch (event.type) {
      case 'sql_answered':
        answered.inc({ auth: event.auth, outcome: event.outcome })
        seconds.observe(event.durationMs / 1_000)
        rows.inc(event.rows)
        break
      case 'token_refused':
        refused.inc({ reason: event.reason })
        break
      case 'jwks_loaded':
        fetched.inc({ iss: event.iss, outcome: 'ok' })
        break
      case 'jwks_failed':
        fetched.inc({ iss: event.iss, outcome: event.reason })
        break
      case 'connection_opened':
      case 'connection_closed':
      case 'connection_failed':
        connections.inc({ event: event.type.replace('connection_', '') })
        break
      case 'statement_stuck':
        stuck.inc()
        break
      case 'catalog_read':
      case 'catalog_failed':
        catalogs.inc({ outcome: event.type === 'catalog_read' ? 'ok' : 'failed' })
        break
      case 'clock_differs':
        clock.set(labels, event.aheadSeconds)
        break
      case 'session_opened':
      case 'session_closed':
      case 'session_refused':
        sessions.inc({ event: event.type.replace('session_', '') })
        break
      case 'thread_replaced':
        threads.inc()
        break
      case 'worker_replaced':
        workers.inc()
        break
      case 'login_failed':
        failedLogins.inc({ reason: event.reason })
        break
      case 'config_reloaded':
      case 'config_refused':
        reloads.inc({ outcome: event.type === 'config_reloaded' ? 'ok' : 'refused' })
    }
  }

  return {
    emit,
    watch,
    watchReplicas,
    text: () => registry.metrics(),
    values: () => registry.getMetricsAsJSON(),
    contentType: registry.contentType,
  }
}
