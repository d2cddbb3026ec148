/** A seeded slice of the oracle, and whether it sees what it is there for. */
import { describe, expect, it } from 'vitest'
import { createTestDatabase, describePg, sealKeysText } from '../support/pg.ts'
import { describeReport, newReport, type Report, runRound, totalOf } from './oracle.ts'
import type { Schema } from './schema.ts'
import { teams } from './schemas/teams.ts'
import { schemas } from './schemas.ts'
import { openStage, type StageOptions } from './stage.ts'

const seed = 1

async function runRounds(schema: Schema, rounds: number, options: StageOptions = {}): Promise<Report> {
  const database = await createTestDatabase({ contents: 'platform' })
  const stage = await openStage({ ...database, sealKeys: sealKeysText }, `${database.name}_o`, schema, options)
  const report = newReport()
  try {
    for (let round = 0; round < rounds && report.findings.length === 0; round++)
      await runRound(stage, seed, round, report)
  } finally {
    await stage.close()
    await database.close()
  }
  return report
}

describePg('the oracle', () => {
  for (const schema of schemas) {
    it(`SEC-70 finds no difference in schema ${schema.name}`, { timeout: 120_000 }, async () => {
      const report = await runRounds(schema, 4)
      expect(report.findings, describeReport(report)).toEqual([])
      const { all, rows } = totalOf(report)
      expect(rows / all, describeReport(report)).toBeGreaterThan(0.6)
    })
  }

  describe('finds', () => {
    const plants: readonly (readonly [fault: string, plant: string, kind: string])[] = [
      ['a policy that shows too much', 'create policy wide on app.documents for select using (stars = 4)', 'model'],
      [
        'a policy that shows too little',
        'create policy narrow on app.teams as restrictive for select using (id <> 2)',
        'model',
      ],
      [
        'a policy that lets too much be written',
        'create policy wide on app.memberships for insert with check (true)',
        'model',
      ],
      [
        'a count of hidden rows',
        `create function app.total() returns bigint language sql stable security definer as 'select count(*) from app.documents';
         alter table app.documents no force row level security;
         create policy counted on app.teams for select using (app.total() > 30)`,
        'hidden rows',
      ],
    ]
    for (const [fault, plant, kind] of plants) {
      it(`${fault}, and shrinks it`, { timeout: 120_000 }, async () => {
        const { findings } = await runRounds(teams, 12, { plant })
        expect(findings.map(({ difference }) => difference.kind)).toContain(kind)
        expect(findings[0]?.statements.join().length).toBeLessThan(400)
      })
    }
  })
})
