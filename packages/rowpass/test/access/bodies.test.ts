import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCallers } from '../../src/access/callers.ts'
import { readCatalogHere } from '../../src/access/catalog/read.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

/** Bodies whose variables and arguments are of types of the database, which PostgreSQL's parser alone does not know. */
const functions: Readonly<Record<string, string>> = {
  'an enum beside a number': `create function f() returns text language plpgsql as $$
    declare o bigint; k kind; begin select n.org, n.state into o, k from notes n; return k; end $$`,
  'an enum beside a row': `create function f() returns text language plpgsql as $$
    declare r notes; k kind; begin select * into r from notes; select state into k from notes; return k || r.org; end $$`,
  'an enum beside a row type': `create function f() returns text language plpgsql as $$
    declare r notes%rowtype; k kind := 'open'; begin select * into strict r from notes; select r.state, 1 into k; return k; end $$`,
  'an array of an enum in a loop': `create function f() returns int language plpgsql as $$
    declare k kind; all_of_them kind[] := '{}'; begin
      for k in select state from notes loop all_of_them := all_of_them || k; end loop; return 1; end $$`,
  'an enum as an argument': `create function f(wanted kind) returns kind language plpgsql as $$
    begin select state, org into wanted from notes; return wanted; end $$`,
  'an enum that comes out': `create function f(a bigint, out k kind, out o bigint) language plpgsql as $$
    begin select n.state, n.org into k, o from notes n where n.org = a; end $$`,
  'a table of enums': `create function f() returns table (k kind, o bigint) language plpgsql as $$
    begin for k, o in select n.state, n.org from notes n loop return next; end loop; end $$`,
  'a domain': `create function f() returns text language plpgsql as $$
    declare c code; o bigint; begin select n.code, n.org into c, o from notes n; return c; end $$`,
}

describePg('bodies in PL/pgSQL', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client(database.superuserUrl)
    await client.connect()
    await client.query(`create type kind as enum ('open'); create domain code as text;
      create table notes (org bigint, state kind, code code)`)
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  it.each(Object.entries(functions))('are read with %s', async (_, definition) => {
    await client.query('begin')
    await client.query(definition)
    const catalog = await readCatalogHere(client)
    await client.query('rollback')
    const [routine] = [...catalog.routines.values()].filter(({ name }) => name === 'f')
    const { known, tables } = createCallers(await loadParser(), catalog).body(routine!)
    expect({ known, tables: [...new Set(tables.map(({ name }) => name))] }).toEqual({ known: true, tables: ['notes'] })
  })
})
