/**
 * Pages of a list, by keyset: a page begins after the last `id` of the one before, so that a row which comes or goes
 * meanwhile shifts nothing, and a late page costs no more than the first.
 */

/**
 * Cuts the page from rows that were asked for with one more than the limit.
 *
 * @param rows in the order of `id`
 * @returns `next` is the `after` of the following page, absent on the last
 */
export function toPage<T extends { id: string }>(
  rows: readonly T[],
  limit: number,
): { items: readonly T[]; next?: string } {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return rows.length > limit && last !== undefined ? { items, next: last.id } : { items }
}
