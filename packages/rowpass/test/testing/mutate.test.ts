import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { findOperands } from '../../src/testing/operands.ts'
import { listWeakenings, type Weakening } from '../../src/testing/weakenings.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, repository, type TestDatabase } from '../support/pg.ts'

/** Tests in one line: fails when tenants_update lets everything in, or row-level security is off. */
const program = `
import pg from '${repository}node_modules/pg/esm/index.mjs'
const client = new pg.Client(process.env.DATABASE_URL)
await client.connect()
const { rowCount } = await client.query(\`
  select from pg_policies where policyname = 'tenants_update' and (qual = 'true' or with_check = 'true')
  union all select from pg_class where relname = 'tenants' and not relrowsecurity\`)
await client.end()
process.exitCode = rowCount === 0 ? 0 : 1`
const tests = ['node', '--input-type=module', '--eval', program]

describePg('test mutate', () => {
  let sandbox: Sandbox
  let database: TestDatabase

  beforeAll(async () => {
    sandbox = createSandbox()
    database = await createTestDatabase()
  })
  afterAll(async () => {
    sandbox.remove()
    await database.close()
  })

  const run = (options: readonly string[], url = database.superuserUrl) =>
    sandbox.run(['test', 'mutate', ...options], { OWNER_DATABASE_URL: url })
  const state = () =>
    withConnection(database.superuserUrl, async (client) => {
      const { rows } = await client.query(
        `select (select json_agg(p order by policyname) from pg_policies p) as policies,
                (select count(*)::int from pg_database where datname like 'rowpass\\_copy\\_%' and datdba = current_user::regrole) as copies`,
      )
      return rows[0]
    })

  it('reports what no test noticed, and leaves neither a change nor a copy', async () => {
    const before = await state()
    const { code, stdout, stderr } = await run(['--only', 'tenants_update', '--jobs', '2', '--json', '--', ...tests])
    expect(stderr.match(/^\d+\/\d+ (noticed|survived): tenants, policy tenants_update: /gm)?.length).toBeGreaterThan(5)
    const report = JSON.parse(stdout)
    const outcomes = Object.fromEntries(
      report.weakenings.map((each: { says: string; outcome: string }) => [each.says, each.outcome]),
    )
    expect(outcomes).toMatchObject({
      dropped: 'survived',
      'using true': 'noticed',
      'with check true': 'noticed',
      'for everybody': 'survived',
      restrictive: 'survived',
    })
    expect(report.noticed).toBe(2)
    expect(code).toBe(1)
    expect(await state()).toEqual({ ...before, copies: 0 })
  })

  it('ends with 0 when every weakening was noticed, and shows the score', async () => {
    await withConnection(database.superuserUrl, (client) =>
      client.query('create table alone (); alter table alone enable row level security'),
    )
    const never = ['node', '--eval', `process.exit(process.env.TEST_URL.endsWith('_1') ? 0 : 1)`]
    const { code, stdout } = await run(['--only', 'alone', '--env', 'TEST_URL', '--', ...never])
    await withConnection(database.superuserUrl, (client) => client.query('drop table alone'))
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1 of 1 weakenings were noticed by the tests\n' })
  })

  it('takes tests that do not end in time for tests that noticed', async () => {
    const slow = ['node', '--eval', `process.env.DATABASE_URL.endsWith('_1') || setInterval(() => undefined, 1000)`]
    const { stdout } = await run(['--only', 'tenants_select', '--timeout', '1', '--jobs', '4', '--json', '--', ...slow])
    expect(JSON.parse(stdout).survived).toBe(0)
  })

  it.each<[string, readonly string[], (database: TestDatabase) => string, string]>([
    [
      'tests that fail as things are',
      ['node', '--eval', 'console.log("canary"); process.exit(1)'],
      (d) => d.superuserUrl,
      'tests_failed',
    ],
    ['a program that is not there', ['no-such-program'], (d) => d.superuserUrl, 'config_invalid'],
    ['a login that may not make databases', tests, (d) => d.ownerUrl, 'owner_powerless'],
  ])('refuses %s', async (_title, command, url, code) => {
    const { code: exit, stderr } = await run(['--only', 'tenants', '--', ...command], url(database))
    expect(exit).toBe(1)
    expect(stderr).toContain(`error[${code}]`)
  })

  it('refuses a database that somebody else is connected to', async () => {
    await withConnection(database.ownerUrl, async () => {
      expect((await run(['--', ...tests])).stderr).toContain('error[database_in_use]')
    })
  })
})

