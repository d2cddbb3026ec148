import { request } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePg } from '../../packages/rowpass/test/support/pg.ts'
import { personas } from '../src/personas.ts'
import { conform } from './conform.ts'
import { type Stack, startStack, ways } from './stack.ts'
import { type RunningWorker, startWorker } from './worker.ts'

const [david] = personas
const priya = personas.find(({ email }) => email === 'priya@other.example')!

for (const way of ways)
  describePg(`the Worker, under workerd, by the way of ${way}`, () => {
    let stack: Stack
    let worker: RunningWorker

    beforeAll(async () => {
      stack = await startStack({}, way)
      worker = await startWorker(stack)
    })

    afterAll(async () => {
      await worker.close()
      await stack.close()
    })

    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await conform(path, init, await fetch(new URL(path, worker.url), init))
      // biome-ignore lint/suspicious/noExplicitAny: what the body is, each test says
      return { status: response.status, headers: response.headers, body: (await response.json()) as any }
    }
    const signIn = async (id: string) => {
      const { body } = await ask(`/api/token?as=${id}`)
      return { Authorization: `Bearer ${body.access_token}`, 'Content-Type': 'application/json' }
    }

    it('issues tokens that verify against the keys it publishes', async () => {
      const { Authorization } = await signIn(david.id)
      const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', worker.url))
      const { payload } = await jwtVerify(Authorization.slice(7), keys, { issuer: stack.bindings.ISSUER! })
      expect(payload.sub).toBe(david.id)
    })

    it('SEC-78 answers to loopback only, whatever name points to it', async () => {
      const statusAt = (host: string) =>
        new Promise((resolve, reject) => {
          const { hostname, port } = worker.url
          const headers = { Host: host, 'X-Forwarded-Host': '127.0.0.1' }
          request({ hostname, port, path: '/api/token', headers }, (answer) => resolve(answer.resume().statusCode))
            .on('error', reject)
            .end()
        })
      for (const host of ['127.0.0.1', `localhost:${worker.url.port}`]) expect(await statusAt(host)).toBe(200)
      for (const host of ['evil.example', `evil.example:${worker.url.port}`]) expect(await statusAt(host)).toBe(421)
    })

    it('gives each person their rows, at the same time', async () => {
      const [asDavid, asPriya] = await Promise.all([david.id, priya.id].map(signIn))
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, turn) => ask('/api/users', { headers: (turn % 2 ? asPriya : asDavid)! })),
      )
      expect(answers.map(({ body }) => body.users.length)).toEqual(answers.map((_, turn) => (turn % 2 ? 3 : 1)))
      expect(answers.every(({ headers }) => headers.get('Cache-Control') === 'no-store')).toBe(true)
    })

    it('writes, and refuses to', async () => {
      const headers = await signIn(priya.id)
      const user = { tenantId: priya.tenantId, email: 'workerd@other.example', name: 'Workerd' }
      const created = await ask('/api/users', { method: 'POST', headers, body: JSON.stringify(user) })
      expect(created).toMatchObject({ status: 201, body: user })
      const foreign = JSON.stringify({ ...user, tenantId: david.tenantId })
      expect(await ask('/api/users', { method: 'POST', headers, body: foreign })).toMatchObject({
        status: 403,
        body: { code: 'policy_refused' },
      })
    })

    it('refuses a forged token, and asks for a missing one', async () => {
      const { Authorization } = await signIn(david.id)
      const forged = await ask('/api/users', { headers: { Authorization: `${Authorization.slice(0, -4)}AAAA` } })
      expect(forged).toMatchObject({ status: 401, body: { code: 'token_invalid' } })
      expect(await ask('/api/users')).toMatchObject({ status: 401, body: { code: 'token_missing' } })
    })

    it('SEC-19 refuses two Authorization headers', async () => {
      const { Authorization } = await signIn(david.id)
      const headers: [string, string][] = [
        ['Authorization', Authorization],
        ['Authorization', Authorization],
      ]
      expect(await ask('/api/users', { headers })).toMatchObject({ status: 400, body: { code: 'request_invalid' } })
    })

    it.each(['/', '/main.js', '/page.css', '/icon.svg'])('serves %s from its assets', async (path) => {
      const response = await fetch(new URL(path, worker.url))
      expect(response.status).toBe(200)
      expect(response.headers.get('Content-Security-Policy')).toContain("script-src 'self'")
      const etag = response.headers.get('ETag')!
      expect((await fetch(new URL(path, worker.url), { headers: { 'If-None-Match': etag } })).status).toBe(304)
      await response.body?.cancel()
    })

    it('refuses a body over the limit', async () => {
      const headers = await signIn(priya.id)
      const body = JSON.stringify({ name: 'x'.repeat(20_000) })
      expect(await ask('/api/users', { method: 'POST', headers, body })).toMatchObject({ status: 413 })
    })
  })
