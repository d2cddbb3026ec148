import { readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { readJsonFile } from '../../src/database/private-files.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { describePg } from '../support/pg.ts'

const schema = `
create table public.rooms (id int primary key, club int not null, name text);
create index on public.rooms (club);
alter table public.rooms enable row level security;
alter table public.rooms owner to files_boss;
create policy rooms_club on public.rooms for select to files_web
  using (club = (select nullif(current_setting('app.club', true), '')::int));
create policy rooms_open on public.rooms for select to files_web using (true);
grant usage on schema public to files_web;
grant select on public.rooms to files_web;
`
const rows = "insert into public.rooms values (1, 10, 'A'), (2, 10, 'B'), (3, 20, 'C');"

// Each of them makes databases and runs several tools on them.
vi.setConfig({ testTimeout: 120_000 })

describePg('a file in the place of a database', () => {
  let sandbox: Sandbox
  beforeAll(() => {
    sandbox = createSandbox()
    writeFileSync(join(sandbox.directory, 'schema.sql'), schema)
    writeFileSync(join(sandbox.directory, 'rows.sql'), rows)
    writeFileSync(join(sandbox.directory, 'broken.sql'), 'select 1;\nselect nope;')
  })
  afterAll(() => sandbox.remove())
  const run = (...argv: string[]) => sandbox.run(argv, { OWNER_DATABASE_URL: inject('superuserUrl') })

  it('is what the doctor examines, and its stand-ins are said', async () => {
    const { code, stdout, stderr } = await run('doctor', '--json', 'schema.sql')
    const { findings, tables, roles } = JSON.parse(stdout)
    expect({ code, tables, roles, stderr }).toEqual({
      code: 1,
      tables: 1,
      roles: ['files_web'],
      stderr: 'made up: the roles files_boss, files_web\n',
    })
    const keys = findings.map(({ key }: { key: string }) => key)
    expect(keys).toContainEqual(expect.stringMatching(/^RLS01[23]:public.rooms:/))
    // Such a key can be accepted: it is the same in the next run.
    expect(keys.filter((key: string) => key.includes('rowpass_scratch'))).toEqual([])
    expect(keys).toContain('RLS064:database')
  })

  it('is what the matrix tries, with the rows of a second file', async () => {
    const { code, stdout } = await run('matrix', 'schema.sql', 'rows.sql', '--json')
    const [table] = JSON.parse(stdout).tables
    expect({ code, name: table.name, rows: table.rows }).toEqual({ code: 0, name: 'public.rooms', rows: 3 })
  })

  it('is what why explains', async () => {
    const { code, stdout } = await run('why', '--role', 'files_web', 'select * from rooms', 'schema.sql', 'rows.sql')
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('3 rows') })
  })

  it.each([
    ['nowhere.sql', 2, 'error[input_invalid]: The input is not acceptable: there is no file or folder nowhere.sql'],
    [
      'broken.sql',
      4,
      'error[script_failed]: PostgreSQL refused a statement of the script: broken.sql:2: column "nope"',
    ],
  ])('%s ends with %i and says why', async (path, code, text) => {
    expect(await run('doctor', path)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(text) })
  })
})

describe('a file without any server', () => {
  it('runs on an embedded one that leaves nothing behind, as a login that runs no program', {
    timeout: 120_000,
  }, async () => {
    const sandbox = createSandbox()
    const ownerOf = (name: string) => readJsonFile(join(tmpdir(), name, 'owner.json'))?.pid
    const folders = () =>
      readdirSync(tmpdir()).filter((name) => name.startsWith('rowpass-local-') && ownerOf(name) === process.pid)
    try {
      const attack = `do $$ begin execute 'copy (select 1) to program ''true'''; end $$;`
      writeFileSync(join(sandbox.directory, 'schema.sql'), schema + rows)
      writeFileSync(join(sandbox.directory, 'attack.sql'), attack)
      // Files do not say who sets the database up: nothing is found about the login that ran them.
      const owned = schema.replace(/alter table .* owner to .*|create policy rooms_open .*/g, '')
      writeFileSync(join(sandbox.directory, 'owned.sql'), owned)
      const { findings } = JSON.parse((await sandbox.run(['doctor', 'owned.sql', '--json'])).stdout)
      expect(findings.filter(({ level }: { level: string }) => level !== 'info')).toEqual([])
      const { code, stdout } = await sandbox.run(['matrix', 'schema.sql', '--json'])
      expect({ code, rows: JSON.parse(stdout).tables[0].rows }).toEqual({ code: 0, rows: 3 })
      expect(await sandbox.run(['doctor', 'attack.sql'])).toMatchObject({
        code: 4,
        stderr: expect.stringContaining(
          'attack.sql:1: permission denied to COPY to or from an external program (42501)',
        ),
      })
      expect(folders()).toEqual([])
      expect(readdirSync(sandbox.directory)).toEqual(['attack.sql', 'owned.sql', 'schema.sql'])
    } finally {
      sandbox.remove()
    }
  })
})
