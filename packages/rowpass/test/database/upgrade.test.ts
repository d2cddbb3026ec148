import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { dumpInstalled, readSnapshot, snapshotHeader } from '../../../../tools/sql-snapshot.ts'
import { withConnection } from '../../src/database/connect.ts'
import { provision, provisionIssuer } from '../../src/database/provision.ts'
import { createRoles } from '../../src/database/roles.ts'
import { countChangesSql } from '../../src/database/schema-changes.ts'
import { installSealKeys } from '../../src/seal/keys.ts'
import { sealSession } from '../../src/seal/seal.ts'
import { waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, repository, type TestDatabase } from '../support/pg.ts'

/** The SQL as it was in files numbered to 0019, each below a line with its name. */
const before = readFileSync(join(repository, 'packages/rowpass/test/database/before/0001-0019.sql'), 'utf8')
const files = [...before.matchAll(/^-- file: (\S+)\n(.*?)(?=^-- file: |$(?![\s\S]))/gms)].map(([, name, sql]) => ({
  name: name ?? '',
  sql: sql ?? '',
}))

const sid = '5e55a5e5-0000-4000-8000-000000000001'
const endedSid = '5e55a5e5-0000-4000-8000-000000000002'
const serviceSid = '5e55a5e5-0000-4000-8000-000000000003'
const person = 'adaadada-0000-4000-8000-000000000001'

/** Something in every table, and an application that asks for claims. */
const rows = `
  insert into rowpass.seeds (sha256) values (repeat('a', 64));
  insert into rowpass.hardening (step, change) values
    ('temporary_tables', '{"kind": "revoke", "right": "temporary", "role": "public"}'),
    ('schema_public', '{"kind": "revoke", "right": "create", "role": "public"}');
  delete from rowpass.hardening where step = 'temporary_tables';
  select rowpass.end_session('${endedSid}', until => now() + interval '1 hour');
  insert into rowpass.key_ring (jwks_max_age_seconds, lag_seconds, skew_seconds, ttl_seconds) values (300, 5, 5, 900);
  insert into rowpass.signing_keys
    (kid, public_jwk, state, added_at, activated_at, retired_at, gone_at, revoked, longest_ttl_seconds, wrapped_under, wrapped_key, ciphertext)
  values
    (repeat('n', 43), '{"alg": "ES256", "kid": "n"}', 'next', now(), null, null, null, false, 900, 'one', 'w', 'c'),
    (repeat('a', 43), '{"alg": "ES256", "kid": "a"}', 'active', now(), now(), null, null, false, 3600, 'one', 'w', 'c'),
    (repeat('g', 43), '{"alg": "ES256", "kid": "g"}', 'gone', now(), now(), now(), now(), true, 900, null, null, null);
  insert into rowpass.signing_key_uses values (repeat('a', 43), now() + interval '5 minutes', 12);
  insert into issuer.clients (client_id, secret_hash, grant_types, scopes, tenant_id, role, sid, token_expires_at) values
    ('web', null, '{password,refresh_token}', '{rows}', null, null, gen_random_uuid(), now()),
    ('reports', sha256('secret'), '{client_credentials}', '{}', gen_random_uuid(), 'member', '${serviceSid}', now() + interval '30 days');
  insert into issuer.accounts (user_id, email, password_hash) values ('${person}', 'ada@example.com', '$scrypt$x');
  select issuer.open_session('${sid}', '${person}', 1, 'web', 'rows', sha256('refresh'), 600, 6000, 900);
  select issuer.invite(sha256('invite'), 'new@example.com', null, 'New', 'Tenant', 600);
  select issuer.admit(sha256('account'), sha256('pair'), sha256('address'));
  create table public.notes (owner text not null default auth.user_id(), org integer, body text);
  alter table public.notes enable row level security;
  create policy own on public.notes to authenticated
    using (owner = (select auth.user_id()) and org = (select auth.claim_int('org')));
  grant select on public.notes to authenticated;
  insert into public.notes values ('ada', 7, 'hers'), ('bob', 7, 'his'), ('ada', 8, 'elsewhere')`

