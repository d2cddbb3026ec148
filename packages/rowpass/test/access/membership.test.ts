import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runDoctor } from '../../src/doctor/run.ts'
import { drawMatrix } from '../../src/matrix/draw.ts'
import { explain } from '../../src/why/explain.ts'
import { createTestDatabase, describePg, postgresMajor, type TestDatabase, urlFor } from '../support/pg.ts'

const password = 'of-a-throw-away-role'
const roles = ['plain_owner', 'plain_app', 'plain_login']

/** Made by a superuser, as migrations of a platform do: the owner is no member of the role of requests. */
const setup = `
  alter role plain_owner login password '${password}'; alter role plain_login login noinherit password '${password}';
  grant plain_app to plain_login;
  create schema plain authorization plain_owner; grant usage on schema plain to plain_app;
  set role plain_owner;
  create table plain.notes (id int primary key, tenant_id int not null, body text);
  insert into plain.notes values (1, 1, 'a'), (2, 2, 'b');
  alter table plain.notes enable row level security;
  create policy ours on plain.notes to plain_app using (tenant_id = nullif(current_setting('jwt.claims.tenant_id', true), '')::int);
  grant select, insert, update, delete on plain.notes to plain_app;
  reset role;`

describePg('an owner who may not become the role of requests', () => {
  let database: TestDatabase
  let superuser: pg.Client
  const connect = async (user: string): Promise<pg.Client> => {
    const client = new pg.Client(urlFor(database.name, user, password))
    await client.connect()
    return client
  }
  const membership = `grant plain_app to plain_owner${postgresMajor() >= 16 ? ' with inherit false, set true' : ''};`
  const detail = expect.stringMatching(
    new RegExp(`^plain_owner may not become the role plain_app .* a superuser \\(.*${membership}.* plain_login `),
  )
  const identity = { role: 'plain_app', claims: { tenant_id: 1 } }
  const file = JSON.stringify([{ name: 'ada', claims: { tenant_id: 1 } }])
  const sql = 'select * from plain.notes'

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    superuser = new pg.Client(database.superuserUrl)
    await superuser.connect()
    for (const role of roles)
      await superuser.query(`do $$ begin create role ${role}; exception when duplicate_object then null; end $$`)
    await superuser.query(setup)
  })
  afterAll(async () => {
    await superuser.query('revoke plain_app from plain_owner, plain_login')
    await superuser.end()
    await database.close()
  })

  it('is told by why and matrix which grant is missing, who may give it, and which login needs none', async () => {
    const owner = await connect('plain_owner')
    const refusal = { code: 'owner_powerless', detail }
    await expect(explain(owner, { identity, sql })).rejects.toMatchObject(refusal)
    await expect(drawMatrix(owner, { file })).rejects.toMatchObject(refusal)
    await owner.end()
  })

  it('is told by the doctor, in a note', async () => {
    const { notes } = await runDoctor({ databaseUrl: urlFor(database.name, 'plain_owner', password) })
    expect(notes.join('\n')).toContain(membership)
  })

  it('is told true: as that login why and doctor work', async () => {
    const login = await connect('plain_login')
    const { outcome, notes } = await explain(login, { identity, sql })
    expect(outcome?.rows).toBe(1)
    expect(notes.join()).toContain('could not be looked at')
    await login.end()
    const diagnosis = await runDoctor({ databaseUrl: urlFor(database.name, 'plain_login', password) })
    expect(diagnosis.notes.join()).not.toContain('SET ROLE')
  })

  it('is told true: with that grant all of them work', async () => {
    await superuser.query(membership)
    const owner = await connect('plain_owner')
    expect((await explain(owner, { identity, sql })).findings).toMatchObject([{ code: 'rows_hidden' }])
    const { tables } = await drawMatrix(owner, { file })
    expect(tables[0]!.lines[0]!.cells.select.reached).toEqual({ own: 1 })
    await owner.end()
    const { notes } = await runDoctor({ databaseUrl: urlFor(database.name, 'plain_owner', password) })
    expect(notes.join()).not.toContain('SET ROLE')
  })
})
