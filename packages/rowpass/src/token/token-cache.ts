/** A bounded map that forgets what has not been used for long, at the price of a plain lookup. */

/** Holds at most `size` entries. */
export interface TokenCache<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
  delete(key: string): void
  clear(): void
}

/**
 * Keeps two generations of entries. New and used ones are in the young; when it is full, the old one is dropped and the
 * young takes its place. So a hit costs no reordering, and an entry survives as long as it is used once in `size / 2`
 * new ones.
 *
 * @param size at least 2
 */
export function createTokenCache<T>(size: number): TokenCache<T> {
  const half = Math.max(1, Math.floor(size / 2))
  let young = new Map<string, T>()
  let old = new Map<string, T>()

  function set(key: string, value: T): void {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    get(key) {
      const value = young.get(key)
      if (value !== undefined) return value
      const aged = old.get(key)
      if (aged === undefined) return undefined
      set(key, aged)
      return aged
    },
    set,
    delete(key) {
      young.delete(key)
      old.delete(key)
    },
    clear() {
      young = new Map()
      old = new Map()
    },
  }
}
