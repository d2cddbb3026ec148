import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { repository } from '../packages/rowpass/test/support/pg.ts'
import { missingLines, runPage } from '../packages/rowpass/test/support/walk-through.ts'

/** Those with commands in them. */
const recipes = readdirSync(`${repository}docs/recipes`)
  .map((name) => `docs/recipes/${name}`)
  .filter((page) => /^```sh$/m.test(readFileSync(repository + page, 'utf8')))

describe('the walk-throughs', () => {
  it.each(['issuer.ts', 'express.mjs', 'hono.ts', 'next/app/auth/[...path]/route.ts'])(
    'docs/issuer-in-your-app.md shows %s as it is run',
    (name) => {
      const page = readFileSync(`${repository}docs/issuer-in-your-app.md`, 'utf8')
      const program = readFileSync(`${repository}examples/library/accounts/${name}`, 'utf8')
      expect(page).toMatch(/^```(ts|js)$/m)
      expect(page.split(/^```(?:ts|js)?\n/m)).toContain(program)
    },
  )

  it.each([
    'docs/from-supabase.md',
    'docs/from-postgraphile.md',
    'docs/from-hand-made-rls.md',
    'docs/production.md',
    'docs/issuer-in-your-app.md',
    'docs/local.md',
    'docs/review.md',
    ...recipes,
  ])('%s runs as it stands, and prints what it says', { timeout: 120_000 }, async (page) => {
    const { blocks, code } = await runPage(page)
    const wrong = blocks.filter((block) => missingLines(block).length > 0)
    expect(wrong.map((block) => ({ ...block, missing: missingLines(block) }))).toEqual([])
    expect({ code, blocks: blocks.length > 0 }).toEqual({ code: 0, blocks: true })
  })
})
