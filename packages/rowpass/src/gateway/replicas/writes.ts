/**
 * Who has written when, for as long as a replica may be late.
 */

const maxOwners = 10_000

/** Times of the monotonic clock, in milliseconds. */
export class Writes {
  /** The latest of each owner, the oldest first. */
  readonly #times = new Map<string, number>()
  /** Of owners that are not among them. */
  #floor = Number.NEGATIVE_INFINITY

  /** An owner may have written until now. */
  mark(owner: string, now: number): void {
    this.#times.delete(owner)
    this.#times.set(owner, now)
    if (this.#times.size <= maxOwners) return
    for (const [oldest, time] of this.#times) {
      this.#times.delete(oldest)
      this.#floor = time
      return
    }
  }

  /** When the owner has written last, or later. */
  latest(owner: string): number {
    return Math.max(this.#times.get(owner) ?? Number.NEGATIVE_INFINITY, this.#floor)
  }

  /** Nobody asks for times before this one any more. */
  forget(before: number): void {
    for (const [owner, time] of this.#times) {
      if (time >= before) return
      this.#times.delete(owner)
    }
  }
}