describePg('a database of the files 0001 to 0019', () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createTestDatabase({ contents: 'bare' })
  })
  afterEach(() => database.close())

  const asSuperuser = <T extends pg.QueryResultRow>(sql: string, params: unknown[] = []): Promise<T[]> =>
    withConnection(database.superuserUrl, async (client) => (await client.query<T>(sql, params)).rows)

  async function install(ownerUrl: string, names = files): Promise<void> {
    await withConnection(ownerUrl, async (client) => {
      await createRoles(client, {}, true)
      await client.query(`create schema rowpass; create table rowpass.migrations
        (name text primary key, sha256 text not null, applied_at timestamptz not null default now())`)
      for (const { name, sql } of names) {
        await client.query(sql)
        await client.query(`insert into rowpass.migrations (name, sha256) values ($1, 'of that time')`, [name])
      }
    })
  }

  const fill = (ownerUrl: string) =>
    withConnection(ownerUrl, async (client) => {
      await installSealKeys(client, database.sealKeys)
      await client.query(rows)
    })

  /** Every row of every table but the record of files. */
  async function contents(): Promise<Record<string, unknown>> {
    const tables = await asSuperuser<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and n.nspname in ('rowpass', 'issuer', 'public') and c.relname <> 'migrations' order by 1`,
    )
    const all: Record<string, unknown> = {}
    for (const { name } of tables)
      all[name] = await asSuperuser(`select to_jsonb(t) as row from ${name} t order by t::text`)
    return all
  }

  const readAs = (claims: { sub: string; org: number; sid?: string }) =>
    withConnection(database.gatewayUrl, async (client) => {
      const exp = Math.floor(Date.now() / 1000) + 900
      const identity = { role: 'authenticated', exp, claimsJson: JSON.stringify(claims), sid: claims.sid }
      const session = sealSession(database.sealKeys[0], identity)
      await client.query('begin')
      await client.query(
        `select set_config('role', 'authenticated', true), set_config('rowpass.claims', $1, true), set_config('rowpass.seal', $2, true)`,
        [session.claims, session.seal],
      )
      return (await client.query('select body from public.notes')).rows
    })

  it.each([
    ['its owner', () => database.ownerUrl],
    ['a superuser', () => database.superuserUrl],
  ])('becomes one of today, as %s, and loses nothing', async (_title, urlOf) => {
    const ownerUrl = urlOf()
    const { gatewayUrl, sealKeys } = database
    expect(files).toHaveLength(19)
    await install(ownerUrl)
    await fill(ownerUrl)
    const kept = await contents()
    expect(Object.values(kept).filter((found) => (found as unknown[]).length === 0)).toEqual([])
    expect(Object.keys(kept)).toHaveLength(14)

    // As somebody who has another issuer, and says so: theirs goes on all the same.
    const report = await provision({ ownerUrl, gatewayUrl, sealKeys, withIssuer: false })
    expect(report.platform.filter((name) => /\d/.test(name))).toEqual([
      'seal/0002_identities.sql',
      'seal/0003_identities_of_one.sql',
    ])
    const { 'rowpass.hardening': record, ...rest } = await contents()
    const { 'rowpass.hardening': recordBefore, ...restBefore } = kept
    expect(rest).toEqual({ ...restBefore, 'rowpass.identities': [], 'rowpass.admitted_sessions': [] })
    // Provisioning itself records what it has closed.
    expect(record).toEqual(expect.arrayContaining(recordBefore as unknown[]))
    await expectSnapshot()
    expect((await provision({ ownerUrl, gatewayUrl, sealKeys })).platform).toEqual([])
    expect(await provisionIssuer({ ownerUrl })).toEqual([])

    expect(await readAs({ sub: 'ada', org: 7 })).toEqual([{ body: 'hers' }])
    await expect(readAs({ sub: 'ada', org: 7, sid: endedSid })).rejects.toMatchObject({ constraint: 'session_revoked' })
    await endAll()
  })

  it.each(files.map(({ name }) => name).filter((name) => !/auth|claim_functions|typed/.test(name)))(
    'is refused when it has not come to %s',
    async (missing) => {
      const { ownerUrl } = database
      await install(ownerUrl, files)
      await asSuperuser('delete from rowpass.migrations where name = $1', [missing])
      const before = await asSuperuser('select * from rowpass.migrations order by name')
      await expect(provision({ ownerUrl })).rejects.toMatchObject({
        code: 'migration_failed',
        detail: expect.stringContaining(`has the SQL of before ${missing}: run "rowpass db migrate"`),
      })
      expect(await asSuperuser('select * from rowpass.migrations order by name')).toEqual(before)
    },
  )

  it('is refused when it has a file that was not among them', async () => {
    const { ownerUrl } = database
    await install(ownerUrl, [...files, { name: '0020_later.sql', sql: 'select 1' }])
    await expect(provision({ ownerUrl })).rejects.toMatchObject({
      code: 'database_newer',
      detail: expect.stringContaining('it has 0020_later.sql. Nothing was changed'),
    })
  })

  it('becomes one of today where the schema auth is of somebody else', async () => {
    const { ownerUrl } = database
    await asSuperuser(`create schema auth; grant usage on schema auth to public;
      create function auth.session() returns jsonb language sql return null::jsonb`)
    await install(
      ownerUrl,
      files.filter(({ name }) => !/auth|claim_functions|typed/.test(name)),
    )
    await asSuperuser('drop function auth.session(); drop schema auth')
    expect((await provision({ ownerUrl })).platform).toContain('seal/auth.sql')
    await expectSnapshot()
  })

  it('is what a new database becomes', async () => {
    await provision({ ownerUrl: database.ownerUrl, withIssuer: true })
    await expectSnapshot()
  })

  it('is upgraded beside a request that has one of its tables and asks for another, and ends neither', async () => {
    const { ownerUrl } = database
    await provision({ ownerUrl })
    await asSuperuser(`delete from rowpass.migrations where name = 'seal/identities.sql'`)
    await withConnection(database.superuserUrl, async (request) => {
      await request.query('begin; lock table rowpass.revoked_sessions in row exclusive mode')
      const upgraded = provision({ ownerUrl })
      await waitUntil(async () => {
        const waiting = await asSuperuser(`select from pg_locks
          where not granted and database = (select oid from pg_database where datname = current_database())`)
        return waiting.length > 0
      })
      expect((await request.query('select from rowpass.remembered')).rows).toEqual([])
      await request.query('commit')
      expect((await upgraded).platform).toEqual(['seal/identities.sql'])
    })
  })

  async function expectSnapshot(): Promise<void> {
    await withConnection(database.superuserUrl, async (client) => {
      const { rows } = await client.query(`select to_regnamespace('rowpass_ddl') is null as missing`)
      if (rows[0]?.missing === true) await client.query(countChangesSql)
      expect(snapshotHeader() + (await dumpInstalled(client))).toBe(readSnapshot())
    })
  }

  /** Sessions of before end as those of today, a service's too. */
  async function endAll(): Promise<void> {
    await asSuperuser(
      `select rowpass.end_session('${sid}', until => now()), rowpass.end_session('${serviceSid}', until => now())`,
    )
    const left = await asSuperuser(`select (select count(*)::int from issuer.sessions) as sessions,
      (select count(*)::int from issuer.refresh_tokens) as tokens,
      (select sid <> '${serviceSid}' from issuer.clients where client_id = 'reports') as renewed,
      (select expires_at > now() + interval '29 days' from rowpass.revoked_sessions where sid = '${serviceSid}') as long`)
    expect(left).toEqual([{ sessions: 0, tokens: 0, renewed: true, long: true }])
  }
})
