/**
 * How many workers a gateway has.
 */
import { availableParallelism } from 'node:os'

/** A slow statement has one of them, and leaves the other to the rest. */
const minConnections = 2

/**
 * The number of workers.
 *
 * @param poolSize connections of all of them together
 * @throws TypeError when a number is given and there are too few connections for so many; the message goes on from the name
 *   of the setting
 */
export function countWorkers(wanted: number | 'auto', poolSize: number): number {
  const most = Math.max(1, Math.floor(poolSize / minConnections))
  if (wanted === 'auto') return Math.min(availableParallelism(), most)
  if (wanted <= most) return wanted
  throw new TypeError(
    `is ${wanted}, and each worker needs ${minConnections} connections: ROWPASS_POOL_SIZE has to be ${wanted * minConnections} or more`,
  )
}
