/**
 * What one owner knows of what it has written: entries that it numbers, one after the other.
 */
import type { Caller } from '../scene.ts'

/** A caller who keeps account. */
export interface ChaosCaller extends Caller {
  /** One for all tokens of the same owner. */
  readonly ledger: Ledger
}

/** `refused`: by an answer that promises that nothing was done. */
export type Fate = 'done' | 'refused' | 'unsure'

/** Numbers from 1, of which all are acknowledged but the few that it keeps. */
export class Ledger {
  /** Whether a change is under way: an owner sends one at a time, so that its last `Rowpass-Seen` is of its last change. */
  writing = false
  /** The header `Rowpass-Seen`, as the last answer that had one told it. */
  seen = 'none'
  #last = 0
  #newest = 0
  /** To be sent again. */
  #refused: number | undefined
  readonly #unsure = new Set<number>()

  /** The next entry to write, perhaps one that was refused. */
  take(): number {
    const entry = this.#refused ?? ++this.#last
    this.#refused = undefined
    this.#unsure.add(entry)
    return entry
  }

  settle(entry: number, fate: Fate): void {
    if (fate !== 'unsure') this.#unsure.delete(entry)
    if (fate === 'done') this.#newest = Math.max(this.#newest, entry)
    if (fate === 'refused') this.#refused = entry
  }

  /** Entries that a read which is sent now must see at least, and the newest of them; 0 for none. */
  get known(): { readonly count: number; readonly newest: number } {
    const count = this.#last - this.#unsure.size - (this.#refused === undefined ? 0 : 1)
    return { count, newest: this.#newest }
  }

  /**
   * Compares it with the database.
   * @param found how often each entry is there
   */
  audit(found: ReadonlyMap<number, number>): { lost: number; twice: number; refusedButDone: number } {
    let [lost, twice] = [0, 0]
    for (let entry = 1; entry <= this.#last; entry++) {
      const times = found.get(entry) ?? 0
      if (times > 1) twice++
      if (times === 0 && !this.#unsure.has(entry) && entry !== this.#refused) lost++
    }
    const refusedButDone = this.#refused !== undefined && found.has(this.#refused) ? 1 : 0
    return { lost, twice, refusedButDone }
  }
}
