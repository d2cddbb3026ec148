/** The few statistics of the benchmarks. */

/** The middle of some numbers; NaN of none. */
export function median(numbers: readonly number[]): number {
  return percentile(
    numbers.toSorted((a, b) => a - b),
    50,
  )
}

/**
 * A percentile by the nearest rank.
 * @param sorted ascending
 * @param percent from 0 to 100
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const rank = Math.max(1, Math.ceil((sorted.length * percent) / 100))
  return sorted[rank - 1] ?? Number.NaN
}
