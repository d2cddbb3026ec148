/**
 * How many of a pool's connections may be taken by requests that others cannot share, so that some are left for those
 * that can.
 */
import { quickMs } from './pace.ts'
import { type Roster, spareBackends } from './roster.ts'

/** The limits of a pool. */
export interface OccupancyLimits {
  /** Connections of the pool. */
  readonly size: number
  /** Requests that may run at once for as long as the gateway lets any run. */
  readonly slowLimit: number
}

/** What runs at a moment, by how long it may go on. */
interface Load {
  /** Connections on which nobody else is served for now. */
  occupied: number
  slow: number
  /** Slow ones of one owner. */
  slowOfOwner: number
}

/**
 * What occupies the connections of a pool. It is counted from what runs, whatever that was taken for when it began:
 * a request that has been the oldest on its connection for longer than {@link quickMs} takes the whole of it.
 *
 * With three connections or more, one is always left to requests that are known to be quick. With two, others may take it
 * for a short while; with one, there is nothing to leave.
 */
export class Occupancy {
  readonly #roster: Roster
  readonly #slowLimit: number

  constructor(options: OccupancyLimits, roster: Roster) {
    this.#roster = roster
    this.#slowLimit = Math.min(options.slowLimit, Math.max(1, options.size - 2))
  }

  /** Slow requests that run, given up ones among them. */
  get slow(): number {
    return this.#load('').slow + this.#roster.stuck
  }

  /** Whether a further request may take a connection for a short while. */
  hasAlone(): boolean {
    const { occupied, slow } = this.#load('')
    const { open, stuck } = this.#roster
    if (occupied + 1 < open.length) return true
    // The last one too, but for never more than a moment, and not while statements run that cannot be ended.
    if (stuck > 0 || occupied >= open.length) return false
    return open.length < 3 || occupied === slow
  }

  /**
   * Whether an owner may have a further slow request.
   * @param shared whether others are there, to whom it has to leave a place if there is more than one
   * @param runs whether it runs already
   */
  hasSlow(owner: string, shared: boolean, runs: boolean): boolean {
    const { occupied, slow, slowOfOwner } = this.#load(owner)
    const { open, stuck } = this.#roster
    const ofOwner = shared ? Math.max(1, this.#slowLimit - 1) : this.#slowLimit
    // Each given up statement beyond the spare backends has cost the pool a connection.
    if (slow + Math.max(0, stuck - spareBackends) >= this.#slowLimit || slowOfOwner >= ofOwner) return false
    const then = runs ? occupied : occupied + 1
    return then < open.length || (open.length === 1 && stuck === 0 && then === 1)
  }

  #load(owner: string): Load {
    const load: Load = { occupied: 0, slow: 0, slowOfOwner: 0 }
    const youngAfter = performance.now() - quickMs
    for (const { head } of this.#roster.open) {
      if (head === undefined) continue
      if (head.lane !== 'shared' || head.startedAt < youngAfter) load.occupied++
      if (head.lane !== 'slow') continue
      load.slow++
      if (head.owner === owner) load.slowOfOwner++
    }
    return load
  }
}
