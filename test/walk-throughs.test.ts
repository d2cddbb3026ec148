import { describe, expect, it } from 'vitest'
import { missingLines, runPage } from '../packages/rowpass/test/support/walk-through.ts'

describe('the walk-throughs', () => {
  it.each(['docs/from-supabase.md', 'docs/from-postgraphile.md', 'docs/from-hand-made-rls.md', 'docs/production.md'])(
    '%s runs as it stands, and prints what it says',
    { timeout: 120_000 },
    async (page) => {
      const { blocks, code } = await runPage(page)
      const wrong = blocks.filter((block) => missingLines(block).length > 0)
      expect(wrong.map((block) => ({ ...block, missing: missingLines(block) }))).toEqual([])
      expect({ code, blocks: blocks.length > 5 }).toEqual({ code: 0, blocks: true })
    },
  )
})
