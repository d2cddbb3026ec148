/**
 * Requests that wait, one line for each owner: owners take turns, and a long line is no advantage.
 */

/** What stands in a line. */
export interface Queued {
  readonly owner: string
  /** Milliseconds of the monotonic clock when it arrived. */
  readonly since: number
}

/** How far back an owner's turn is: 0 for one that has used nothing lately. */
export type Rank = (owner: string) => number

/** Waiting requests, fair by owner. It has no bound of its own. */
export class FairQueue<Item extends Queued> {
  /** In the order of turns. No line is empty. */
  readonly #lines = new Map<string, Item[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** At the end of its owner's line; an item that was there before goes to the front. */
  push(item: Item, again: boolean): void {
    const line = this.#lines.get(item.owner)
    if (line === undefined) this.#lines.set(item.owner, [item])
    else if (again) line.unshift(item)
    else line.push(item)
    this.#size++
  }

  /** The oldest item of the owner of the lowest rank; among equals, of the one whose turn it is. */
  next(rank: Rank): Item | undefined {
    let best: Item | undefined
    let lowest = Number.POSITIVE_INFINITY
    for (const [owner, [first]] of this.#lines) {
      const ranked = rank(owner)
      if (ranked >= lowest) continue
      best = first
      lowest = ranked
      if (ranked === 0) break
    }
    return best
  }

  /** Takes an item out, wherever it stands; its owner's next turn comes after everybody else's. False when it is not there. */
  take(item: Item): boolean {
    const line = this.#lines.get(item.owner)
    const index = line?.indexOf(item) ?? -1
    if (line === undefined || index < 0) return false
    line.splice(index, 1)
    this.#lines.delete(item.owner)
    if (line.length > 0) this.#lines.set(item.owner, line)
    this.#size--
    return true
  }

  /** The newest item of the longest line, where the line of `owner` is still shorter after one more. */
  lastOfLongest(owner: string): Item | undefined {
    let longest = this.#lines.get(owner) ?? []
    const own = longest.length
    for (const line of this.#lines.values()) if (line.length > longest.length) longest = line
    return longest.length > own + 1 ? longest.at(-1) : undefined
  }

  /** Every item that arrived before a time. */
  olderThan(time: number): Item[] {
    const found: Item[] = []
    for (const line of this.#lines.values()) for (const item of line) if (item.since < time) found.push(item)
    return found
  }

  all(): Item[] {
    return [...this.#lines.values()].flat()
  }
}
