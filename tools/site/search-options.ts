/** What the index is made with; the page that reads it needs the same. */
import type { Options } from 'minisearch'

export const searchOptions: Options = {
  fields: ['heading', 'title', 'text'],
  storeFields: ['title', 'heading'],
  // Names of errors and functions are found whole and by their parts.
  tokenize: (text) =>
    text.split(/[^\p{L}\p{N}_]+/u).flatMap((word) => (word.includes('_') ? [word, ...word.split('_')] : word)),
  searchOptions: { boost: { heading: 4, title: 3 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
}
