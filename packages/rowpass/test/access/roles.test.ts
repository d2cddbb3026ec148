import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { readDatabase } from '../../src/access/database.ts'
import type { RequestRoles } from '../../src/access/roles.ts'
import { inTrial } from '../../src/access/trial.ts'
import { runDoctor } from '../../src/doctor/run.ts'
import { drawMatrix } from '../../src/matrix/draw.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

/** Roles belong to the cluster. */
const roles = ['roles_app_user', 'roles_boss', 'roles_login', 'roles_guest_anon']
const make = roles
  .map(
    (name) => `do $$ begin create role ${name}; exception when duplicate_object or unique_violation then null; end $$;`,
  )
  .join('\n')

const notes = `
  create table notes (id int primary key, tenant_id int not null, body text);
  insert into notes values (1, 1, 'a'), (2, 2, 'b');
  alter table notes enable row level security; alter table notes force row level security;`
const own = "tenant_id = nullif(current_setting('app.tenant', true), '')::int"

describePg('the roles that requests run as', () => {
  let database: TestDatabase
  let other: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    // A database of the same cluster, which leaves the role `authenticated` there.
    other = await createTestDatabase({ contents: 'platform' })
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client(database.superuserUrl)
    await client.connect()
    await client.query(`${make} alter role roles_login login;`)
  })
  afterAll(async () => {
    await client.end()
    await database.close()
    await other.close()
  })
  beforeEach(() => client.query('drop schema public cascade; create schema public'))

  const find = async (sql: string): Promise<RequestRoles> =>
    inTrial(client, {}, async () => {
      await client.query(sql)
      const { catalog, access } = await readDatabase(client)
      expect([...catalog.roles.values()].map(({ name }) => name)).toContain('authenticated')
      return access.requests
    })
  const namesOf = ({ roles: found, signedIn, anonymous, evidence }: RequestRoles) => ({
    roles: found.map(({ name }) => name),
    signedIn: signedIn?.name,
    anonymous: anonymous?.name,
    evidence,
  })

  it('are those that policies name, and not one of a usual name that another database has left', async () => {
    const found = await find(`${notes} create policy p on notes to roles_app_user using (true)`)
    const expected = {
      roles: ['roles_app_user'],
      signedIn: 'roles_app_user',
      anonymous: undefined,
      evidence: 'policies',
    }
    expect(namesOf(found)).toEqual(expected)
  })

  it('are the same for doctor and matrix, so that the matrix sees the hole', async () => {
    await client.query(`${notes} grant usage on schema public to roles_app_user;
      grant select on notes to roles_app_user; create policy p on notes to roles_app_user using (true or ${own})`)
    const file = JSON.stringify([{ name: 'ada', claims: { tenant: 1, tenant_id: 1 } }])
    const matrix = await drawMatrix(client, { file })
    expect(matrix.subjects.map(({ role }) => role)).toEqual(['roles_app_user', 'roles_app_user'])
    const [line] = matrix.tables.find(({ name }) => name === 'public.notes')!.lines
    expect(line!.cells.select).toMatchObject({ reached: { own: 1, other: 1 }, crossTenant: true })
    const { roles: seen } = await runDoctor({ databaseUrl: database.superuserUrl, catalogsOnly: true })
    expect(seen).toEqual(['roles_app_user'])
  })

  it('are not the owner, whom a policy names because of FORCE', async () => {
    const owned = `${notes} alter table notes owner to roles_boss;
      create policy boss on notes to roles_boss using (true); create policy p on notes to roles_app_user using (${own})`
    expect(namesOf(await find(owned)).roles).toEqual(['roles_app_user'])
  })

  it('are not an owner whom no login becomes, by a policy that asks, beside a role that platforms make the login of', async () => {
    const owned = `${notes} create role api_user; alter table notes owner to roles_boss;
      create policy b on notes to roles_boss using (${own}); create policy p on notes to api_user using (${own})`
    expect(namesOf(await find(owned)).roles).toEqual(['api_user'])
  })

  it('are the owner where it serves requests: alone, by what its policy asks, or by a login that becomes it', async () => {
    const owned = `${notes} alter table notes owner to roles_boss;`
    const alone = `${owned} create policy p on notes to roles_boss using (true)`
    expect(namesOf(await find(alone)).roles).toEqual(['roles_boss'])
    const both = `${owned} create policy p on notes to roles_app_user using (${own});`
    expect(namesOf(await find(`${both} create policy b on notes to roles_boss using (${own})`)).roles).toEqual([
      'roles_app_user',
      'roles_boss',
    ])
    const reached = `${both} create policy b on notes to roles_boss using (true); grant roles_boss to roles_login`
    expect(namesOf(await find(reached)).roles).toContain('roles_boss')
  })

  it('are those of the grants where policies are for PUBLIC', async () => {
    const found = await find(
      `${notes} create policy p on notes using (${own}); grant select on notes to roles_app_user`,
    )
    expect(namesOf(found)).toMatchObject({ roles: ['roles_app_user'], evidence: 'grants' })
  })

  it('are told apart by whether they are for requests without claims', async () => {
    const found = await find(`${notes} create policy p on notes to roles_app_user using (${own});
      grant roles_app_user, roles_guest_anon to roles_login`)
    expect(namesOf(found)).toMatchObject({ signedIn: 'roles_app_user', anonymous: 'roles_guest_anon' })
  })
})
