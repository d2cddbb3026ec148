import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

interface SarifResult {
  properties: { key: string }
  locations: [{ physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number } } }]
}

describePg('rowpass doctor', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  beforeAll(async () => {
    sandbox = createSandbox()
    database = await createTestDatabase({ contents: 'platform' })
    await withConnection(database.ownerUrl, (client) =>
      client.query(`
        create schema shop;
        grant usage on schema shop to authenticated;
        create table shop.notes (id uuid primary key, owner uuid, body text default 'a secret of a row');
        create policy notes_own on shop.notes for select to authenticated using (id = (select auth.uid()));
        grant select on shop.notes to authenticated;
        insert into shop.notes values (gen_random_uuid());
        create table shop."Odd
table" (id uuid primary key);
        grant select on shop."Odd
table" to authenticated;`),
    )
  })
  afterAll(async () => {
    sandbox.remove()
    await database.close()
  })

  const doctor = (...argv: string[]) => sandbox.run(['doctor', ...argv], { OWNER_DATABASE_URL: database.ownerUrl })

  it('groups what it finds by object, with evidence, fix and key, and ends with 1', async () => {
    const { code, stdout, stderr } = await doctor()
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toContain(`shop.notes
  error   RLS002 notes_own on shop.notes has no effect.
           pg_class.relrowsecurity of shop.notes is false
           proposal: alter table shop.notes enable row level security;
           RLS002:shop.notes
`)
    expect(stdout).toMatch(/\d+ error, \d+ warning, \d+ info \(\d+ tables, \d+ policies, as .*authenticated.*\)\n$/)
  })

  it('shows no row, and nothing of a name that could move the cursor', async () => {
    for (const option of [[], ['--json'], ['--sarif'], ['--fix']]) {
      expect((await doctor(...option)).stdout).not.toContain('a secret of a row')
    }
    expect((await doctor()).stdout).toContain('shop."Odd table" is open to authenticated')
  })

  it('says what it could not try, and tries nothing with --catalogs-only', async () => {
    const note = expect.stringMatching(/^nothing was tried as rowpass_owner: .* may not become the role rowpass_owner/)
    const asGateway = (...argv: string[]) =>
      sandbox.run(['doctor', '--role', 'rowpass_owner', ...argv], { OWNER_DATABASE_URL: database.gatewayUrl })
    expect((await asGateway()).stdout).toContain('note     nothing was tried as rowpass_owner: ')
    expect(JSON.parse((await asGateway('--json')).stdout).notes).toContainEqual(note)
    expect(JSON.parse((await asGateway('--json', '--catalogs-only')).stdout).notes).toEqual([])
  })

  it('prints JSON of a version that is named', async () => {
    const report = JSON.parse((await doctor('--json')).stdout)
    expect(report).toMatchObject({ schema: 1, stale: [] })
    expect(report.findings.map(({ key }: { key: string }) => key)).toContain('RLS002:shop.notes')
  })

  it('ends with 0 below the level of --fail-on, and asks only the rules it is told', async () => {
    expect((await doctor('--rule', 'RLS012')).code).toBe(0)
    expect((await doctor('--rule', 'RLS002')).code).toBe(1)
    expect((await doctor('--rule', 'RLS003', '--fail-on', 'error')).code).toBe(0)
  })

  it.each([
    [['--rule', 'RLS999'], 2, 'there is no rule "RLS999"'],
    [['--role', 'nobody_at_all'], 2, 'there is no database role "nobody_at_all"'],
    [['--fail-on', 'often'], 2, 'Allowed choices are'],
    [['--database-url', 'mysql://x'], 2, 'error[config_invalid]'],
    [['--database-url', 'postgresql://u:hunter2@127.0.0.1:1/x'], 4, 'error[database_unavailable]'],
  ])('%j ends with %i', async (argv, code, text) => {
    const run = await doctor(...argv)
    expect(run.code).toBe(code)
    expect(run.stderr).toContain(text)
    expect(run.stderr).not.toContain('hunter2')
  })

  it('ends with 3 where no database is named and none runs', async () => {
    expect((await sandbox.run(['doctor'])).code).toBe(3)
  })

  it('points SARIF into the migration that defines the table or the policy, and to the baseline for what none defines', async () => {
    const folder = join(sandbox.directory, 'supabase/migrations')
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      join(folder, '1_notes.sql'),
      '-- the shop\ncreate schema shop;\n\ncreate table shop.notes (id uuid);\ncreate policy notes_own on shop.notes using (true);',
    )
    writeFileSync(
      join(folder, '2_policy.sql'),
      '\n\ndrop policy notes_own on shop.notes;\ncreate policy notes_own on shop.notes\n  for select using (true);\n',
    )
    const { stdout } = await doctor('--sarif')
    rmSync(join(sandbox.directory, 'supabase'), { recursive: true })
    const places = JSON.parse(stdout).runs[0].results.map(
      ({ properties, locations: [{ physicalLocation }] }: SarifResult) =>
        `${properties.key} ${physicalLocation.artifactLocation.uri}:${physicalLocation.region.startLine}`,
    )
    expect(places).toContain('RLS002:shop.notes supabase/migrations/1_notes.sql:4')
    expect(places).toContain('RLS001:shop."Odd\ntable" rowpass-doctor.json:1')
  })

  it('writes a baseline of all that is there, with a count for each rule, and keeps reasons that were given', async () => {
    const baseline = ['--baseline', 'all.json']
    await doctor('accept', 'RLS002:shop.notes', '--reason', 'a table for tests', ...baseline)
    const { code, stdout } = await doctor('accept', '--all', '--reason', 'as it was', ...baseline)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ +\d+ {2}RLS\d{3} {2}\S|^accepted \d+ findings in all.json; 1 were accepted before\n$/m)
    const { accepted } = JSON.parse(readFileSync(join(sandbox.directory, 'all.json'), 'utf8'))
    expect(accepted['RLS002:shop.notes']).toBe('a table for tests')
    // Roles belong to the whole server: one that another test makes in between is a finding of its own.
    await expect
      .poll(
        async () => {
          await doctor('accept', '--all', '--reason', 'as it was', ...baseline)
          return (await doctor(...baseline)).code
        },
        { timeout: 60_000 },
      )
      .toBe(0)
    expect((await doctor('accept', '--reason', 'x', ...baseline)).code).toBe(2)
    expect((await doctor('accept', 'RLS002:shop.notes', '--all', '--reason', 'x', ...baseline)).code).toBe(2)
  })

  it('accepts a finding with a reason, and reports an entry that is stale', async () => {
    expect((await doctor('accept', 'RLS002:shop.notes', '--reason', 'a table for tests')).code).toBe(0)
    expect((await doctor('accept', 'RLS002:shop.gone', '--reason', 'was there')).code).toBe(0)
    expect(JSON.parse(readFileSync(join(sandbox.directory, 'rowpass-doctor.json'), 'utf8'))).toEqual({
      accepted: { 'RLS002:shop.gone': 'was there', 'RLS002:shop.notes': 'a table for tests' },
    })
    const { code, stdout } = await doctor('--rule', 'RLS002')
    expect(code).toBe(0)
    expect(stdout).toContain('stale    RLS002:shop.gone')
    expect(stdout).toContain('1 accepted')
    const report = JSON.parse((await doctor('--rule', 'RLS002', '--json')).stdout)
    expect(report).toMatchObject({ findings: [{ accepted: 'a table for tests' }], stale: ['RLS002:shop.gone'] })
  })

  it('refuses a baseline that is none', async () => {
    writeFileSync(join(sandbox.directory, 'broken.json'), '{"accepted": {"RLS002:shop.notes": ""}}')
    const { code, stderr } = await doctor('--baseline', 'broken.json')
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('error[config_invalid]') })
  })

  it('writes the fixes into a new file, and never over one', async () => {
    const argv = ['--rule', 'RLS002', '--baseline', 'none.json', '--fix', '--out', 'fix.sql']
    expect((await doctor(...argv)).stderr).toBe('1 findings fixed by it, 0 need a person\n')
    expect(readFileSync(join(sandbox.directory, 'fix.sql'), 'utf8')).toBe(
      [
        '-- RLS002:shop.notes: A table has policies, and row-level security is off',
        '-- loses: authenticated: SELECT on shop.notes, rows that no policy shows',
        '-- loses: authenticated: SELECT on shop.notes, 0 of 1 rows',
        'alter table shop.notes enable row level security;\n',
      ].join('\n'),
    )
    expect((await doctor(...argv)).code).toBe(2)
  })

  it('says what was not tried, and refuses to try where nothing may be', async () => {
    const argv = ['--rule', 'RLS002', '--baseline', 'none.json']
    expect((await doctor(...argv)).stdout).toContain('note     1 proposal was not tried: --fix tries it')
    const [finding] = JSON.parse((await doctor(...argv, '--json')).stdout).findings
    expect(finding).toMatchObject({ fix_tried: false, fix_loses: [] })
    const { code, stderr } = await doctor('--fix', '--catalogs-only')
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--fix tries each fix') })
  })

  it('asks before it writes, and leaves what is accepted alone', async () => {
    const argv = ['--rule', 'RLS002', 'RLS001', '--fix']
    expect((await doctor(...argv, '--baseline', 'none.json')).stdout).toContain('-- question RLS001:shop."Odd table": ')
    const { stdout, stderr } = await doctor(...argv)
    expect(stdout).not.toContain('alter table shop.notes')
    expect(stderr).toBe('0 findings fixed by it, 1 need a person\n')
  })

  it('explains a rule', async () => {
    expect((await doctor('explain', 'rls002')).stdout).toMatch(/^RLS002 policies-without-rls \(error\)\n/)
    expect((await doctor('explain', 'RLS999')).code).toBe(2)
  })
})
