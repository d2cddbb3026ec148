import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readDatabase } from '../../src/access/database.ts'
import { inTrial } from '../../src/access/trial.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const names = ['access_a', 'access_b', 'access_c', 'access_d']

/** Roles are made in the trial, and so are gone with it: no other test meets them. */
const made = [
  ...names.map((name) => `create role ${name} ${name === 'access_b' ? 'noinherit' : ''}`),
  'create role access_owner',
  'create schema s',
  'create table s.t (id int generated always as identity, a int default nextval($$s.q$$), b text)',
  'create view s.v as select * from s.t',
  'create function s.f(int) returns int language sql as $$ select $1 $$',
  'revoke execute on function s.f(int) from public',
  ...['table s.t', 'view s.v', 'function s.f(int)', 'schema s', 'sequence s.q'].map(
    (each) => `alter ${each} owner to access_owner`,
  ),
]

const step = fc.oneof(
  ...[...names, 'access_owner', 'public'].flatMap((to) =>
    [
      'usage on schema s',
      'select on s.t',
      'insert (a) on s.t',
      'update (b) on s.t',
      'delete on s.t',
      'select (a) on s.v',
      'execute on function s.f(int)',
      'usage on sequence s.q',
      'update on sequence s.q',
      'all on s.t',
    ].map((what) => fc.constantFrom(`grant ${what} to ${to}`, `revoke ${what} from ${to}`)),
  ),
  ...names.flatMap((member) =>
    [...names, 'access_owner', 'pg_read_all_data', 'pg_write_all_data']
      .filter((role) => role > member)
      .map((role) => fc.constant(`grant ${role} to ${member}`)),
  ),
)

const truth = `
  select r.rolname as role, has_schema_privilege(r.oid, 's', 'USAGE') as usage,
         has_table_privilege(r.oid, 's.t', 'SELECT') as "select", has_table_privilege(r.oid, 's.t', 'INSERT') as "insert",
         has_table_privilege(r.oid, 's.t', 'UPDATE') as "update", has_table_privilege(r.oid, 's.t', 'DELETE') as "delete",
         has_column_privilege(r.oid, 's.t', 'a', 'INSERT') as "insertA", has_column_privilege(r.oid, 's.t', 'b', 'UPDATE') as "updateB",
         has_any_column_privilege(r.oid, 's.v', 'SELECT') as view, has_function_privilege(r.oid, 's.f(int)', 'EXECUTE') as execute,
         has_sequence_privilege(r.oid, 's.q', 'USAGE, UPDATE') as sequence
    from pg_roles r where r.rolname like 'access\\__' or r.rolname in ('access_owner', current_user) order by 1`

describePg('privileges', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client(database.superuserUrl)
    await client.connect()
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  it('are what PostgreSQL says of each role, on grants made at random', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        await inTrial(client, {}, async () => {
          await client.query(made.join('; ').replace('create schema s;', 'create schema s; create sequence s.q;'))
          for (const each of steps) await client.query(each)
          const { catalog, access } = await readDatabase(client)
          const { rows } = await client.query(truth)
          const relation = (name: string) =>
            [...catalog.relations.values()].find((each) => each.schema === 's' && each.name === name)!
          const [t, v] = [relation('t'), relation('v')]
          const column = (name: string) => t.columns.find((each) => each.name === name)!
          const routine = [...catalog.routines.values()].find((each) => each.sql === 's.f(integer)')!
          const sequence = catalog.sequences.find((each) => each.sql === 's.q')!
          const found = rows.map(({ role: name }) => {
            const role = [...catalog.roles.values()].find((each) => each.name === name)!
            return {
              role: name,
              usage: access.usesSchema(role, 's'),
              select: access.onTable(role, 'select', t),
              insert: access.onTable(role, 'insert', t),
              update: access.onTable(role, 'update', t),
              delete: access.onTable(role, 'delete', t),
              insertA: access.onColumn(role, 'insert', t, column('a')),
              updateB: access.onColumn(role, 'update', t, column('b')),
              view: v.columns.some((each) => access.onColumn(role, 'select', v, each)),
              execute: access.executes(role, routine),
              sequence: access.advances(role, sequence),
            }
          })
          expect(found).toEqual(rows)
        })
      }),
      { numRuns: 60 },
    )
  })
})
