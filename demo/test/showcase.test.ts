/** What the page is answered beside rows, and who is not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPlain } from '../../packages/local/src/plain-statement.ts'
import type { Showcase } from '../../packages/local/src/showcase.ts'
import { loadParser } from '../../packages/rowpass/src/statement/parser.ts'
import { describePg } from '../../packages/rowpass/test/support/pg.ts'
import { findPersona } from '../src/personas.ts'
import { askApp } from './conform.ts'
import { type Stack, startStack } from './stack.ts'
import { startShowcaseOf } from './web/scene.ts'

describe('a statement that is explained to whoever asks', () => {
  it.each([
    'select id, name from public.users order by id limit 20',
    'select * from users',
    "insert into users (tenant_id, email) values ($1, 'a')",
    'update users set name = $1, role = default where id = $2 and tenant_id is not null',
    "delete from users where id = '7'",
  ])('is one on columns and values: %s', async (sql) => {
    expect(isPlain(sql, await loadParser())).toBe(true)
  })

  it.each([
    'select pg_read_file($1)',
    "select * from users where set_config('role', 'none', true) = ''",
    'select * from users where id::text = $1',
    'select * from users where id in (select id from tenants)',
    'select * from users, tenants',
    'delete from users using tenants',
    'update users set name = $1 from tenants',
    'select * from generate_series(1, 9)',
    'with gone as (delete from users returning id) select * from gone',
    'insert into users (name) values (current_user)',
    "select * from users where name ~ 'a'",
    "select * from users where name operator(public.=) 'a'",
    'select * from pg_authid',
    'select * from pg_catalog.pg_authid',
    'select * from information_schema.tables',
    'delete from users; delete from tenants',
    'explain select * from users',
    'reset role',
    'create table t (id int)',
    "copy users to program 'id'",
    'selec',
    '',
    'select 1\0',
  ])('is nothing else: %s', async (sql) => {
    expect(isPlain(sql, await loadParser())).toBe(false)
  })
})

describePg('what the page asks', () => {
  let stack: Stack
  let showcase: Showcase
  let token: string

  beforeAll(async () => {
    stack = await startStack({ ROWPASS_SERVER_TIMING: 'true' })
    showcase = await startShowcaseOf(stack)
    token = await stack.sign(findPersona('david@neon.example')!, { sid: crypto.randomUUID() })
  })
  afterAll(async () => {
    await showcase.close()
    await stack.close()
  })

  const post = async (path: string, body: object, change: object = {}, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } }
    const bindings = { ...stack.bindings, ...showcase.bindings, ...change }
    const response = await askApp(path, { ...init, body: JSON.stringify(body) }, bindings)
    const text = await response.text()
    return {
      status: response.status,
      timing: response.headers.get('Server-Timing'),
      body: text === '' ? {} : JSON.parse(text),
    }
  }
  const sql = (query: string, change: object = {}) =>
    post('/demo/sql', { query, params: [] }, change, { Authorization: `Bearer ${token}` })
  const why = (query: string, bearer = token) => post('/demo/ask/why', { token: bearer, query, params: [] })

  it('SQL is the gateway’s to answer, with its times', async () => {
    const answer = await sql('select name from users')
    expect(answer).toMatchObject({ status: 200, body: { rows: [['David']] } })
    expect(answer.timing).toMatch(/^verify;dur=.*, postgres;dur=[\d.]+, answer;dur=[\d.]+, total;dur=[\d.]+$/)
    expect(await sql('reset role')).toMatchObject({
      status: 400,
      body: { hint: expect.stringMatching(/^statement_refused:/) },
    })
  })

  it('is not there without DEMO, without who answers, or in another way to the database', async () => {
    const closed = { DEMO: 'false', SHOWCASE_URL: '', SHOWCASE_SECRET: '' }
    expect(await sql('select 1', closed)).toMatchObject({ status: 404, body: { code: 'path_unknown' } })
    expect(await post('/demo/ask/why', {}, closed)).toMatchObject({ status: 404 })
    expect(await post('/demo/ask/why', {}, { SHOWCASE_URL: '', SHOWCASE_SECRET: '' })).toMatchObject({ status: 404 })
    expect(await post('/demo/ask/secrets', {})).toMatchObject({ status: 404 })
    const sealing = {
      DATABASE_URL: '',
      ROWPASS_DATABASE_URL: stack.database.gatewayUrl,
      ROWPASS_SEAL_KEYS: `a:${'A'.repeat(43)}`,
    }
    expect(await sql('select 1', sealing)).toMatchObject({ status: 404 })
  })

  it('refuses what a form of another page can send', async () => {
    const headers = { 'Content-Type': 'text/plain' }
    expect(await post('/demo/ask/rotate', {}, {}, headers)).toMatchObject({ status: 415 })
    expect(await post('/demo/sql', {}, {}, { ...headers, Authorization: `Bearer ${token}` })).toMatchObject({
      status: 415,
    })
  })

  it('why names the policy, counts what it hides, and has the plan', async () => {
    const { body } = await why('select name from public.users')
    expect(body).toMatchObject({ summary: 'users: 11 rows hidden by users_select', report: expect.any(String) })
    expect(JSON.stringify(body.plan)).toMatch(/"relation":"users".*tenant_id/)
    expect(JSON.stringify(body)).not.toContain('mei@neon.example')
  })

  it('why is not told of what could run code, nor to a bad token', async () => {
    expect(await why('select pg_sleep(1)')).toMatchObject({ status: 422 })
    expect(await why('select name from users', `${token}x`)).toMatchObject({ status: 401 })
    expect(await post('/demo/ask/why', { query: 'select name from users' })).toMatchObject({ status: 400 })
  })

  it('the matrix has the people of the tokens, and somebody without any', async () => {
    const { status, body } = await post('/demo/ask/matrix', { people: [{ name: 'David', token }] })
    expect([status, body.subjects]).toEqual([200, ['David', 'no claims (authenticated)', 'no claims (anonymous)']])
    const users = body.tables.find(({ name }: { name: string }) => name === 'public.users')
    expect(users.lines[0].cells.select).toMatchObject({
      main: '1 of 12',
      crossTenant: false,
      policies: ['users_select'],
    })
    const forged = { people: [{ name: 'David', token: `${token.slice(0, -9)}AAAAAAAAA` }] }
    expect(await post('/demo/ask/matrix', forged)).toMatchObject({ status: 401 })
  })

  it('no key is rotated where there is no ring, and without a token', async () => {
    expect(await post('/demo/ask/rotate', { token })).toMatchObject({ status: 409 })
    expect(await post('/demo/ask/rotate', {})).toMatchObject({ status: 400 })
  })

  it('ends the session of the token, and no other', async () => {
    const other = await stack.sign(findPersona('david@neon.example')!, { sid: crypto.randomUUID() })
    expect(await post('/demo/ask/end-session', { token: other })).toMatchObject({ status: 204 })
    const ask = (bearer: string) =>
      post('/demo/sql', { query: 'select 1', params: [] }, {}, { Authorization: `Bearer ${bearer}` })
    expect(await ask(other)).toMatchObject({ status: 400, body: { hint: expect.stringMatching(/^session_revoked:/) } })
    expect(await ask(token)).toMatchObject({ status: 200 })
  })

  it('nobody is answered without the secret', async () => {
    const asked = await fetch(`${showcase.bindings.SHOWCASE_URL}matrix`, { method: 'POST', body: '{}' })
    expect(asked.status).toBe(403)
  })
})
