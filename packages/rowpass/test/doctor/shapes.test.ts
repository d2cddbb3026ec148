/**
 * Schemas with the roles and the shapes of projects that many have: no error that is none, and what the platform brings
 * along said once.
 */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readCatalogHere } from '../../src/access/catalog/read.ts'
import { createModel } from '../../src/doctor/analysis/model.ts'
import { type Diagnosis, type DoctorOptions, tryOutHere } from '../../src/doctor/run.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { createTestDatabase, describePg, postgresMajor, product, repository, type TestDatabase } from '../support/pg.ts'

const folder = `${product}test/doctor/schemas/`
/** What Supabase brings along is a part of the corpus. */
const pathOf = (file: string) => `${file === 'supabase' ? `${repository}corpus/shapes/` : folder}${file}.sql`

describePg('the doctor on projects of usual shape', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    await (await createTestDatabase({ contents: 'platform' })).close()
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client(database.superuserUrl)
    await client.connect()
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  /** Roles belong to the server: what a schema makes of them is rolled back. */
  async function examine(files: readonly string[], options: Pick<DoctorOptions, 'profile'> = {}): Promise<Diagnosis> {
    await client.query('begin')
    try {
      for (const file of files) await client.query(file.includes(' ') ? file : readFileSync(pathOf(file), 'utf8'))
      await client.query('savepoint reading')
      const model = createModel(await readCatalogHere(client), await loadParser())
      await client.query('rollback to savepoint reading')
      return await tryOutHere(client, model, options)
    } finally {
      await client.query('rollback')
    }
  }
  const keysOf = ({ findings }: Diagnosis, ...levels: readonly string[]) =>
    findings.filter(({ level }) => levels.includes(level)).map(({ key }) => key)

  it.each([
    [['supabase', 'teams-on-supabase'], 'supabase', ['anon', 'authenticated']],
    [['supabase', 'payments-on-supabase'], 'supabase', ['anon', 'authenticated']],
    [['supabase', 'supabase-2026-10-30', 'payments-on-supabase'], 'supabase', ['anon', 'authenticated']],
    [['visitors'], 'postgraphile', ['visitors_visitor']],
  ])('%j: no error, on %s, as %j', async (files, platform, roles) => {
    const diagnosis = await examine(files)
    expect(diagnosis.roles).toEqual(roles)
    expect(diagnosis.platform?.name).toBe(platform)
    expect(keysOf(diagnosis, 'error')).toEqual([])
  })

  it('says what Supabase brings along once, and everything of it where no profile is wanted', async () => {
    const { platform, findings } = await examine(['supabase', 'payments-on-supabase'])
    expect(platform!.defaults.map(({ says }) => says.split(' ')[0])).toEqual(['The', 'Tables', 'supabase_realtime'])
    const apart = platform!.defaults.flatMap((each) => each.findings.map(({ key }) => key))
    expect(apart).toEqual(
      expect.arrayContaining([
        'RLS006:authenticator:service_role',
        'RLS005:service_role',
        'RLS060:public.tickets',
        'RLS065:public.tickets_id_seq',
        'RLS062:public:project_owner:tables',
        'RLS003:public.customers',
        'RLS073:supabase_realtime',
      ]),
    )
    expect(findings.filter(({ key }) => apart.includes(key))).toEqual([])
    const whole = await examine(['supabase', 'payments-on-supabase'], { profile: 'none' })
    expect(whole.platform).toBeUndefined()
    expect(whole.findings.map(({ key }) => key)).toEqual(expect.arrayContaining(apart))
  })

  it('finds the faults of a project behind the defaults of its platform', async () => {
    const faults = `
      set role project_owner;
      create table public.open (id int primary key);
      create table public.notes (id int primary key, owner uuid);
      alter table public.notes enable row level security;
      create policy everything on public.notes for update to authenticated using (true);
      reset role;
      create policy wipe on storage.objects for delete to authenticated using (true);
      grant truncate on teams.accounts to authenticated;
      grant supabase_admin to authenticator;
      create schema more;
      grant usage on schema more to anon;
      alter default privileges for role project_owner in schema more grant select on tables to anon;`
    const diagnosis = await examine(['supabase', 'teams-on-supabase', faults])
    expect(keysOf(diagnosis, 'error', 'warning')).toEqual(
      expect.arrayContaining([
        'RLS001:public.open',
        'RLS011:public.notes:everything',
        'RLS011:storage.objects:wipe',
        'RLS060:teams.accounts',
        'RLS006:authenticator:supabase_admin',
        'RLS062:more:project_owner:tables',
      ]),
    )
  })

  it('asks what the owner may where it serves requests, whatever the platform', async () => {
    const faults = `grant visitors_owner to visitors_gate;`
    expect(keysOf(await examine(['visitors', faults]), 'error')).toContain('RLS006:visitors_gate:visitors_owner')
  })

  it('says that roles told by their names are a guess', async () => {
    const bare = 'create table public.notes (id int primary key); revoke all on public.notes from public'
    const { notes } = await examine([bare])
    expect(notes.some((note) => /no policy and no grant names a role/.test(note))).toBe(true)
    const named = await examine(['create table public.notes (id int); grant select on public.notes to authenticated'])
    expect(named.notes.filter((note) => /no policy and no grant/.test(note))).toEqual([])
  })

  it('takes an index that is skipped through for one, where the server can', async () => {
    const table = (name: string, kinds: string) => `
      create table public.${name} (id int primary key, kind int not null, tenant text not null);
      insert into public.${name} select i, ${kinds}, 't' || i % 5000 from generate_series(1, 20000) i;
      create index on public.${name} (kind, tenant);
      alter table public.${name} enable row level security;
      create policy own on public.${name} for select to authenticated
        using (tenant = (select nullif(current_setting('app.tenant', true), '')));
      grant select on public.${name} to authenticated;
      analyze public.${name};`
    const schema = `grant usage on schema public to authenticated; ${table('few', 'i % 3')} ${table('many', 'i')}`
    const found = keysOf(await examine([schema]), 'warning').filter((key) => key.startsWith('RLS035'))
    expect(found).toEqual(
      postgresMajor() >= 18 ? ['RLS035:public.many:tenant'] : ['RLS035:public.few:tenant', 'RLS035:public.many:tenant'],
    )
  })
})
