import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, repository, sealKeysText, type TestDatabase } from '../support/pg.ts'

describePg('the part of our own issuer', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  beforeEach(async () => {
    sandbox = createSandbox()
    database = await createTestDatabase({ contents: 'bare' })
  })
  afterEach(async () => {
    sandbox.remove()
    await database.close()
  })

  const query = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
    withConnection(url, async (client) => {
      const result = await client.query(sql)
      return Array.isArray(result) ? [] : result.rows
    })
  const run = (...argv: string[]) => {
    const issuer = argv[0] === 'db' ? {} : { ISSUER_DATABASE_URL: database.issuerUrl }
    return sandbox.run(argv, {
      OWNER_DATABASE_URL: database.ownerUrl,
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
      ...issuer,
    })
  }
  const applied = ({ stdout }: { stdout: string }) =>
    stdout.split('\n').flatMap((line) => /^applied (\S+)$/.exec(line)?.[1] ?? [])
  const parts = `select to_regnamespace('rowpass') is not null as platform, to_regnamespace('issuer') is not null as issuer,
    to_regclass('rowpass.signing_keys') is not null as ring`

  /** An application with an integer key and no tenant, behind a gateway whose tokens come from another issuer. */
  async function serve(work: (ask: (sid?: string) => Promise<unknown>) => Promise<void>): Promise<void> {
    await query(
      database.ownerUrl,
      `create table if not exists counters (id int primary key, owner text);
       alter table counters enable row level security;
       drop policy if exists own on counters;
       create policy own on counters to authenticated using (owner = (select auth.user_id()));
       grant select on counters to authenticated;
       insert into counters values (1, 'ada'), (2, 'bob') on conflict do nothing`,
    )
    const gateway = await startTestGateway(database)
    const ask = async (sid?: string) => {
      const token = await gateway.issuer.token('ada', sid === undefined ? {} : { sid })
      const { status, body } = await gateway.sql(token, 'select id from counters')
      return status === 200 ? body.rows : body.code
    }
    try {
      await work(ask)
    } finally {
      await gateway.close()
    }
  }

  it('is not there after "db migrate --platform", and the gateway works without it', async () => {
    const migrated = await run('db', 'migrate', '--platform')
    expect(migrated.code).toBe(0)
    expect(applied(migrated).filter((name) => name.startsWith('issuer/'))).toEqual([])
    expect(await query(database.ownerUrl, parts)).toEqual([{ platform: true, issuer: false, ring: false }])
    await serve(async (ask) => {
      const sid = randomUUID()
      expect(await ask()).toEqual([{ id: '1' }])
      expect(await ask(sid)).toEqual([{ id: '1' }])
      await query(database.ownerUrl, `select rowpass.end_session('${sid}')`)
      expect(await ask(sid)).toBe('28000')
      expect(await ask(randomUUID())).toEqual([{ id: '1' }])
    })
  })

  it.each([
    ['clients', 'list'],
    ['clients', 'add', 'web', '--public', '--grant', 'password'],
    ['users', 'sign-out', 'ada@example.com'],
    ['keys', 'list'],
  ])('is what "%s %s" asks for where it is missing', async (...argv) => {
    await run('db', 'migrate', '--platform')
    const { code, stderr } = await run(...argv)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[config_invalid\]: .* has no issuer yet: run "rowpass issuer migrate" first\n/)
  })

  it('is installed by its own command, before the platform or after it, once', async () => {
    const first = await run('issuer', 'migrate')
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' })
    expect(applied(first)).toEqual(expect.arrayContaining(['issuer/0001_issuer.sql', 'issuer/sessions.sql']))
    expect(applied(await run('issuer', 'migrate'))).toEqual([])
    expect(await query(database.issuerUrl, 'select * from issuer.find_client($$none$$)')).toEqual([])
    // No seal key, no login of the gateway: those come with the platform's own command.
    expect(await query(database.ownerUrl, 'select name from rowpass.seal_keys')).toEqual([])
    expect(applied(await run('db', 'migrate', '--platform'))).toEqual([])
    expect((await query(database.ownerUrl, 'select name from rowpass.seal_keys')).length).toBe(2)
    await serve(async (ask) => expect(await ask()).toEqual([{ id: '1' }]))
  })

  it('is installed beside the platform at the same moment, each part once', async () => {
    const runs = await Promise.all([
      run('issuer', 'migrate'),
      run('db', 'migrate', '--platform'),
      run('issuer', 'migrate'),
      run('db', 'migrate', '--platform'),
    ])
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0])
    const names = runs.flatMap(applied)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    expect(await query(database.ownerUrl, parts)).toEqual([{ platform: true, issuer: true, ring: true }])
  })

  it('ends its sessions with those of the platform from then on, whoever writes the row', async () => {
    await run('db', 'migrate', '--platform')
    const { stdout } = await run('issuer', 'migrate', '--json')
    expect(JSON.parse(stdout).platform).toContain('issuer/sessions.sql')
    const [person, sid, another] = [randomUUID(), randomUUID(), randomUUID()]
    await query(
      database.ownerUrl,
      `insert into issuer.clients (client_id, grant_types, scopes) values ('web', '{password,refresh_token}', '{}');
       insert into issuer.accounts (user_id, email, password_hash) values ('${person}', 'ada@example.com', 'x');
       select issuer.open_session('${sid}', '${person}', 1, 'web', '', sha256('one'), 600, 6000, 864000);
       select issuer.open_session('${another}', '${person}', 1, 'web', '', sha256('two'), 600, 6000, 900)`,
    )
    await query(database.ownerUrl, `insert into rowpass.revoked_sessions values ('${sid}', now())`)
    expect(await query(database.ownerUrl, 'select sid from issuer.sessions')).toEqual([{ sid: another }])
    expect(await query(database.ownerUrl, 'select sid from issuer.refresh_tokens')).toEqual([{ sid: another }])
    const late = `select expires_at > now() + interval '9 days' as late from rowpass.revoked_sessions`
    expect(await query(database.ownerUrl, late)).toEqual([{ late: true }])
  })

  it('says which setting it does not use, and whose password holds', async () => {
    const env = { OWNER_DATABASE_URL: database.ownerUrl, ROWPASS_SEAL_KEYS: sealKeysText }
    const urls = { ROWPASS_DATABASE_URL: database.gatewayUrl, ISSUER_DATABASE_URL: database.issuerUrl }
    const { stderr } = await sandbox.run(['db', 'migrate', '--platform'], { ...env, ...urls })
    expect(stderr).toContain('ISSUER_DATABASE_URL is not used with --platform: "issuer migrate" makes that login\n')
  })

  it('is taken out by what docs/issuer.md says, and not put back by "db migrate --platform"', async () => {
    await run('db', 'migrate', '--platform')
    await run('issuer', 'migrate')
    const page = readFileSync(join(repository, 'docs/issuer.md'), 'utf8')
    const [, removal = ''] = /```sql\n(drop schema issuer[\s\S]*?)```/.exec(page) ?? []
    await query(database.ownerUrl, removal)
    expect(applied(await run('db', 'migrate', '--platform'))).toEqual([])
    expect(await query(database.ownerUrl, parts)).toEqual([{ platform: true, issuer: false, ring: false }])
    await serve(async (ask) => {
      const sid = randomUUID()
      await query(database.ownerUrl, `select rowpass.end_session('${sid}')`)
      expect([await ask(), await ask(sid)]).toEqual([[{ id: '1' }], '28000'])
    })
    expect(applied(await run('issuer', 'migrate'))).toContain('issuer/0001_issuer.sql')
  })

  it('leaves alone what a later version has prepared, and says so in one line', async () => {
    await run('issuer', 'migrate')
    await query(
      database.ownerUrl,
      'create or replace function rowpass.revision() returns integer language sql immutable parallel safe return 9000',
    )
    for (const argv of [
      ['issuer', 'migrate'],
      ['db', 'migrate', '--platform'],
      ['db', 'migrate'],
    ]) {
      const { code, stderr } = await run(...argv)
      expect(code).toBe(1)
      expect(stderr).toMatch(
        /^error\[database_newer\]: .*revision 9000, ours is \d+\. Nothing was changed; use the version/,
      )
    }
  })
})
