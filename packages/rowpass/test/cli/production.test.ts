/**
 * The steps of docs/production.md on an application that is there: what its login could do, it can do afterwards.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, repository, sealKeysText, type TestDatabase, urlFor } from '../support/pg.ts'

const password = 'of-a-throw-away-role'

describePg('docs/production.md, word for word', () => {
  let sandbox: Sandbox
  let database: TestDatabase

  const query = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
    withConnection(url, async (client) => {
      const result = await client.query(sql)
      return Array.isArray(result) ? [] : result.rows
    })
  const asApp = (sql: string) => query(urlFor(database.name, 'shop_app', password), sql)
  const asSuperuser = (sql: string) => query(database.superuserUrl, sql)
  const example = (name: string) => readFileSync(join(repository, 'examples/production', name), 'utf8')

  beforeAll(async () => {
    sandbox = createSandbox()
    database = await createTestDatabase({ contents: 'bare' })
    await asSuperuser(
      `${example('shop.sql')}; alter role shop_app login password '${password}'; create extension hstore`,
    )
    const page = readFileSync(join(repository, 'docs/production.md'), 'utf8')
    const section = page.slice(page.indexOf('## The database'), page.indexOf('## A table'))
    const commands = [...section.matchAll(/^npx rowpass (.+)$/gm)].map(([, command = '']) => command.split(' '))
    expect(commands.map(([, command]) => command)).toEqual(['migrate', 'harden'])
    for (const command of commands) {
      const run = await sandbox.run(command, {
        OWNER_DATABASE_URL: database.superuserUrl,
        ROWPASS_DATABASE_URL: database.gatewayUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
      })
      expect(run).toMatchObject({ code: 0 })
    }
    await asSuperuser(example('policies.sql'))
  })
  afterAll(async () => {
    sandbox.remove()
    await asSuperuser('drop owned by shop_app')
    await database.close()
    await query(urlFor('postgres'), 'drop role shop_app')
  })

  it('SEC-72 the application reads and writes as before', async () => {
    expect(await asApp('select count(*)::int as n from invoices')).toEqual([{ n: 3 }])
    await asApp(`insert into invoices (org_id, amount) values ('0c0c0c0c-0000-4000-8000-000000000003', 1);
      update invoices set amount = 2 where amount = 1; delete from invoices where amount = 2`)
    await asApp('create temporary table mine as select * from invoices; drop table mine')
  })

  it.each([
    ['hstore', `select 'a=>1'::hstore ? 'a' as yes`],
    ['citext', `select 'A'::citext = 'a' as yes`],
    ['pg_trgm', `select 'abc' % 'abc' as yes`],
    ['pgcrypto', `select length(gen_random_bytes(8)) = 8 as yes`],
    ['uuid-ossp', 'select uuid_generate_v4() is not null as yes'],
  ])('SEC-72 the application uses the extension %s, whether it was made before or after', async (name, sql) => {
    await asSuperuser(`create extension if not exists "${name}"`)
    expect(await asApp(sql)).toEqual([{ yes: true }])
  })

  it('SEC-72 the application uses range types that are made afterwards', async () => {
    await asSuperuser('create type span as range (subtype = float8)')
    expect(await asApp('select span(1, 2) @> 1.5::float8 as yes')).toEqual([{ yes: true }])
  })

  it('--undo leaves it with nothing but what it had', async () => {
    const run = await sandbox.run(['db', 'harden', '--undo'], {
      OWNER_DATABASE_URL: database.superuserUrl,
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
    })
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('open     a statement writes at most 1GB') })
    expect(run.stdout).not.toContain('refused')
    expect(await asApp(`select 'A'::citext = 'a' as yes`)).toEqual([{ yes: true }])
  })
})
