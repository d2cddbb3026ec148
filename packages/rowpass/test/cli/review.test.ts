import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const first = `
create schema bills;
create table bills.invoices (id int primary key, firm int not null, sum int not null);
alter table bills.invoices enable row level security;
create policy invoices_read on bills.invoices for select to bills_web using (firm = (select nullif(current_setting('bills.firm', true), '')::int));
grant usage on schema bills to bills_web;
grant select on bills.invoices to bills_web;
`
const seed = 'insert into bills.invoices select n, n % 4, n from generate_series(1, 40) n;'
const neutral =
  "alter policy invoices_read on bills.invoices using ((select nullif(current_setting('bills.firm', true), '')::int) = firm);"
const opens =
  "alter policy invoices_read on bills.invoices using (firm > 0 or firm = (select nullif(current_setting('bills.firm', true), '')::int));"
const closes = 'alter policy invoices_read on bills.invoices using (false);'
const people = JSON.stringify([
  { name: 'mei', role: 'bills_web', claims: { firm: 1 } },
  { name: 'ben `x`\n| @you', role: 'bills_web', claims: { firm: 2 } },
])

// Each of them makes databases and runs several tools on them.
vi.setConfig({ testTimeout: 120_000 })

describePg('rowpass review', () => {
  let sandbox: Sandbox
  const put = (path: string, text: string) => writeFileSync(join(sandbox.directory, path), text)
  const git = (...argv: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...argv], { cwd: sandbox.directory })
  const commit = (message: string) => {
    git('add', '-A')
    git('commit', '-qm', message)
  }
  const review = (...argv: string[]) => sandbox.run(['review', ...argv], { OWNER_DATABASE_URL: inject('superuserUrl') })

  beforeAll(() => {
    sandbox = createSandbox()
    put('people.json', people)
    put('.gitignore', 'rows.sql')
    put('rows.sql', seed)
    put('old.sql', first)
    put('opened.sql', first.replace('using (firm =', 'using (sum > 0 or firm ='))
    git('init', '-q', '-b', 'main')
    mkdirSync(join(sandbox.directory, 'migrations'))
    put('migrations/1_first.sql', first)
    commit('first')
    for (const [branch, sql] of Object.entries({ neutral, opens, closes })) {
      git('checkout', '-qb', branch, 'main')
      put('migrations/2_next.sql', sql)
      commit(branch)
    }
    git('checkout', '-q', 'main')
    put('migrations/3_other.sql', 'create table bills.other (id int primary key);')
    commit('other')
  })
  afterAll(() => sandbox.remove())

  it('says of a change that opens rows who gains them, through which policy, and ends with 1', async () => {
    const { code, stdout } = await review('main...opens', '--identities', 'people.json', '--rows', 'rows.sql')
    expect(stdout).toContain('gain  mei  +20 rows of bills.invoices (SELECT) through invoices_read\n')
    expect(stdout).toContain('gain  no claims (bills_web)  +30 rows of bills.invoices (SELECT) through invoices_read\n')
    expect({ code, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      code: 1,
      last: expect.stringMatching(/^3 gains, 0 losses of access.*\(3 identities, 1 tables\)$/),
    })
  })

  it('says "no change" of what only says the same otherwise, and ends with 0', async () => {
    const { code, stdout } = await review(
      'main...neutral',
      'migrations',
      '--identities',
      'people.json',
      '--rows',
      'rows.sql',
    )
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^(note .*\n)*no change of access.*\n$/),
    })
  })

  it('says who loses rows, which is no failure', async () => {
    const { code, stdout } = await review('main...closes', '--identities', 'people.json', '--rows', 'rows.sql')
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining(
        'mei  −10 rows of bills.invoices (SELECT), reached through invoices_read before\n',
      ),
    })
  })

  it('compares files that are no continuation of each other on the same rows', async () => {
    const { code, stdout } = await review(
      'old.sql',
      'opened.sql',
      '--identities',
      'people.json',
      '--rows',
      'rows.sql',
      '--json',
    )
    const { schema, change, rows } = JSON.parse(stdout)
    expect({ code, schema, change }).toEqual({ code: 1, schema: 1, change: 'gain' })
    const [mei] = rows
    expect(mei).toMatchObject({
      identity: 'mei',
      table: 'bills.invoices',
      command: 'SELECT',
      gained: 30,
      lost: 0,
      exact: true,
      through: ['invoices_read'],
    })
    expect(mei.keys.gained.length).toBe(5)
    expect(mei.keys.gained.every((key: object) => Object.keys(key).join() === 'hash')).toBe(true)
  })

  it('shows keys of rows with --reveal only', async () => {
    const { stdout } = await review(
      'old.sql',
      'opened.sql',
      '--identities',
      'people.json',
      '--rows',
      'rows.sql',
      '--json',
      '--reveal',
    )
    const [mei] = JSON.parse(stdout).rows
    expect(mei.keys.gained.map(({ value }: { value: string }) => Number(value.slice(1, -1)) % 4 !== 1)).toEqual(
      Array(5).fill(true),
    )
  })

  it('writes a comment in which names are no Markdown', async () => {
    const { code } = await review(
      'main...opens',
      '--identities',
      'people.json',
      '--rows',
      'rows.sql',
      '--markdown',
      '--out',
      'comment.md',
    )
    const text = readFileSync(join(sandbox.directory, 'comment.md'), 'utf8')
    expect(code).toBe(1)
    expect(text).toMatch(/^## Access: 3 gains, 0 losses of access/)
    expect(text).toContain('- `mei`  **+20 rows** of `bills.invoices` (SELECT) through `invoices_read`\n')
    expect(text).toContain("- `ben 'x' | @you`  **")
  })

  it('does not say "no change" where there is no row to compare', async () => {
    const { stdout } = await review('main...opens', '--identities', 'people.json')
    expect(stdout).not.toContain('no change')
  })

  it.each([
    [['nowhere..main'], 'error[input_invalid]: The input is not acceptable: git: '],
    [['--rows', 'x', '--', '-x..main'], 'error[input_invalid]'],
    [['old.sql', 'nowhere.sql'], 'there is no file or folder nowhere.sql'],
    [['a..b', '--identities', 'nowhere.json'], 'nowhere.json cannot be read'],
    [['postgresql://a/b', 'postgresql://a/c', 'x'], 'two databases take nothing besides'],
  ])('refuses %j with 2', async (argv, text) => {
    expect(await review(...argv)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(text) })
  })
})

