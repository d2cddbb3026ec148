import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { personas } from '../../../../demo/src/personas.ts'
import { withConnection } from '../../src/database/connect.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, describePg, repository, type TestDatabase } from '../support/pg.ts'

const [david] = personas
const [admin, stranger] = personas.filter(({ role }) => role === 'admin')
const people = [
  ...[david, admin!, stranger!].map(({ id, email, tenantId, role }) => ({
    name: email.split('@')[0]!,
    claims: { sub: id, tenant_id: tenantId, role },
  })),
  { name: 'nobody' },
]

describePg('test generate', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  let folder: string

  beforeAll(async () => {
    database = await createTestDatabase()
    sandbox = createSandbox()
    writeFileSync(join(sandbox.directory, 'people.json'), JSON.stringify(people))
    folder = mkdtempSync(join(sandbox.directory, 'suite-'))
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'))
  })
  afterAll(async () => {
    sandbox.remove()
    await database.close()
  })

  const generate = (...options: string[]) =>
    sandbox.run(['test', 'generate', '--identities', 'people.json', ...options], {
      OWNER_DATABASE_URL: database.ownerUrl,
    })

  /** Runs what was written, with vitest, against a database; resolves with what vitest says. */
  const runSuite = (url: string): Promise<{ passed: number; failed: string[] }> => {
    const vitest = join(repository, 'node_modules/vitest/vitest.mjs')
    const config = fileURLToPath(new URL('suite.config.ts', import.meta.url))
    const report = join(folder, 'report.json')
    const env = { PATH: process.env.PATH, DATABASE_URL: url, SUITE_FOLDER: folder }
    const argv = [vitest, 'run', '--config', config, '--reporter=json', `--outputFile=${report}`]
    return new Promise((resolve) => {
      execFile(process.execPath, argv, { env, cwd: folder }, () => {
        const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
        const tests: { status: string; title: string }[] = testResults[0].assertionResults
        const failed = tests.filter(({ status }) => status !== 'passed').map(({ title }) => title)
        resolve({ passed: tests.length - failed.length, failed })
      })
    })
  }

  it('writes a suite that passes where it was written and fails where a policy is broken', {
    timeout: 120_000,
  }, async () => {
    const file = join(folder, 'isolation.test.ts')
    expect(await generate('--only', 'tenants', '--out', file)).toMatchObject({ code: 0, stdout: `wrote ${file}\n` })
    const whole = await runSuite(database.ownerUrl)
    expect(whole.failed).toEqual([])
    expect(whole.passed).toBeGreaterThan(50)

    const broken = await createTestDatabase()
    await withConnection(broken.ownerUrl, (client) =>
      client.query('alter policy tenants_select on tenants using (true)'),
    )
    const { failed } = await runSuite(broken.ownerUrl)
    await broken.close()
    expect(failed).toContain('david: select from tenants')
    expect(failed).toContain('priya: select from tenants, by policies alone')

    expect(await generate('--only', 'tenants', '--out', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is there already'),
    })
  })

  it('says what each person can do, also as the owner and under a role that the claims are not for', async () => {
    const { stdout } = await generate('--runner', 'node', '--only', 'users')
    expect(stdout).toContain(`import { after as afterAll, before as beforeAll, describe, it } from 'node:test'`)
    expect(stdout).toContain(`  check('select from users', {
    david: 1, amara: 4, priya: 3, nobody: 'grant', 'amara as anonymous': 'grant', 'owner rowpass_owner': 0,
  })`)
    expect(stdout).toContain(`  check(\`update users set role = 'admin'\`, {
    david: 'policy', amara: 4, priya: 3, nobody: 0, 'amara as anonymous': 0, 'owner rowpass_owner': 0,
  }, granted)`)
    expect(stdout).not.toContain(`describe('tenants'`)
  })

  it.each([
    ['22P02', 0, 'david cannot read brittle (22P02): no rows of theirs are tried'],
    ['57014', 1, 'canceling'],
  ])('tells a policy that fails from one that hides (%s)', async (sqlstate, code, says) => {
    const asOwner = (sql: string) => withConnection(database.ownerUrl, (client) => client.query(sql))
    await asOwner(`create function fail() returns boolean language plpgsql as
        $$ begin raise 'canceling' using errcode = '${sqlstate}'; end $$;
      create table public.brittle (v int);
      insert into public.brittle values (1);
      alter table public.brittle enable row level security;
      create policy brittle_select on public.brittle for select to authenticated using (fail());
      grant select on public.brittle to authenticated`)
    try {
      const run = await generate('--only', 'brittle')
      expect([run.code, run.stderr]).toEqual([code, expect.stringContaining(says)])
      if (code === 0) expect(run.stdout).toContain(`david: '${sqlstate}'`)
    } finally {
      await asOwner('drop table public.brittle; drop function fail()')
    }
  })

  it('changes nothing', async () => {
    const read = () =>
      withConnection(database.superuserUrl, async (client) => {
        const { rows } = await client.query(
          `select (select json_agg(users) from users) as users, (select json_agg(tenants) from tenants) as tenants,
                  (select array_agg(relacl::text order by oid) from pg_class where relnamespace = 'public'::regnamespace) as acl`,
        )
        return rows
      })
    const before = await read()
    await generate('--only', 'tenants')
    expect(await read()).toEqual(before)
  })

  it('takes the identities of the matrix, and runs those without a role as the role of requests', async () => {
    const claims = { sub: david!.id, tenant_id: david!.tenantId, role: david!.role }
    const file = JSON.stringify([{ name: 'ada', claims, tenants: ['x'] }, { name: 'nobody' }])
    writeFileSync(join(sandbox.directory, 'matrix-people.json'), file)
    const run = await sandbox.run(['test', 'generate', '--identities', 'matrix-people.json', '--only', 'tenants'], {
      OWNER_DATABASE_URL: database.ownerUrl,
    })
    expect(run.code).toBe(0)
    expect(run.stdout).toContain("ada: { role: 'authenticated'")
    expect(run.stdout).toContain("nobody: { role: 'anonymous'")
  })

  it.each([
    ['no array', '{}'],
    ['nothing', '[]'],
    ['no name', '[{}]'],
    ['an unknown member', '[{ "name": "a", "claim": {} }]'],
    ['one name twice', '[{ "name": "a" }, { "name": "a" }]'],
    ['no JSON', 'a'],
  ])('refuses a file of people with %s', async (_title, text) => {
    writeFileSync(join(sandbox.directory, 'wrong.json'), text)
    const run = await sandbox.run(['test', 'generate', '--identities', 'wrong.json'], {
      OWNER_DATABASE_URL: database.ownerUrl,
    })
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('error[config_invalid]') })
  })
})