describePg('a weakening', () => {
  let database: TestDatabase
  let owner: pg.Client
  let weakenings: Weakening[]

  beforeAll(async () => {
    database = await createTestDatabase()
    owner = new pg.Client(database.ownerUrl)
    await owner.connect()
    await owner.query(`
      create table "odd ""table""" (id int, "and" text);
      alter table "odd ""table""" enable row level security;
      create policy "p'1" on "odd ""table""" as restrictive to authenticated, rowpass_owner
        using ("and" = 'a AND ''b' and id = any (array(select 1 from users where name = 'x' and role = 'y')));
      create policy always on "odd ""table""" for select using (true)`)
    weakenings = await listWeakenings(owner)
  })
  afterAll(async () => {
    await owner.end()
    await database.close()
  })

  it('is made of every policy and every table', () => {
    const of = (policy: string) => weakenings.filter((each) => each.policy === policy).map(({ says }) => says)
    expect(of('users_update').map((says) => says.replaceAll(/\( SELECT auth\.(\w+)\([^)]*\) AS \w+\)/g, '$1'))).toEqual(
      [
        'dropped',
        'using true',
        'using without (tenant_id = claim_uuid)',
        `using without ((id = uid) OR (claim_text = 'admin'::text))`,
        'using without (id = uid)',
        `using without (claim_text = 'admin'::text)`,
        'with check true',
        'with check without (tenant_id = claim_uuid)',
        `with check without ((id = uid) OR (claim_text = 'admin'::text))`,
        'with check without (id = uid)',
        `with check without (claim_text = 'admin'::text)`,
        `with check without ((role = 'member'::text) OR (claim_text = 'admin'::text))`,
        `with check without (role = 'member'::text)`,
        `with check without (claim_text = 'admin'::text)`,
        'with check left out',
        'for everybody',
        'restrictive',
      ],
    )
    expect(of('always')).toEqual(['dropped', 'restrictive'])
    expect(of("p'1")).toContain("using without (users.role = 'y'::text)")
    const tables = weakenings.filter(({ policy }) => policy === undefined)
    expect(tables.map(({ table, says }) => `${table}: ${says}`)).toContain('users: not forced for the owner')
    expect(tables.map(({ table, says }) => `${table}: ${says}`)).toContain('odd "table": row-level security disabled')
  })

  it('can be applied, and changes the catalog', async () => {
    const read = async () => {
      const { rows } = await owner.query(
        `select (select json_agg(p order by tablename, policyname) from pg_policies p)::text
             || (select string_agg(relname || relrowsecurity || relforcerowsecurity, ',' order by oid) from pg_class) as state`,
      )
      return rows[0].state
    }
    const before = await read()
    for (const { sql } of weakenings) {
      await owner.query('begin')
      for (const statement of sql) await owner.query(statement)
      expect(await read(), sql.join('; ')).not.toBe(before)
      await owner.query('rollback')
    }
  })
})

describe('a condition', () => {
  it.each<[string, string[]]>([
    ['(user_id = ( SELECT auth.uid() AS uid))', []],
    [
      `((a = 'x AND y'::text) AND (b OR ("or" = 1)))`,
      [`(a = 'x AND y'::text)`, '(b OR ("or" = 1))', 'b', '("or" = 1)'],
    ],
    [`(p = ANY (ARRAY( SELECT m.p\n   FROM m\n  WHERE (m.u = 1)\n LIMIT 5)))`, ['(m.u = 1)']],
    ['((NOT a) AND (b IS NULL))', ['(NOT a)', '(b IS NULL)']],
    ['(CASE WHEN (a AND b) THEN 1 ELSE 2 END = 1)', ['a', 'b']],
    [`(E'\\\\' AND b)`, [`E'\\\\'`, 'b']],
  ])('%s has its operands found', (condition, operands) => {
    expect(findOperands(condition).map(({ start, end }) => condition.slice(start, end))).toEqual(operands)
  })
})
