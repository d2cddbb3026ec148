import { describe, expect, it } from 'vitest'
import { createMemoryStore } from '../../../../examples/library/memory-store.ts'
import { createIssuer, fixedKeys, generateKey, importSigningKey } from '../../src/exports/issuer.ts'

async function start(issuer: string) {
  const keys = fixedKeys(await importSigningKey((await generateKey()).privateJwk))
  return createIssuer({ issuer, audience: 'rowpass', keys, store: createMemoryStore([], []), paths: { token: '/t' } })
}

describe.each(['https://id.example', 'https://example.com/auth'])('the endpoints of %s', (url) => {
  it.each([
    ['POST', '/t', 401, { error: 'invalid_client' }],
    ['POST', '/api/revoke', 401, { error: 'invalid_client' }],
    ['POST', '/api/introspect', 401, { error: 'invalid_client' }],
    ['GET', '/.well-known/jwks.json', 200, { keys: [{ alg: 'ES256' }] }],
    ['GET', '/.well-known/openid-configuration', 200, { token_endpoint: `${url}/t` }],
  ])('have %s %s', async (method, path, status, body) => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const request = new Request(`${url}${path}`, { method, headers, ...(method === 'POST' && { body: 'client_id=x' }) })
    const answer = await (await start(url)).handle(request)
    expect(answer?.status).toBe(status)
    expect(await answer?.json()).toMatchObject(body)
  })

  it('have the metadata where RFC 8414 §3.1 looks for it, between the host and the path', async () => {
    const { origin, pathname } = new URL(url)
    const path = `/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`
    const answer = await (await start(url)).handle(new Request(`${origin}${path}`))
    expect(await answer?.json()).toMatchObject({ issuer: url, jwks_uri: `${url}/.well-known/jwks.json` })
  })

  it('say how long the keys may be kept', async () => {
    const answer = await (await start(url)).handle(new Request(`${url}/.well-known/jwks.json`))
    expect(answer?.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect(answer?.headers.get('Content-Type')).toBe('application/jwk-set+json')
  })

  it.each([
    ['GET', '/t'],
    ['POST', '/.well-known/jwks.json'],
    ['POST', '/api/token'],
    ['GET', '/t/'],
    ['GET', '/constructor'],
  ])('leave %s %s to the application', async (method, path) => {
    expect(await (await start(url)).handle(new Request(`${url}${path}`, { method }))).toBeUndefined()
  })

  it('refuse a form that a page of another site has a browser send, and read nothing of it', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'cross-site' }
    const answer = await (await start(url)).handle(new Request(`${url}/t`, { method: 'POST', headers, body: 'a=b' }))
    expect(answer?.status).toBe(400)
    expect(await answer?.json()).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringContaining('other sites'),
    })
  })
})
