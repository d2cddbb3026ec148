/** The store over tables that are not the demo's: no tenants, no roles, names that the store's own SQL might use. */
import { createRequire } from 'node:module'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { connectTo } from '../../src/database/connect.ts'
import {
  createAccounts,
  createIssuer,
  createKeyRing,
  createPostgresStore,
  fixedKeys,
  generateEncryptionKey,
  generateKey,
  importSigningKey,
  type Mail,
  type People,
  type SqlDatabase,
} from '../../src/exports/issuer.ts'
import { addClient } from '../../src/issuer/clients.ts'
import { parseEncryptionKeys } from '../../src/issuer/ring/encryption.ts'
import { createPostgresRing } from '../../src/issuer/ring/postgres.ts'
import { addNewKey } from '../../src/issuer/ring/steps.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const tables = `
  create table public.person (
    id uuid primary key default gen_random_uuid(), mail text not null unique, nick text not null, admin boolean not null default false
  );
  alter table public.person enable row level security, force row level security;
  grant select, insert on public.person to rowpass_issuer;
  create policy issuer_reads on public.person for select to rowpass_issuer using (true);
  create policy issuer_adds on public.person for insert to rowpass_issuer with check (not admin);`

/** An alias and a table that a careless statement around it would take for its own. */
const people: People = {
  home: (userId) => `
    select home.id as user_id, null::uuid as tenant_id, null::text as role from person as home where home.id = ${userId}`,
  newcomer: 'newcomer as (insert into person (mail, nick) select email, name from sign_up returning id as user_id)',
}

const password = 'correct horse battery staple'

describePg('the store over the tables of a stranger', () => {
  let database: TestDatabase
  let owner: pg.Client
  let pool: pg.Pool
  const mails: Mail[] = []

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    owner = new pg.Client(database.ownerUrl)
    await owner.connect()
    await owner.query(tables)
    await addClient(owner, { clientId: 'web', isPublic: true, grants: ['password', 'refresh', 'exchange'], scopes: [] })
    pool = new pg.Pool({ connectionString: database.issuerUrl })
  })
  beforeEach(async () => {
    mails.length = 0
    await owner.query('truncate issuer.attempts, issuer.invites')
  })
  afterAll(async () => {
    await Promise.all([owner.end(), pool.end()])
    await database.close()
  })

  const pooled: SqlDatabase = { query: async (text, parameters) => (await pool.query(text, parameters)).rows }

  async function start(given: People = people, db: SqlDatabase = pooled) {
    const store = createPostgresStore(db, { people: given })
    const keys = fixedKeys(await importSigningKey((await generateKey()).privateJwk))
    const issuer = createIssuer({ issuer: 'https://id.example', audience: 'rowpass', keys, store })
    const accounts = createAccounts({ store, deliver: async (mail) => void mails.push(mail) })
    const post = async (form: Record<string, string>) => {
      const body = new URLSearchParams({ client_id: 'web', ...form })
      return (await issuer.token(new Request('https://id.example/token', { method: 'POST', body }))).json()
    }
    const signUp = async (email: string) => {
      await accounts.signUp({ email, name: 'Ada', tenantName: '' }, undefined)
      return mails.at(-1)!
    }
    const signIn = (email: string, typed = password) =>
      post({ grant_type: 'password', username: email, password: typed })
    return { store, issuer, accounts, post, signUp, signIn }
  }

  it('signs up, signs in, refreshes and signs out, without tenant and role', async () => {
    const { issuer, accounts, post, signUp, signIn } = await start()
    const { kind, token } = await signUp('ada@example.com')
    expect(kind).toBe('sign-up')
    await accounts.acceptInvite(token!, password, undefined)
    const { rows } = await owner.query('select mail, nick, admin from person')
    expect(rows).toEqual([])
    const seen = await pool.query('select id, mail, nick from person')
    expect(seen.rows).toEqual([{ id: expect.any(String), mail: 'ada@example.com', nick: 'Ada' }])
    const first = await signIn('ada@example.com')
    const read = await issuer.authenticate(first.access_token)
    expect(read).toMatchObject({ subject: seen.rows[0].id, tenantId: undefined, role: undefined })
    const second = await post({ grant_type: 'refresh_token', refresh_token: first.refresh_token })
    expect(await issuer.authenticate(second.access_token)).toMatchObject({ subject: seen.rows[0].id })
    await accounts.signOut(read!)
    expect(await issuer.authenticate(second.access_token)).toBeUndefined()
    expect(await signIn('ada@example.com', 'another one')).toMatchObject({ error: 'invalid_grant' })
  })

  it('does the same with another driver, and reads the ring of keys', async () => {
    const postgres = createRequire(import.meta.url)('postgres')
    const sql = postgres(database.issuerUrl)
    const db: SqlDatabase = { query: (text, parameters) => sql.unsafe(text, parameters) }
    const { accounts, post, signUp, signIn, issuer } = await start(people, db)
    await accounts.acceptInvite((await signUp('gus@example.com')).token!, password, undefined)
    const { refresh_token } = await signIn('gus@example.com')
    const { access_token } = await post({ grant_type: 'refresh_token', refresh_token })
    expect(await issuer.authenticate(access_token)).toMatchObject({ clientId: 'web' })
    const secret = generateEncryptionKey('test')
    const encryptionKeys = await parseEncryptionKeys(secret)
    const ring = createPostgresRing({ says: '', connect: connectTo(database.ownerUrl), encryptionKeys })
    const { kid } = await addNewKey(ring, 'ES256')
    const keys = await createKeyRing({ db, encryptionKeys: secret })
    expect(await keys.signingKey(1200)).toMatchObject({ kid })
    expect((await keys.jwks()).keys.map((key) => key.kid)).toEqual([kid])
    // The longer lifetime was noted before the key was handed out.
    expect((await ring.read()).ring.keys[0]).toMatchObject({ longestTtlSeconds: 1200 })
    await sql.end()
  })

  it('resets the password of who is there, and makes nobody twice', async () => {
    const { accounts, signUp, signIn } = await start()
    await accounts.acceptInvite((await signUp('bob@example.com')).token!, password, undefined)
    const again = await signUp('bob@example.com')
    expect(again.kind).toBe('reset')
    await accounts.acceptInvite(again.token!, `${password} 2`, undefined)
    expect(await signIn('bob@example.com', `${password} 2`)).toHaveProperty('access_token')
    expect((await pool.query("select id from person where mail = 'bob@example.com'")).rows).toHaveLength(1)
  })

  it('makes nobody where the application makes none, and keeps no invite', async () => {
    const { home } = people
    const { signUp } = await start({ home })
    expect(await signUp('eve@example.com')).toEqual({ to: 'eve@example.com', kind: 'unknown' })
    expect((await owner.query('select from issuer.invites')).rows).toEqual([])
  })

  it('has no admin where the application names none', async () => {
    const { store, accounts, signUp, signIn, issuer } = await start()
    await accounts.acceptInvite((await signUp('cleo@example.com')).token!, password, undefined)
    const cleo = (await issuer.authenticate((await signIn('cleo@example.com')).access_token))!
    const by = { userId: cleo.subject, tenantId: crypto.randomUUID() }
    expect(await store.invitePerson(by, cleo.subject, 'ab'.repeat(32))).toBeUndefined()
    expect(await store.endSessionsOf(by, cleo.subject)).toBeUndefined()
    expect(await issuer.authenticate((await signIn('cleo@example.com')).access_token)).toBeDefined()
  })

  it('gives no token for a tenant that is nobody’s', async () => {
    const { accounts, signUp, signIn, post } = await start()
    await accounts.acceptInvite((await signUp('dan@example.com')).token!, password, undefined)
    const { access_token } = await signIn('dan@example.com')
    const answer = await post({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      tenant_id: crypto.randomUUID(),
    })
    expect(answer).toMatchObject({ error: 'invalid_grant' })
  })

  it('signs nobody in whose row is gone', async () => {
    const { accounts, signUp, signIn, post } = await start()
    await accounts.acceptInvite((await signUp('fay@example.com')).token!, password, undefined)
    const { refresh_token } = await signIn('fay@example.com')
    const superuser = new pg.Client(database.superuserUrl)
    await superuser.connect()
    await superuser.query("delete from public.person where mail = 'fay@example.com'")
    await superuser.end()
    expect(await signIn('fay@example.com')).toMatchObject({ error: 'invalid_grant' })
    expect(await post({ grant_type: 'refresh_token', refresh_token })).toMatchObject({ error: 'invalid_grant' })
  })
})
