import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { build } from 'esbuild'
import { generate } from 'openapi-typescript-codegen'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateKey } from '../../packages/rowpass/src/token/key.ts'
import { demo, describePg } from '../../packages/rowpass/test/support/pg.ts'
import { app } from '../src/app.ts'
import { operations } from '../src/openapi.ts'
import { personas } from '../src/personas.ts'
import { askApp, conform, isDescribed } from './conform.ts'
import { type Host, serveApp } from './serve.ts'
import { type Stack, startStack } from './stack.ts'

const bindings = {
  DATABASE_URL: 'postgresql://authenticated@127.0.0.1/rowpass',
  GATEWAY_URL: 'http://127.0.0.1:9/sql',
  PRIVATE_KEY: JSON.stringify((await generateKey()).privateJwk),
  ISSUER: 'http://issuer.localhost',
  AUDIENCE: 'rowpass',
}
const readDocument = async (DEMO = 'true'): Promise<Record<string, unknown>> => {
  const response = await askApp('http://127.0.0.1:8787/openapi.json', {}, { ...bindings, DEMO })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

describe('the OpenAPI document', () => {
  it('is one of OpenAPI 3.1, by a validator that is not ours', async () => {
    const validator = new Validator()
    expect(await validator.validate(await readDocument())).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
    const broken = { ...(await readDocument()), paths: { '/a': { get: { responses: { 200: {} } } } } }
    expect(await validator.validate(broken)).toMatchObject({ valid: false })
  })

  it('has every route of the app and no other one: a route of your own is described in src/openapi.ts', () => {
    const routes = app.routes
      .filter(({ method, path }) => method !== 'ALL' && isDescribed(path))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/, '{$1}')}`)
    expect(Object.keys(operations).sort()).toEqual([...new Set(routes)].sort())
  })

  it('has no path there that only DEMO has', async () => {
    const pathsOf = async (demo: string) => Object.keys((await readDocument(demo)).paths as object)
    const onlyDemo = ['/api/token', '/api/personas', '/demo/sql', '/demo/ask/{about}', '/demo/agents']
    expect(await pathsOf('true')).toEqual(expect.arrayContaining(onlyDemo))
    const closed = await pathsOf('')
    expect(onlyDemo.filter((path) => closed.includes(path))).toEqual(['/api/token'])
    const { paths } = (await readDocument('')) as { paths: Record<string, object> }
    expect(Object.keys(paths['/api/token'] ?? {})).toEqual(['post'])
  })

  it('is held against every answer that a test gets: nothing else asks the app', () => {
    const files = readdirSync(`${demo}test`, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    )
    const asking = files.filter((name) => readFileSync(`${demo}test/${name}`, 'utf8').includes(`app.${'request'}(`))
    // people.test.ts is the one that goes to whoever makes an application of the demo.
    expect(asking.sort()).toEqual(['conform.ts', 'people.test.ts'])
  })

  it('is held against what the app answers, also where that comes from elsewhere', async () => {
    const gateway = await serveApp(async () => new Response('{}', { status: 418 }))
    const given = { ...bindings, DEMO: 'true', GATEWAY_URL: gateway.url.href }
    const headers = { Authorization: 'Bearer a.b.c', 'Content-Type': 'application/json' }
    const asked = askApp('/demo/sql', { method: 'POST', headers, body: '{"query":"select 1","params":[]}' }, given)
    await expect(asked).rejects.toThrow('POST /demo/sql answers 418, a status')
    await gateway.close()
  })

  it('is held against answers: one that it does not foresee is an error', async () => {
    const answer = (status: number, body: object, type = 'application/json') =>
      new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type } })
    const judge = (response: Response) => conform('/api/users', {}, response)
    await expect(judge(answer(200, { users: [] }))).resolves.toBeDefined()
    await expect(judge(answer(200, { users: [{ id: 'x' }] }))).rejects.toThrow('required property')
    await expect(judge(answer(200, { users: [], more: 1 }))).rejects.toThrow('additional properties')
    await expect(judge(answer(418, {}))).rejects.toThrow('a status that demo/src/openapi.ts does not foresee')
    await expect(judge(answer(200, { users: [] }, 'text/html'))).rejects.toThrow('as text/html')
    const problem = { type: 'a', title: 'b', status: 404, code: 'policy_refused', request_id: 'c' }
    await expect(judge(answer(403, problem, 'application/problem+json'))).rejects.toThrow('allowed values')
    await expect(conform('/api/none', {}, answer(200, {}))).rejects.toThrow('describe it there')
  })

  it('has a page that needs no other host and runs no text', () => {
    for (const name of ['docs.html', 'docs.js', 'docs.css']) {
      const text = readFileSync(`${demo}web/${name}`, 'utf8')
      expect(text).not.toMatch(/https?:|\/\/\w|innerHTML|style=|<script>/)
    }
  })
})

describePg('a client that is generated from the document', () => {
  let stack: Stack
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-client-'))
  let host: Host
  beforeAll(async () => {
    stack = await startStack()
    host = await serveApp(stack.request)
  })
  afterAll(async () => {
    await host.close()
    rmSync(folder, { recursive: true })
    await stack.close()
  })

  it('reads, creates, changes and deletes rows, and hears why it may not', async () => {
    const input = (await (await stack.request('/openapi.json')).json()) as Record<string, unknown>
    await generate({ input, output: folder, httpClient: 'fetch' })
    const outfile = join(folder, 'client.mjs')
    await build({ entryPoints: [join(folder, 'index.ts')], bundle: true, format: 'esm', outfile, logLevel: 'error' })
    const { OpenAPI, UsersService, DemoService } = await import(pathToFileURL(outfile).href)
    OpenAPI.BASE = host.url.origin

    await expect(UsersService.listUsers()).rejects.toMatchObject({ status: 401, body: { code: 'token_missing' } })
    const [david] = personas
    expect((await DemoService.personas()).personas).toHaveLength(personas.length)
    OpenAPI.TOKEN = (await DemoService.demoToken('amara@neon.example')).access_token
    const { users } = await UsersService.listUsers(2)
    expect(users).toHaveLength(2)
    const created = await UsersService.createUser({ tenantId: david.tenantId, email: 'g@neon.example', name: 'G' })
    expect(created).toMatchObject({ name: 'G', role: 'member' })
    expect(await UsersService.updateUser(created.id, { name: 'H' })).toMatchObject({ id: created.id, name: 'H' })
    expect(await UsersService.getUser(created.id)).toMatchObject({ name: 'H' })
    await UsersService.deleteUser(created.id)
    await expect(UsersService.getUser(created.id)).rejects.toMatchObject({ status: 404 })
  })
})
