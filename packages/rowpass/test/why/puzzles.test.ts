import type pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  askDirectly,
  ensurePuzzleRoles,
  loadPuzzles,
  type Puzzle,
  puzzlePassword,
  puzzleUser,
} from '../../../../corpus/puzzles.ts'
import { withConnection } from '../../src/database/connect.ts'
import { explain } from '../../src/why/explain.ts'
import { reasonCodes } from '../../src/why/explanation.ts'
import { renderExplanation } from '../../src/why/report.ts'
import { createTestDatabase, describePg, urlFor } from '../support/pg.ts'
import { codes } from './scene.ts'

describePg('puzzles of row-level security', () => {
  beforeAll(() => withConnection(urlFor('postgres'), ensurePuzzleRoles))

  it.each(loadPuzzles().map((each) => [each.name.replaceAll('-', ' '), each] as const))('%s', async (_, puzzle) => {
    const { by, contents } = puzzle
    const database = await createTestDatabase({ contents: contents === 'platform' ? 'platform' : 'bare' })
    try {
      await withConnection(database.superuserUrl, async (client) => {
        await client.query(puzzle.schema)
        // What nobody should run is not run here either, and claims that are sealed come through the gateway.
        if (puzzle.happens !== 'not run' && contents === undefined)
          expect(await askDirectly(client, puzzle)).toBe(puzzle.happens)
      })
      const url = by === undefined ? database.superuserUrl : urlFor(database.name, by, puzzlePassword)
      await withConnection(url, (asker) => checkExplanation(asker, puzzle))
    } finally {
      await database.close()
    }
  })
})

async function checkExplanation(asker: pg.Client, puzzle: Puzzle): Promise<void> {
  const explanation = await explain(asker, {
    identity: { role: puzzle.contents === 'platform' ? 'authenticated' : puzzleUser, claims: JSON.parse(puzzle.as) },
    sql: puzzle.ask,
    timeoutMs: 1_000,
    ...(puzzle.login !== undefined && { login: puzzle.login }),
  })
  const { outcome, findings, doubts } = explanation
  expect({ reasons: codes(explanation), doubts }).toEqual({ reasons: puzzle.reasons, doubts: [] })
  expect(String(outcome?.problem?.sqlstate ?? outcome?.rows ?? 'not run')).toBe(puzzle.happens)
  const said = [...findings.map((each) => each.says), explanation.notRun ?? ''].join('\n')
  for (const each of puzzle.says) expect(said).toContain(each)
  const advised = findings.map((each) => each.advice ?? '').join('\n')
  for (const each of puzzle.advice) expect(advised).toContain(each)
  for (const each of puzzle.never) expect(said + advised).not.toContain(each)
  expect(renderExplanation(explanation)).toContain(findings[0]!.says.split('\n')[0])
}

describe('the puzzles', () => {
  it('have one for every reason that is given', () => {
    const given = new Set(loadPuzzles().flatMap(({ reasons }) => reasons))
    expect(reasonCodes.filter((code) => !given.has(code))).toEqual([])
  })
})
