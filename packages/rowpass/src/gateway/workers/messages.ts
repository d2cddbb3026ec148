/**
 * What the primary process and a worker tell each other, over the channel that node gives a child process.
 */
import type { GatewayEnv } from '../config.ts'
import type { MetricValues } from '../metrics.ts'

/** What a worker is told. A connection comes with its socket; what has an id is answered with it. */
export type ToWorker =
  | { readonly kind: 'start'; readonly worker: number; readonly env: GatewayEnv }
  | { readonly kind: 'connection'; readonly id: number }
  /** Put in force what was tried. */
  | { readonly kind: 'replace'; readonly id: number; readonly env: GatewayEnv }
  | { readonly kind: 'metrics'; readonly id: number }
  /** Whether every worker is ready. */
  | { readonly kind: 'readiness'; readonly ready: boolean }
  | { readonly kind: 'stop' }

/** What a worker tells. */
export type FromWorker =
  /** It listens to messages. */
  | { readonly kind: 'up' }
  /** It takes connections. */
  | { readonly kind: 'serving' }
  | { readonly kind: 'accepted'; readonly id: number }
  | { readonly kind: 'answer'; readonly id: number; readonly metrics?: MetricValues }
  /** Each second, and when it becomes ready or is so no more. */
  | { readonly kind: 'alive'; readonly ready: boolean; readonly connections: number }
  | { readonly kind: 'stopped'; readonly cutOff: number }
