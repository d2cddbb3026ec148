import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { build } from 'esbuild'
import { generate } from 'openapi-typescript-codegen'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { demo, describePg } from '../../packages/rowpass/test/support/pg.ts'
import { app } from '../src/app.ts'
import { operations } from '../src/openapi.ts'
import { personas } from '../src/personas.ts'
import { conform, isDescribed } from './conform.ts'
import { type Stack, startStack } from './stack.ts'

const bindings = {
  DATABASE_URL: 'postgresql://authenticated@127.0.0.1/rowpass',
  ISSUER: 'http://issuer.localhost',
  AUDIENCE: 'rowpass',
}
const readDocument = async (): Promise<Record<string, unknown>> => {
  const response = await app.request('http://127.0.0.1:8787/openapi.json', {}, bindings)
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
      .map(({ method, path }) => `${method} ${path.replace(':id', '{id}')}`)
    expect(Object.keys(operations).sort()).toEqual([...new Set(routes)].sort())
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
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const headers = Object.entries(request.headers).flatMap(([name, value]) => (value ? [[name, String(value)]] : []))
    const init = { method: request.method!, headers: headers as [string, string][] }
    const sent = chunks.length > 0 ? { ...init, body: Buffer.concat(chunks) } : init
    const answer = await conform(request.url!, sent, await stack.request(request.url!, sent))
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })
  beforeAll(async () => {
    stack = await startStack()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(async () => {
    server.close()
    rmSync(folder, { recursive: true })
    await stack.close()
  })

  it('reads, creates, changes and deletes rows, and hears why it may not', async () => {
    await generate({ input: await readDocument(), output: folder, httpClient: 'fetch' })
    const outfile = join(folder, 'client.mjs')
    await build({ entryPoints: [join(folder, 'index.ts')], bundle: true, format: 'esm', outfile, logLevel: 'error' })
    const { OpenAPI, UsersService, DemoService } = await import(pathToFileURL(outfile).href)
    OpenAPI.BASE = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

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