describePg('rowpass review of a database', () => {
  let sandbox: Sandbox
  let [one, other]: (TestDatabase | undefined)[] = []
  beforeAll(async () => {
    sandbox = createSandbox()
    writeFileSync(join(sandbox.directory, 'people.json'), people.replaceAll('bills_web', 'bills_live'))
    writeFileSync(join(sandbox.directory, 'next.sql'), opens)
    ;[one, other] = [await createTestDatabase({ contents: 'bare' }), await createTestDatabase({ contents: 'bare' })]
    await withConnection(one.superuserUrl, (client) => client.query('create role bills_live'))
    for (const { superuserUrl } of [one, other])
      await withConnection(superuserUrl, (client) => client.query((first + seed).replaceAll('bills_web', 'bills_live')))
    await withConnection(other.superuserUrl, (client) => client.query(opens))
  })
  afterAll(async () => {
    sandbox.remove()
    for (const each of [one, other]) await each?.close()
    await withConnection(inject('superuserUrl'), (client) => client.query('drop role if exists bills_live'))
  })

  it('compares two as they are', async () => {
    const { code, stdout } = await sandbox.run([
      'review',
      one!.superuserUrl,
      other!.superuserUrl,
      '--identities',
      'people.json',
    ])
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.stringContaining('mei  +20 rows of bills.invoices (SELECT) through invoices_read'),
    })
  })

  it('tries a migration on a copy, and leaves the database as it was', async () => {
    const { code, stdout } = await sandbox.run(['review', 'next.sql', '--identities', 'people.json'], {
      OWNER_DATABASE_URL: one!.superuserUrl,
    })
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.stringContaining('mei  +20 rows of bills.invoices (SELECT) through invoices_read'),
    })
    const { rows } = await withConnection(one!.superuserUrl, (client) =>
      client.query(
        "select pg_get_expr(polqual, polrelid) like '%> 0%' as opened from pg_policy where polname = 'invoices_read'",
      ),
    )
    expect(rows).toEqual([{ opened: false }])
  })
})
