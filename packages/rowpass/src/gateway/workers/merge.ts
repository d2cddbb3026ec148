/**
 * Metrics of several processes as those of one.
 */
import { AggregatorRegistry, Gauge, Registry } from 'prom-client'
import type { MetricValues } from '../metrics.ts'

/** What the processes of a gateway have counted. */
export interface MergedMetrics {
  /** Counts on with what a process had counted that is gone: a counter must not go back. */
  keep(values: MetricValues): Promise<void>
  /**
   * The text that Prometheus scrapes: sums, and what each worker says of itself.
   * @param living what those that run have counted
   */
  text(living: readonly MetricValues[]): Promise<string>
}

/** Counters alone, and what is made of them: that is what outlives a process. */
export function countersOf(values: MetricValues): MetricValues {
  return values.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
}

/**
 * Begins with nothing.
 * @param serving how many workers take connections
 */
export function createMergedMetrics(serving: () => number): MergedMetrics {
  let past: MetricValues = []
  const registry = new Registry()
  new Gauge({
    name: 'rowpass_workers',
    help: 'Workers that take connections.',
    registers: [registry],
    collect() {
      this.set(serving())
    },
  })
  return {
    async keep(values) {
      past = await AggregatorRegistry.aggregate([past, countersOf(values)]).getMetricsAsJSON()
    },
    async text(living) {
      return AggregatorRegistry.aggregate([past, await registry.getMetricsAsJSON(), ...living]).metrics()
    },
  }
}
