import pg from 'pg'
import { afterEach, expect, it } from 'vitest'
import { plain } from '../../src/access/style.ts'
import { drawMatrix } from '../../src/matrix/draw.ts'
import { printMatrix } from '../../src/matrix/terminal.ts'
import { createTestDatabase, describePg } from '../support/pg.ts'
import { acme, ada, cellOf, drawOf, identities, makeDatabase, notes, own, role, wordsOf } from './scene.ts'

const policies = `
  create policy p on :t to ${role} using (${own});
  create policy d on :t for delete to ${role} using (true);`

describePg('a matrix where not everything can be done', () => {
  const opened: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
  })
  const open = async (sql: string) => {
    const database = await makeDatabase(sql)
    opened.push(database)
    return database
  }

  const eventTrigger = (body: string) => `
    create function watch() returns event_trigger language plpgsql as $$ begin ${body} end $$;
    create event trigger matrix_watch on ddl_command_end execute function watch();`

  it('makes nothing for which an event trigger would be fired, and counts all the same', async () => {
    const { client } = await open(
      `create sequence marks; ${notes(policies)} ${eventTrigger("perform nextval('public.marks');")}`,
    )
    const { rows: before } = await client.query('select last_value, is_called from marks')
    const matrix = await drawMatrix(client, { file: identities, role })
    expect((await client.query('select last_value, is_called from marks')).rows).toEqual(before)
    expect(matrix.notes.at(-1)).toMatch(/^Event triggers \(matrix_watch\) would be fired/)
    expect(cellOf(matrix, 'public.notes', 'ada', 'delete')).toMatchObject({
      reached: { other: 5, any: 3 },
      crossTenant: true,
    })
    expect(cellOf(matrix, 'public.notes', 'ada', 'update')).toMatchObject({ reached: { any: 3 }, verdict: 'rows' })
  })

  it('does not mind an event trigger that a rollback undoes', async () => {
    const { client } = await open(`${notes(policies)} ${eventTrigger("notify matrix, 'reload schema';")}`)
    const matrix = await drawMatrix(client, { file: identities, role })
    expect(cellOf(matrix, 'public.notes', 'ada', 'delete').reached).toEqual({ own: 3, other: 5 })
  })

  it('counts where roles may not call set_config, as after "db harden --functions"', async () => {
    const { client } = await open(`${notes(policies)} revoke execute on function set_config from public;`)
    const matrix = await drawMatrix(client, { file: identities, role })
    expect(wordsOf(matrix, 'public.notes', 'ada')).toEqual({
      select: 'own',
      insert: 'own',
      update: 'own',
      delete: 'own other!',
    })
  })

  it('says that it cannot tell the rows that FORCE hides where it may not lift it', async () => {
    const database = await createTestDatabase()
    opened.push(database)
    const client = new pg.Client(database.ownerUrl)
    await client.connect()
    const amara = [
      {
        name: 'amara',
        claims: {
          sub: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3',
          tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675',
          role: 'admin',
        },
      },
    ]
    const matrix = await drawMatrix(client, { file: JSON.stringify(amara), tables: ['users'], liftForce: false })
    await client.end()
    const [users] = matrix.tables
    expect(users).toMatchObject({
      rows: undefined,
      notes: ['The connection obeys the policies here, so that it cannot tell how many rows there are.'],
    })
    expect(cellOf(matrix, 'public.users', 'amara', 'select').reached).toEqual({ own: 4 })
    expect(cellOf(matrix, 'public.users', 'amara', 'delete').reached).toEqual({ own: 4 })
  })

  it('does not wait for rows that another session has locked', async () => {
    const { client, superuserUrl } = await open(notes(policies))
    const other = new pg.Client(superuserUrl)
    await other.connect()
    await other.query('begin; update notes set body = body')
    const matrix = await drawMatrix(client, { file: identities, role, lockTimeoutMs: 20 })
    await other.end()
    const cell = cellOf(matrix, 'public.notes', 'ada', 'update')
    expect(cell).toMatchObject({ verdict: 'untried', reached: { own: 3 } })
    expect(cell.notes[0]).toMatch(/^Another session held the table or the row: canceling statement due to lock timeout/)
  })

  it('prints the reason of each question mark and each error below its table', async () => {
    const { client } = await open(`
      drop table tenants;
      create function out_of_it() returns trigger language plpgsql as $$ begin copy (select 1) to program 'true'; return new; end $$;
      create table fires (id int, tenant_id uuid); insert into fires values (1, '${acme}');
      create trigger out_of_it before insert or update on fires for each statement execute function out_of_it();
      create table fails (id int, tenant_id uuid); insert into fails values (1, '${acme}');
      alter table fails enable row level security; create policy p on fails to ${role} using ((id / 0) = 1);
      create materialized view frozen as select * from fires;
      grant select, insert, update, delete on fires, fails, frozen to ${role}`)
    const matrix = await drawMatrix(client, { file: identities, role })
    const text = printMatrix(matrix, plain)
    const every = matrix.tables.flatMap(({ lines }) => lines.flatMap(({ cells }) => Object.values(cells)))
    const unclear = every.filter(({ verdict }) => verdict === 'untried' || verdict === 'error')
    expect(unclear.length).toBeGreaterThan(10)
    expect(unclear.filter(({ notes: said }) => said.length === 0)).toEqual([])
    const flat = text.replaceAll(/\s+/g, ' ')
    for (const { command, notes: said } of unclear) expect(flat).toContain(`${command.toUpperCase()}: ${said[0]}`)
    expect(text).toContain('? UPDATE: The trigger out_of_it would be fired by the statement, even without a row:')
    expect(text).toContain('error SELECT: division by zero.')
    expect(text.split('\n').filter((line) => /^ {2,4}\S/.test(line) && line.length > 100)).toEqual([])
  })

  it('gives up a statement after its time, and goes on', async () => {
    const { client } = await open(notes(`create policy p on :t to ${role} using (pg_sleep(5) is null and ${own});`))
    const matrix = await drawMatrix(client, { file: identities, role, timeoutMs: 150 })
    expect(cellOf(matrix, 'public.notes', 'ada', 'select')).toMatchObject({
      verdict: 'untried',
      notes: ['It took longer than --timeout allows.'],
    })
    expect(wordsOf(matrix, 'public.notes', 'ada').insert).toBe('untried')
    expect(matrix.tables).toHaveLength(2)
  })

  it('carries claims as one setting each, as PostGraphile does', async () => {
    const each = "tenant_id = (select nullif(current_setting('jwt.claims.tenant_id', true), '')::uuid)"
    const { client } = await open(
      `drop function claim_tenant, claim_sub; ${notes(`create policy p on :t to ${role} using (${each});`)}`,
    )
    const matrix = await drawMatrix(client, { file: identities, role })
    expect(matrix.notes).toContain('Claims: one setting for each, jwt.claims.<claim>.')
    expect(wordsOf(matrix, 'public.notes', 'ada')).toEqual({
      select: 'own',
      insert: 'own',
      update: 'own',
      delete: 'own',
    })
  })

  it('takes tenants from where it is told: claim, column, or the identity itself', async () => {
    const file = JSON.stringify([
      { name: 'nested', claims: { sub: ada, app_metadata: { org: [acme] } } },
      { name: 'told', claims: { sub: ada }, tenants: [acme.toUpperCase()] },
    ])
    const sql = `create table files (id int primary key, org_ref uuid not null, tenant_id uuid);
      insert into files values (1, '${acme}', null); grant select on files to ${role};`
    const options = { file, tenantClaim: 'app_metadata.org', tenantColumns: ['files.org_ref', 'tenant_id'] }
    const matrix = await drawOf(sql, options)
    for (const name of ['nested', 'told'])
      expect(cellOf(matrix, 'public.files', name, 'select').reached).toEqual({ own: 1 })
    expect(cellOf(matrix, 'public.files', `no claims (${role})`, 'select').reached).toEqual({ other: 1 })
  })

  it('leaves the connection as it was, also after a failure', async () => {
    const { client } = await open(notes(policies))
    await expect(drawMatrix(client, { file: identities, role, tables: ['nowhere'] })).rejects.toMatchObject({
      code: 'input_invalid',
    })
    const { rows } = await client.query(
      'select current_user = session_user as self, txid_current_if_assigned() as transaction',
    )
    expect(rows).toEqual([{ self: true, transaction: null }])
  })
})
