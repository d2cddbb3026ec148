/**
 * Every promise of README.md and SECURITY.md names the test that shows it, in a comment that no reader sees.
 *
 * A unit is a sentence or a row of a table. Every row promises something, and every sentence with one of the words of
 * `support/promises.ts`; then a line of the comment right behind its block names it, by words that it has, and a test:
 *
 *     <!-- tests
 *     "reaches the rows that the policies give": demo/test/db/matrix.test.ts SEC-59 a person who
 *     all: packages/rowpass/test/gateway/walls.test.ts SECURITY.md has this table
 *     "The newest release": no promise: it says where corrections go
 *     -->
 *
 * `all` is for every unit of the block. Right behind a heading it says why nothing in the section is a promise.
 */
import { describe, expect, it } from 'vitest'
import { promisesOf } from '../packages/rowpass/test/support/promises.ts'

describe.each(['README.md', 'SECURITY.md'])('the promises of %s', (page) => {
  const { promises, unnamed, adrift } = promisesOf(page)

  it('each name a test', () => {
    expect(promises.length).toBeGreaterThan(10)
    expect(unnamed).toEqual([])
  })

  it('name words that are there and tests that exist', () => {
    expect(adrift).toEqual([])
  })
})
