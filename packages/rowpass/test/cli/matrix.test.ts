import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const neon = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const people = [
  { name: 'david', claims: { sub: '2e7e25e8-5445-40bd-8f89-dc19bba64faa', tenant_id: neon, role: 'member' } },
  { name: 'amara', claims: { sub: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3', tenant_id: neon, role: 'admin' } },
]

describePg('matrix on the command line', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())
  beforeEach(() => {
    sandbox = createSandbox()
    writeFileSync(join(sandbox.directory, 'people.json'), JSON.stringify(people))
  })
  afterEach(() => sandbox.remove())

  const run = (...options: string[]) =>
    sandbox.run(['matrix', '--table', 'tenants', 'public.users', '--identities', 'people.json', ...options], {
      OWNER_DATABASE_URL: database.ownerUrl,
    })

  it('prints a table that fits 100 columns, without colours where there are none', async () => {
    const { code, stdout } = await run()
    expect(code).toBe(0)
    expect(stdout).toContain(`
public.users  12 rows, tenant in tenant_id, row-level security forced
                                    SELECT          INSERT          UPDATE          DELETE
  david                             1/12            policy          1/12            none
  amara                             4/12            own             4/12            4/12
  no claims (authenticated)         none            policy          none            none
  no claims (anonymous)             grant           grant           grant           grant
`)
    expect(stdout).toMatch(/\n32 cells, 0 with cross-tenant access\n$/)
    const table = stdout.split('\n').filter((line) => !/^(Tenant column|Identities|Claims|rowpass_test)/.test(line))
    expect(table.filter((line) => line.length > 100)).toEqual([])
    expect(stdout).not.toContain('\u001b')
  })

  it('says what it does as it goes, and prints all of it as JSON', async () => {
    const { stdout, stderr } = await run('--json')
    expect(stderr).toContain('2 tables are locked for the moment in which their rows are counted (FORCE)\n')
    expect(stderr).toContain('david, 1 of 4, on 2 tables\n')
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      mode: 'tried',
      tables: [{ name: 'public.tenants' }, { name: 'public.users' }],
    })
  })

  it('approves what there is, and fails on access that is new', async () => {
    expect((await run('--write', 'matrix.json')).code).toBe(0)
    const file = join(sandbox.directory, 'matrix.json')
    expect(JSON.parse(readFileSync(file, 'utf8')).tables['public.users'].david).toEqual({
      select: 'own',
      insert: 'policy',
      update: 'own',
      delete: 'none',
    })
    expect(await run('--check', 'matrix.json')).toMatchObject({
      code: 0,
      stdout: '4 identities on 2 tables: as approved\n',
    })

    const client = new pg.Client(database.ownerUrl)
    await client.connect()
    await client.query('grant update on users to authenticated; alter policy users_update on users with check (true)')
    const opened = await run('--check', 'matrix.json')
    await client.query('revoke update, delete on users from authenticated')
    const closed = await run('--check', 'matrix.json')
    const exact = await run('--check', 'matrix.json', '--exact')
    await client.end()
    expect(opened.code).toBe(1)
    expect(opened.stdout).toBe(`public.users, amara, UPDATE: access that nobody approved
- own
+ own move
public.users, david, UPDATE: access that nobody approved
- own
+ own move
4 identities on 2 tables: 2 differences, 2 not approved
`)
    expect(closed.code).toBe(0)
    expect(closed.stdout).toContain('public.users, amara, DELETE: less access than approved\n- own\n+ grant\n')
    expect(closed.stdout).toMatch(/none of them new access\n$/)
    expect(exact.code).toBe(1)
  })

  it('takes identities from a query', async () => {
    const sql =
      "select role as name, json_build_object('sub', id, 'tenant_id', tenant_id) as claims, array[tenant_id::text] as tenants from (values (gen_random_uuid(), gen_random_uuid(), 'someone')) v(id, tenant_id, role)"
    const { code, stdout } = await sandbox.run(['matrix', '--table', 'users', '--sample', sql], {
      OWNER_DATABASE_URL: database.ownerUrl,
    })
    expect(code).toBe(0)
    expect(stdout).toContain('\n  someone ')
  })

  it.each([
    [['--identities', 'nowhere.json'], 'there is no file nowhere.json'],
    [['--check', 'nowhere.json'], 'there is no file nowhere.json'],
    [['--sample', 'select 1; select 2'], '--sample: syntax error'],
    [['--sample', 'delete from users returning name'], '--sample: syntax error'],
    [['--sample', 'commit'], '--sample: syntax error'],
    [['--sample', 'select 1) as x; commit; --'], '--sample: syntax error'],
    [['--role', 'nobody-at-all'], 'there is no database role nobody-at-all'],
    [['--table', 'nowhere'], 'there is no table to try'],
    [['--tenant-column', 'nowhere'], 'no table has the tenant column nowhere'],
  ])('refuses %j', async (options, text) => {
    const { code, stderr } = await sandbox.run(['matrix', ...options], { OWNER_DATABASE_URL: database.ownerUrl })
    expect(code).toBe(2)
    expect(stderr).toContain(text)
  })

  it('has exit code 3 where nothing runs, 4 where nothing answers, and 2 for a timeout that is none', async () => {
    expect((await sandbox.run(['matrix'])).code).toBe(3)
    const nowhere = ['matrix', '--database-url', 'postgresql://a:b@127.0.0.1:1/c']
    expect((await sandbox.run(nowhere)).code).toBe(4)
    expect((await sandbox.run(['matrix', '--timeout', '0'])).code).toBe(2)
    expect(existsSync(join(sandbox.directory, '.rowpass'))).toBe(false)
  })
})
