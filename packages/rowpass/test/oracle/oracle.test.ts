/** A seeded slice of the oracle, and whether it sees what it is there for. */
import { describe, expect, it } from 'vitest'
import { createTestDatabase, describePg, sealKeysText } from '../support/pg.ts'
import { describeReport, newReport, type Report, runRound, totalOf } from './oracle.ts'
import type { Schema } from './schema.ts'
import { teams } from './schemas/teams.ts'
import { schemas } from './schemas.ts'
import { openStage, type StageOptions } from './stage.ts'

async function runRounds(
  schema: Schema,
  rounds: number,
  options: StageOptions & { shrinks?: boolean } = {},
  seed = 1,
  first = 0,
): Promise<Report> {
  const { shrinks = false } = options
  const database = await createTestDatabase({ contents: 'platform' })
  const stage = await openStage({ ...database, sealKeys: sealKeysText }, `${database.name}_o`, schema, options)
  const report = newReport()
  try {
    for (let round = first; round < first + rounds && report.findings.length === 0; round++)
      await runRound(stage, seed, round, report, { shrinks })
  } finally {
    await stage.close()
    await database.close()
  }
  return report
}

describePg('the oracle', () => {
  for (const schema of schemas) {
    it(`SEC-70 finds no difference in schema ${schema.name}`, { timeout: 120_000 }, async () => {
      const report = await runRounds(schema, 1, { shrinks: true })
      expect(report.findings, describeReport(report)).toEqual([])
      const total = totalOf(report)
      expect(total.rows / total.all, describeReport(report)).toBeGreaterThan(0.6)
      expect(total.compared / total.all, describeReport(report)).toBeGreaterThan(0.8)
      expect(total.undefined / total.all, describeReport(report)).toBeLessThan(0.1)
    })
  }

  describe('finds', () => {
    const starred = `create function app.starred() returns bigint language sql stable security definer as
      'select count(*) from app.documents where stars > 4'; alter table app.documents no force row level security;`
    const wide = 'create policy wide on app.documents for select using (stars = 4)'
    /** The seed, and the first of its rounds that shows the fault on PostgreSQL 18. */
    type Place = readonly [seed: number, round: number]
    const plants: readonly (readonly [fault: string, kind: string, options: StageOptions, at?: Place])[] = [
      ['a policy that shows too much', 'model', { plant: wide }],
      [
        'a policy that shows too little',
        'model',
        { plant: 'create policy narrow on app.teams as restrictive for select using (id <> 2)' },
      ],
      [
        'a policy that lets too much be written',
        'model',
        { plant: 'create policy wide on app.memberships for insert with check (true)' },
        [1, 7],
      ],
      [
        'a policy that counts hidden rows',
        'hidden rows',
        { plant: `${starred} create policy counted on app.teams for select using (app.starred() > 10)` },
        [7, 0],
      ],
      [
        'a message with a count of hidden rows',
        'hidden rows',
        {
          plant: `${starred}
            create function app.tell() returns trigger language plpgsql as
              $$ begin raise exception 'there are %', app.starred() using errcode = '23514'; end $$;
            create trigger tell before update on app.teams for each row execute function app.tell()`,
        },
      ],
      [
        'a trigger that changes hidden rows',
        'effect',
        {
          plant: `alter table app.documents no force row level security;
            create function app.spoil() returns trigger language plpgsql security definer as
              $$ begin update app.documents set stars = stars + 1 where owner_id = 'zed'; return new; end $$;
            create trigger spoil after update on app.teams for each row execute function app.spoil()`,
        },
        [1, 1],
      ],
      ['plans', 'hidden rows', { settings: { ROWPASS_ALLOW_EXPLAIN: 'true' } }, [5, 2]],
    ]
    const find = async (
      kind: string,
      options: StageOptions & { shrinks?: boolean },
      [seed, round]: Place = [1, 0],
    ): Promise<Report> => {
      // What comes first may be another kind, by which of the server's functions are drawn.
      for (let tries = 0; ; tries++) {
        const report = await runRounds(teams, 40, options, seed + tries, round)
        if (tries === 3 || report.findings.some(({ difference }) => difference.kind === kind)) return report
      }
    }
    const kindsOf = ({ findings }: Report) => findings.map(({ difference }) => difference.kind)

    for (const [fault, kind, options, at] of plants) {
      it(`SEC-70 ${fault}`, { timeout: 240_000 }, async () => {
        const report = await find(kind, options, at)
        expect(kindsOf(report), describeReport(report)).toContain(kind)
      })
    }

    it('SEC-70 a fault, and shrinks what shows it', { timeout: 240_000 }, async () => {
      const report = await find('model', { plant: wide, shrinks: true })
      expect(kindsOf(report), describeReport(report)).toContain('model')
      expect(report.findings[0]?.statements.join().length).toBeLessThan(1_000)
    })
  })
})
