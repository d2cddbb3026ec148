import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findFault } from '../../packages/rowpass/test/support/named-test.ts'
import { repository } from '../../packages/rowpass/test/support/pg.ts'
import { mistakes, mistakesPage, mistakesTable, weaken } from './all.ts'

const read = (path: string): string => readFileSync(join(repository, path), 'utf8')

/** `npm run mistakes` makes them; here is seen that it still could, as the code they are made in changes. */
describe('the planted mistakes', () => {
  it('can be made in the code as it is, each in one place', () => {
    expect(mistakes.length).toBeGreaterThanOrEqual(60)
    const unchanged = mistakes.filter((mistake) => weaken(mistake, read(mistake.file)) === read(mistake.file))
    expect(unchanged).toEqual([])
  })

  it('name a test that exists', () => {
    expect(mistakes.map(({ test, title }) => findFault(test, title)).filter((fault) => fault !== undefined)).toEqual([])
  })

  it('are told apart by what they weaken', () => {
    const names = mistakes.map(({ file, weakens }) => `${file}: ${weakens}`)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('are those of the table that the last run has written', () => {
    const page = read(mistakesPage)
    for (const part of mistakesTable('').split('\n\n').slice(1)) expect(page).toContain(part)
  })
})
