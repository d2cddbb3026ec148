/**
 * A process that computes without end, with the lowest priority: what it takes of the machine, a flooder takes too.
 */
import { setPriority } from 'node:os'

setPriority(19)
process.on('disconnect', () => process.exit(0))
const compute = (): void => {
  const until = performance.now() + 20
  while (performance.now() < until);
  setImmediate(compute)
}
compute()
