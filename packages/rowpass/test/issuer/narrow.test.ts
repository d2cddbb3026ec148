/** Token exchange (RFC 8693) for an agent: over a real store, asked by a client that knows nothing of Rowpass. */
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  createAccounts,
  createIssuer,
  createPostgresStore,
  fixedKeys,
  generateKey,
  type Issuer,
  importSigningKey,
  issueToken,
  type Mail,
  type SigningKey,
  type SqlDatabase,
} from '../../src/exports/issuer.ts'
import { addClient } from '../../src/issuer/clients.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const password = 'correct horse battery staple'
const url = 'https://id.example'

describePg('the exchange for an agent', () => {
  let database: TestDatabase
  let owner: pg.Client
  let pool: pg.Pool
  let issuer: Issuer
  let key: SigningKey
  let store: ReturnType<typeof createPostgresStore>
  let as: oauth.AuthorizationServer
  const secrets: Record<string, string> = {}
  const clock = { ms: Date.now() }

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    owner = new pg.Client(database.ownerUrl)
    await owner.connect()
    await owner.query(`
      create table public.person (id uuid primary key default gen_random_uuid(), mail text unique, admin boolean default false);
      grant select, insert on public.person to rowpass_issuer`)
    const add = async (clientId: string, scopes: readonly string[], isPublic = false): Promise<void> => {
      const grants = ['password', 'refresh', 'exchange', 'service'] as const
      const own = isPublic ? grants.filter((grant) => grant !== 'service') : grants
      secrets[clientId] = (await addClient(owner, { clientId, isPublic, grants: own, scopes })) ?? ''
    }
    await add('web', ['rows', 'profile'], true)
    await add('assistant', [])
    await add('reader', ['sql:read', 'table:public.notes', 'table:public.tags', 'rows:100'])
    await add('stranger', [], true)
    pool = new pg.Pool({ connectionString: database.issuerUrl })
    const db: SqlDatabase = { query: async (text, parameters) => (await pool.query(text, parameters)).rows }
    const home = (userId: string) =>
      `select id as user_id, null::uuid as tenant_id, 'member'::text as role from person where id = ${userId}`
    const newcomer = 'newcomer as (insert into person (mail) select email from sign_up returning id as user_id)'
    store = createPostgresStore(db, { people: { home, newcomer } })
    key = await importSigningKey((await generateKey()).privateJwk)
    const claimsFor = () => ({ level: 3, email: 'ada@example.com' })
    const keys = fixedKeys(key)
    issuer = createIssuer({ issuer: url, audience: 'rowpass', keys, store, claimsFor, now: () => clock.ms })
    const mails: Mail[] = []
    const accounts = createAccounts({ store, deliver: async (mail) => void mails.push(mail) })
    await accounts.signUp({ email: 'ada@example.com', name: 'Ada', tenantName: '' }, undefined)
    await accounts.acceptInvite(mails[0]?.token ?? '', password, undefined)
    const response = await oauth.discoveryRequest(new URL(url), { algorithm: 'oauth2', [oauth.customFetch]: reach })
    as = await oauth.processDiscoveryResponse(new URL(url), response)
  })
  afterAll(async () => {
    await Promise.all([owner.end(), pool.end()])
    await database.close()
  })

  const reach = async (input: string, init?: object): Promise<Response> =>
    (await issuer.handle(new Request(input, init as RequestInit))) ?? new Response(null, { status: 404 })
  const options = { [oauth.customFetch]: reach }
  const signIn = async (scope?: string): Promise<string> => {
    const form = { client_id: 'web', grant_type: 'password', username: 'ada@example.com', password }
    const body = new URLSearchParams(scope === undefined ? form : { ...form, scope })
    return (await (await issuer.token(new Request(url, { method: 'POST', body }))).json()).access_token
  }
  const authentication = (clientId: string): oauth.ClientAuth =>
    secrets[clientId] === '' ? oauth.None() : oauth.ClientSecretBasic(secrets[clientId] ?? '')

  /** The answer as the client reads it; what is refused is thrown by it. */
  async function narrow(
    clientId: string,
    subject_token: string,
    more: Record<string, string> = {},
  ): Promise<oauth.TokenEndpointResponse> {
    const client = { client_id: clientId }
    const parameters = { subject_token, subject_token_type: accessTokenType, ...more }
    const response = await oauth.genericTokenEndpointRequest(
      as,
      client,
      authentication(clientId),
      exchange,
      parameters,
      options,
    )
    return oauth.processGenericTokenEndpointResponse(as, client, response)
  }
  const refusal = async (
    clientId: string,
    token: string,
    more: Record<string, string> = {},
  ): Promise<string | undefined> => {
    const refused = await narrow(clientId, token, { scope: 'sql:read', ...more }).catch((error: unknown) => error)
    return refused instanceof oauth.ResponseBodyError ? refused.error : undefined
  }

  it('SEC-82 gives a token of the same person and session, for minutes, that names the agent and says what it may', async () => {
    const token = await signIn()
    const answer = await narrow('assistant', token, { scope: 'sql:read table:public.notes:select rows:50' })
    expect(answer).toMatchObject({
      issued_token_type: accessTokenType,
      scope: 'sql:read table:public.notes:select rows:50',
      expires_in: 300,
    })
    expect(answer).not.toHaveProperty('refresh_token')
    const [subject, claims] = [decodeJwt(token), decodeJwt(answer.access_token)]
    const { iat, exp, jti, scope, client_id, ...same } = subject
    expect(claims).toMatchObject({ ...same, act: { sub: 'assistant' }, client_id: 'assistant' })
    expect(Object.keys(claims).sort()).toEqual([...Object.keys(subject), 'act'].sort())
    expect(claims.jti).not.toBe(jti)
  })

  it.each([
    ['the same', 'sql:read table:a:select', 'sql:read table:a:select', 'sql:read table:a:select'],
    ['more', 'sql:read', 'sql:write', 'sql:read'],
    ['another table', 'sql:read table:a', 'sql:read table:b', 'invalid_scope'],
    ['one table more', 'sql:read table:a', 'sql:read table:a table:b', 'sql:read table:a'],
    ['no table', 'sql:write table:a', 'sql:write', 'sql:write table:a'],
    ['a command more', 'sql:write table:a:select', 'sql:write table:a', 'sql:write table:a:select'],
    ['another command', 'sql:write table:a:select', 'sql:write table:a:update', 'invalid_scope'],
    ['the table with its schema', 'sql:read table:a', 'sql:read table:public.a', 'invalid_scope'],
    ['the table without its schema', 'sql:read table:public.a', 'sql:read table:a', 'invalid_scope'],
    ['more rows', 'sql:read rows:5', 'sql:read rows:500', 'sql:read rows:5'],
    ['no limit of rows', 'sql:read rows:5', 'sql:read', 'sql:read rows:5'],
    ['fewer rows', 'sql:read rows:500', 'sql:read rows:5', 'sql:read rows:5'],
    ['nothing', 'sql:read table:a rows:5', undefined, 'sql:read table:a rows:5'],
    ['another word', 'sql:read', 'sql:read rows', 'invalid_scope'],
    ['a word that is misspelt', 'sql:read', 'sql:rea', 'invalid_scope'],
    ['no right', 'sql:read', 'table:a', 'invalid_scope'],
  ])(
    'SEC-82 never allows more than the token that is handed in: of one who asks for %s',
    async (_, had, asked, got) => {
      const first = await narrow('assistant', await signIn(), { scope: had })
      const more = asked === undefined ? {} : { scope: asked }
      const second = await narrow('assistant', first.access_token, more).catch((error: unknown) => error)
      if (second instanceof oauth.ResponseBodyError) expect(second.error).toBe(got)
      else expect((second as oauth.TokenEndpointResponse).scope).toBe(got)
    },
  )

  it('SEC-82 of a token that is narrowed names each agent, the last one outside, and ends with it', async () => {
    const first = await narrow('assistant', await signIn(), { scope: 'sql:write' })
    clock.ms += 200_000
    try {
      const second = await narrow('reader', first.access_token, { scope: 'sql:read' })
      expect(decodeJwt(second.access_token).act).toEqual({ sub: 'reader', act: { sub: 'assistant' } })
      expect(decodeJwt(second.access_token).exp).toBe(decodeJwt(first.access_token).exp)
      expect(second.expires_in).toBeLessThanOrEqual(100)
      clock.ms += 101_000
      expect(await refusal('reader', first.access_token)).toBe('invalid_grant')
    } finally {
      clock.ms = Date.now()
    }
  })

  it('SEC-82 the scopes of ours that a client is registered with limit it too', async () => {
    const token = await signIn()
    const { scope } = await narrow('reader', token, { scope: 'sql:write table:public.notes rows:5000' })
    expect(scope).toBe('sql:read table:public.notes rows:100')
    expect(await refusal('reader', token, { scope: 'sql:read table:public.letters' })).toBe('invalid_scope')
    expect((await narrow('reader', token, { scope: 'sql:read rows' })).scope).toBe(
      'rows sql:read table:public.notes table:public.tags rows:100',
    )
  })

  it('SEC-82 a person may sign in narrowed, and every token of that session is', async () => {
    const form = { client_id: 'web', username: 'ada@example.com', password }
    const body = new URLSearchParams({ ...form, grant_type: 'password', scope: 'rows sql:read table:a' })
    const first = await (await issuer.token(new Request(url, { method: 'POST', body }))).json()
    expect(first.scope).toBe('rows sql:read table:a')
    const again = new URLSearchParams({
      client_id: 'web',
      grant_type: 'refresh_token',
      refresh_token: first.refresh_token,
      scope: 'rows sql:write',
    })
    const second = await (await issuer.token(new Request(url, { method: 'POST', body: again }))).json()
    expect(second.scope).toBe('rows sql:read table:a')
  })

  it('SEC-82 the agent is the subject of an actor token, where one is handed in', async () => {
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    const headers = { Authorization: `Basic ${btoa(`assistant:${secrets.assistant}`)}` }
    const request = new Request(url, { method: 'POST', body: form, headers })
    const actor_token = (await (await issuer.token(request)).json()).access_token
    const actor = { actor_token, actor_token_type: accessTokenType, scope: 'sql:read' }
    const { access_token } = await narrow('reader', await signIn(), actor)
    expect(decodeJwt(access_token).act).toEqual({ sub: 'assistant' })
    const token = await signIn()
    expect(await refusal('reader', token, { actor_token })).toBe('invalid_request')
    expect(await refusal('reader', token, { actor_token_type: accessTokenType })).toBe('invalid_request')
    expect(await refusal('reader', token, { ...actor, actor_token: 'x' })).toBe('invalid_grant')
    expect(await refusal('web', token, actor)).toBe('invalid_grant')
    await store.endService('assistant')
    expect(await refusal('reader', token, actor)).toBe('invalid_grant')
  })

  it('SEC-82 is refused for a token that is over, of others, or of a session that has ended', async () => {
    const token = await signIn()
    const { sub = '', sid } = decodeJwt(token)
    const sign = (claims: object, issuer = url) =>
      issueToken(key, { issuer, audience: 'rowpass', subject: sub, clientId: 'web', claims: { ...claims } })
    expect(await refusal('stranger', token)).toBe('invalid_grant')
    expect(await refusal('assistant', `${token.slice(0, -4)}AAAA`)).toBe('invalid_grant')
    expect(await refusal('assistant', await sign({ sid }, 'https://other.example'))).toBe('invalid_grant')
    expect(await refusal('assistant', await sign({}))).toBe('invalid_grant')
    expect(await refusal('assistant', await sign({ sid: crypto.randomUUID() }))).toBe('invalid_grant')
    expect(await refusal('assistant', await sign({ sid, scope: 'sql:rea' }))).toBe('invalid_grant')
    expect(await refusal('assistant', await sign({ sid, act: 'me' }))).toBe('invalid_grant')
    expect(await refusal('assistant', token)).toBeUndefined()
    await store.endSession(String(sid))
    expect(await refusal('assistant', token)).toBe('invalid_grant')
  })

  it.each<[string, Record<string, string>, string]>([
    ['another type of token', { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }, 'invalid_request'],
    ['a wish for another type', { requested_token_type: 'urn:ietf:params:oauth:token-type:jwt' }, 'invalid_request'],
    ['another audience', { audience: 'elsewhere' }, 'invalid_target'],
    ['another resource', { resource: 'https://elsewhere.example' }, 'invalid_target'],
    ['no right to anything', { scope: 'table:a' }, 'invalid_scope'],
    ['other words alone', { scope: 'rows' }, 'invalid_scope'],
    ['a word that it has not', { scope: 'sql:read admin' }, 'invalid_scope'],
  ])('SEC-82 is refused for %s', async (_, change, error) => {
    expect(await refusal('assistant', await signIn(), change)).toBe(error)
  })

  it('takes the audience and the resource that the issuer has', async () => {
    const targets = { audience: 'rowpass', resource: 'rowpass', scope: 'sql:read' }
    expect((await narrow('assistant', await signIn(), targets)).scope).toBe('sql:read')
  })

  it('SEC-82 at the issuer itself a narrowed token is nobody: it signs nobody out, and changes no account', async () => {
    const token = await signIn()
    const { access_token } = await narrow('web', token, { scope: 'sql:write' })
    expect(await issuer.authenticate(token)).toBeDefined()
    expect(await issuer.authenticate(access_token)).toBeUndefined()
    const client = { client_id: 'web' }
    const response = await oauth.revocationRequest(as, client, oauth.None(), access_token, options)
    const revoked = await oauth.processRevocationResponse(response).catch((error: unknown) => error)
    expect(revoked).toMatchObject({ error: 'unsupported_token_type' })
    expect(await issuer.authenticate(token)).toBeDefined()
    const reader = { client_id: 'reader' }
    const asked = await oauth.introspectionRequest(as, reader, authentication('reader'), access_token, options)
    const said = await oauth.processIntrospectionResponse(as, reader, asked)
    expect(said).toMatchObject({ active: true, scope: 'sql:write', act: { sub: 'web' } })
  })

  it('claims of the application do not name an agent', async () => {
    const keys = fixedKeys(key)
    const claimsFor = () => ({ act: { sub: 'somebody' } }) as never
    const careless = createIssuer({ issuer: url, audience: 'rowpass', keys, store, claimsFor })
    const body = new URLSearchParams({
      client_id: 'web',
      grant_type: 'password',
      username: 'ada@example.com',
      password,
    })
    await expect(careless.token(new Request(url, { method: 'POST', body }))).rejects.toMatchObject({
      code: 'claims_invalid',
    })
  })
})
