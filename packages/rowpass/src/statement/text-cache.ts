/**
 * What is known of texts, as much as memory is meant for it.
 */
import { LRUCache } from 'lru-cache'

const maxCachedLength = 64 * 1024

/**
 * A map by text; what was not used for longest leaves first.
 * @param size how many texts
 * @param length sum of their UTF-16 units; one above 64 Ki is not kept
 */
export function createTextCache<T extends object>(size: number, length: number): LRUCache<string, T> {
  return new LRUCache({
    max: size,
    maxSize: length,
    maxEntrySize: Math.min(maxCachedLength, length),
    sizeCalculation: (_, sql) => sql.length + 1,
  })
}
