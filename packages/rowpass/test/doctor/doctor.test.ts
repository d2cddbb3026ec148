import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { applyBaseline } from '../../src/doctor/baseline.ts'
import { toSarif } from '../../src/doctor/report/sarif.ts'
import { rules, runDoctor, toJson, writeMigration } from '../../src/exports/doctor.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

/** Names that break whatever puts them into SQL, a terminal or a comment as they are. */
const schema = `Über "x'y`
const table = `a; drop table public.bystander; --`
const column = `Ünïcode\nline`
const policy = `p") using (true); --`
const quoted = (name: string): string => pg.escapeIdentifier(name)

describePg('the doctor', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
    const place = `${quoted(schema)}.${quoted(table)}`
    await client.query(`
      create table public.bystander (id uuid primary key);
      create schema ${quoted(schema)};
      grant usage on schema ${quoted(schema)} to authenticated;
      create table ${place} (id bigint generated always as identity primary key, ${quoted(column)} uuid not null);
      insert into ${place} (${quoted(column)}) select gen_random_uuid() from generate_series(1, 2000);
      alter table ${place} enable row level security;
      create policy ${quoted(policy)} on ${place} for select
        using ((select (auth.session() ->> 'sub') = ${quoted(column)}::text) and 'a)b' <> E'\\\\c''(');
      grant select, truncate on ${place} to authenticated;`)
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  const examine = (measure?: { claims: Record<string, unknown> }) =>
    runDoctor({ databaseUrl: database.superuserUrl, fixes: {}, ...(measure && { measure }) })
  const above = async () => (await examine()).findings.filter(({ level }) => level !== 'info')

  it('does not ask about policies of others when the roles of requests are named', async () => {
    await client.query(`
      create table public.served (id uuid primary key);
      alter table public.served enable row level security;
      do $$ begin create role doctor_worker; exception when duplicate_object or unique_violation then null; end $$;
      create policy of_the_application on public.served to doctor_worker using (true) with check (true);
      create policy of_requests on public.served for select to authenticated using (true);
      grant select on public.served to authenticated`)
    const found = async (roles?: string[]) => {
      const { findings } = await runDoctor({ databaseUrl: database.superuserUrl, ...(roles && { roles }) })
      return findings.filter(({ object }) => object === 'public.served').map(({ code, part }) => `${code} ${part}`)
    }
    expect(await found()).toContain('RLS011 of_the_application')
    const named = await found(['authenticated'])
    expect(named).toContain('RLS012 of_requests')
    expect(named).not.toContain('RLS011 of_the_application')
    await client.query('drop table public.served')
  })

  it('measures a slow policy against its better form on the rows that are there', async () => {
    const { measurements } = await examine({ claims: { sub: '2e7e25e8-5445-40bd-8f89-dc19bba64faa' } })
    expect(measurements!.length).toBeGreaterThan(0)
    for (const { beforeMs, afterMs, reason } of measurements!) {
      expect({ reason, before: typeof beforeMs, after: typeof afterMs }).toEqual({ before: 'number', after: 'number' })
    }
  })

  it('does not measure for a login that policies hold for, and says so', async () => {
    const { measurements } = await runDoctor({ databaseUrl: database.gatewayUrl, measure: {} })
    expect(new Set(measurements!.map(({ reason }) => reason))).toEqual(
      new Set(['policies hold for this login: measure as a superuser or a BYPASSRLS role']),
    )
  })

  it('writes SARIF 2.1.0 with its rules, places, fingerprints and accepted findings', async () => {
    const { findings } = await examine()
    const log = JSON.parse(
      JSON.stringify(toSarif(applyBaseline(findings, new Map([[findings[0]!.key, 'why']])), { version: '1.2.3' })),
    )
    expect(log).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: { name: 'rowpass doctor' } } }] })
    const [{ results, tool }] = log.runs
    expect(tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(rules.map(({ code }) => code))
    expect(results).toHaveLength(findings.length)
    for (const result of results) {
      expect(tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId)
      expect(['error', 'warning', 'note']).toContain(result.level)
      expect(result.message.text.length).toBeGreaterThan(0)
      expect(result.locations[0].physicalLocation.region.startLine).toBeGreaterThan(0)
      expect(result.partialFingerprints['rowpassKey/v1']).toMatch(/^[0-9a-f]{64}$/)
    }
    expect(results.filter(({ suppressions }: { suppressions?: unknown }) => suppressions !== undefined)).toHaveLength(1)
  })

  it('has the same findings in JSON, with fix or with the reason why there is none', async () => {
    const diagnosis = await examine()
    const report = toJson(diagnosis, applyBaseline(diagnosis.findings, new Map()))
    expect(report.findings.map(({ key }) => key)).toEqual(diagnosis.findings.map(({ key }) => key))
    expect(report.findings.filter(({ fix, needs_person }) => (fix === null) === (needs_person === null))).toEqual([])
  })

  it('parts statements as drizzle-kit does where it is asked to', async () => {
    const { sql } = writeMigration(await above(), { drizzle: true })
    expect(sql.split('\n--> statement-breakpoint\n').every((part) => /;\s*$/.test(part))).toBe(true)
  })

  it('quotes every name: a migration of hostile names heals them and touches nothing else', async () => {
    const found = await above()
    expect(new Set(found.map(({ code }) => code))).toEqual(
      new Set(
        ['RLS010', 'RLS030', 'RLS031', 'RLS033', 'RLS035', 'RLS060'].filter((code) =>
          found.some((each) => each.code === code),
        ),
      ),
    )
    expect(found.map(({ code }) => code)).toEqual(expect.arrayContaining(['RLS010', 'RLS031', 'RLS060']))
    await client.query(writeMigration(found).sql)
    const rest = await above()
    await client.query(writeMigration(rest).sql)
    expect(await above()).toEqual([])
    const { rows } = await client.query("select to_regclass('public.bystander') is not null as there")
    expect(rows).toEqual([{ there: true }])
  })
})
