import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { readVersion } from '../../src/version.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg } from '../support/pg.ts'

let sandbox: Sandbox
beforeEach(() => {
  sandbox = createSandbox()
})
afterEach(() => sandbox.remove())

const put = (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(sandbox.directory, path)), { recursive: true })
    writeFileSync(join(sandbox.directory, path), text)
  }
}
const read = (path: string) => readFileSync(join(sandbox.directory, path), 'utf8')
const all = () =>
  Object.fromEntries(
    readdirSync(sandbox.directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  )

const notes = (caller: string) => `create table notes (id int primary key, owner uuid, org_id uuid);
alter table notes enable row level security;
create policy own on notes for select to authenticated using (owner = ${caller});
grant usage on schema public to authenticated; grant select on notes to authenticated;`
/** Two findings: no policy and open to a role. */
const open = 'create table open_to_all (id int primary key); grant select on open_to_all to authenticated;'
const one = '00000000-0000-4000-8000-000000000001'

interface Kind {
  readonly files: Readonly<Record<string, string>>
  readonly path: string
  readonly inputs: string
  readonly says: string
  readonly issuer: string
}

const kinds: Readonly<Record<string, Kind>> = {
  supabase: {
    files: {
      'supabase/config.toml': 'project_id = "a"',
      'supabase/migrations/1_notes.sql': `${notes('(select auth.uid())')}\n${open}`,
      'supabase/seed.sql': `insert into notes values (1, '${one}');`,
      'package.json': '{}',
    },
    path: 'supabase/migrations',
    inputs: 'path: "supabase/migrations"\n          rows: "supabase/seed.sql"\n          identities: people.json\n',
    says: 'Supabase, migrations in supabase/migrations',
    issuer: '"provider":"supabase"',
  },
  drizzle: {
    files: {
      'drizzle.config.ts': `throw new Error('it is run')\nexport default { schema: './schema.ts', out: './db/out/' }`,
      'db/out/meta/_journal.json': '{"entries":[{"idx":0,"tag":"0000_notes"}]}',
      'db/out/0000_notes.sql': `${notes('(select auth.user_id())::uuid')}\n${open}`,
    },
    path: 'db/out',
    inputs: 'path: "db/out"\n          identities: people.json\n',
    says: 'Drizzle, migrations in db/out',
    issuer: '"jwks_url"',
  },
  prisma: {
    files: {
      'prisma/schema.prisma': 'datasource db { provider = "postgresql" }',
      'prisma/migrations/1_notes/migration.sql': `${notes("(select current_setting('app.user', true)::uuid)")}\n${open}`,
    },
    path: 'prisma/migrations',
    inputs: 'path: "prisma/migrations"\n          identities: people.json\n',
    says: 'Prisma, migrations in prisma/migrations',
    issuer: '"jwks_url"',
  },
  sql: {
    files: { 'db/migrations/1.sql': `${notes("(select current_setting('app.user', true)::uuid)")}\n${open}` },
    path: 'db/migrations',
    inputs: 'path: "db/migrations"\n          identities: people.json\n',
    says: 'plain SQL, migrations in db/migrations',
    issuer: '"jwks_url"',
  },
}

describePg('rowpass init in a project', () => {
  it.each(Object.keys(kinds))(
    'begins in a project of this kind: %s; a second run changes nothing',
    { timeout: 120_000 },
    async (name) => {
      const kind = kinds[name]!
      put(kind.files)
      const dry = await sandbox.run(['init', '--dry-run'])
      expect(dry.stdout).toContain(kind.says)
      expect(dry.stdout.match(/would make/g)).toHaveLength(5)
      expect(Object.keys(all())).toHaveLength(Object.keys(kind.files).length)

      const env = { OWNER_DATABASE_URL: inject('superuserUrl') }
      const { code, stdout, stderr } = await sandbox.run(['init', kind.path, '--json'], env)
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(JSON.parse(stdout)).toEqual({
        kind: name,
        migrations: kind.path,
        files: [
          { path: 'rowpass-doctor.json', state: 'made', says: expect.stringMatching(/^findings accepted: RLS/) },
          { path: 'people.json', state: 'made', says: expect.stringContaining('people') },
          { path: '.github/workflows/rowpass.yml', state: 'made', says: '' },
          { path: '.dev.vars.example', state: 'made', says: '' },
          { path: 'AGENTS.md', state: 'made', says: '' },
        ],
      })
      expect(Object.keys(JSON.parse(read('rowpass-doctor.json')).accepted).join()).toContain('public.open_to_all')
      const people = JSON.parse(read('people.json'))
      expect(people[0]).toMatchObject({ role: 'authenticated', claims: { sub: expect.any(String) } })
      const workflow = read('.github/workflows/rowpass.yml')
      expect(workflow).toContain(kind.inputs)
      expect(workflow).toMatch(new RegExp(`uses: [\\w<>.-]+/[\\w.-]+@v${readVersion().replaceAll('.', '\\.')}\\n`))
      expect(read('.dev.vars.example')).toContain(kind.issuer)

      const before = all()
      const again = await sandbox.run(['init'])
      expect(again).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Nothing was to do: all of it is there.'),
      })
      expect(again.stdout.match(/^ {2}kept/gm)).toHaveLength(5)
      expect(all()).toEqual(before)
    },
  )

  it('examines the database that is named, and takes people from its rows', { timeout: 120_000 }, async () => {
    put(kinds.sql!.files)
    const database = await createTestDatabase()
    const { code, stdout } = await sandbox.run(['init'], { OWNER_DATABASE_URL: database.superuserUrl })
    await database.close()
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/people\.json +4 people of the database/),
    })
    const people = JSON.parse(read('people.json')) as { name: string; claims: Record<string, unknown> }[]
    expect(Object.keys(people[0]!.claims).sort()).toEqual(['role', 'sub', 'tenant_id'])
    expect(read('people.json')).not.toContain('@')
  })

  it('never writes over a file, and makes the rest', async () => {
    put({ ...kinds.sql!.files, 'people.json': '[]', '.github/workflows/rowpass.yml': 'mine' })
    const { stdout } = await sandbox.run(['init', 'db/migrations'], { OWNER_DATABASE_URL: inject('superuserUrl') })
    expect([read('people.json'), read('.github/workflows/rowpass.yml')]).toEqual(['[]', 'mine'])
    expect(stdout).toMatch(/kept +people\.json +it is there\n/)
    expect(stdout).toMatch(/made +rowpass-doctor\.json/)
  })

  it('says what it could not make, and why', async () => {
    put({ 'migrations/1.sql': 'create table a (id int); alter table b enable row level security;' })
    const { code, stdout } = await sandbox.run(['init', 'migrations'], { OWNER_DATABASE_URL: inject('superuserUrl') })
    expect(code).toBe(0)
    expect(stdout).toMatch(/not made +people\.json .*migrations\/1\.sql:1.*relation "b" does not exist/)
    expect(stdout).toContain('What was not made needs a database')
  })
})

describe('rowpass init', () => {
  it.each([
    [['init'], 'name their folder or file'],
    [['init', 'nothing'], 'there is no file or folder nothing'],
  ])('refuses a folder without migrations: %j', async (argv, says) => {
    put({ 'migrations/readme.md': 'none' })
    const { code, stderr } = await sandbox.run(argv)
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(says) })
    expect(Object.keys(all())).toHaveLength(1)
  })
})
