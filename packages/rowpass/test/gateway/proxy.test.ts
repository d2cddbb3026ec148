import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProxyFetch } from '../../src/gateway/proxy.ts'
import { createVerifier } from '../../src/token/verifier.ts'
import { repository } from '../support/pg.ts'

/** A name that nobody resolves but the proxy. */
const place = 'https://keys.corp.test/jwks.json'
const keys = '{"keys":[]}'

describe('keys behind the proxy of a company', () => {
  let folder: string
  let proxyUrl: string
  let asked: string[] = []
  let close: () => void

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'proxy-'))
    const openssl = (...argv: string[]) => execFileSync('openssl', argv, { cwd: folder, stdio: 'pipe' })
    const subject = ['-subj', '/CN=keys.corp.test', '-addext', 'subjectAltName=DNS:keys.corp.test']
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      'key.pem',
      '-out',
      'ca.pem',
      ...subject,
    )
    const [key, cert] = ['key.pem', 'ca.pem'].map((name) => readFileSync(join(folder, name)))
    const issuer = createHttpsServer({ key, cert }, (_, response) => response.end(keys))
    const proxy = createServer((_, response) => response.writeHead(405).end())
    proxy.on('connect', (request, client, head) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
      const upstream = connect((issuer.address() as AddressInfo).port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.write(head)
        upstream.pipe(client).pipe(upstream)
      })
      for (const socket of [client, upstream]) socket.on('error', () => socket.destroy())
    })
    for (const server of [issuer, proxy]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    close = () => {
      for (const server of [issuer, proxy]) {
        server.closeAllConnections()
        server.close()
      }
    }
  })
  afterAll(() => {
    close()
    rmSync(folder, { recursive: true })
  })

  async function get(env: Record<string, string>): Promise<string> {
    asked = []
    const argv = ['--import', 'tsx', 'packages/rowpass/test/gateway/fetch-keys.ts', place]
    const { stdout } = await promisify(execFile)(process.execPath, argv, {
      cwd: repository,
      env: { PATH: process.env.PATH, ...env },
    })
    return stdout.trim()
  }

  it('are fetched through HTTPS_PROXY, with the CA of NODE_EXTRA_CA_CERTS', async () => {
    expect(await get({ HTTPS_PROXY: proxyUrl, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') })).toBe(keys)
    expect(asked).toEqual(['keys.corp.test:443'])
  })

  it('are fetched with the name and password of the proxy', async () => {
    const HTTPS_PROXY = proxyUrl.replace('//', '//ada:s%40cret@')
    expect(await get({ HTTPS_PROXY, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') })).toBe(keys)
    expect(asked).toEqual([`keys.corp.test:443 Basic ${btoa('ada:s@cret')}`])
  })

  it('are not believed from a server whose CA nobody has named', async () => {
    expect(await get({ HTTPS_PROXY: proxyUrl })).toMatch(/the fetch failed \((DEPTH_ZERO_)?SELF_SIGNED_CERT/)
  })

  it.each(['corp.test', '.corp.test', 'other.test, keys.corp.test:443', '*'])(
    'are asked for directly with NO_PROXY=%s',
    async (NO_PROXY) => {
      expect(await get({ HTTPS_PROXY: proxyUrl, NO_PROXY })).toMatch(/the fetch failed/)
      expect(asked).toEqual([])
    },
  )

  it.each(['rp.test', 'keys.corp.test:8443', 'corp.test.example'])(
    'go through the proxy with NO_PROXY=%s',
    async (NO_PROXY) => {
      expect(await get({ HTTPS_PROXY: proxyUrl, NO_PROXY, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') })).toBe(keys)
    },
  )

  it('SEC-28 come from no private address through it either', () => {
    const fetch = createProxyFetch({ HTTPS_PROXY: proxyUrl })
    for (const jwksUrl of ['https://10.0.0.1/jwks', 'https://vault.internal/jwks', 'https://169.254.169.254/']) {
      expect(() => createVerifier([{ iss: 'a', jwksUrl, audience: 'b' }], { fetch })).toThrow(TypeError)
    }
  })

  it('are not fetched by what is no URL of a proxy', () => {
    expect(() => createProxyFetch({ HTTPS_PROXY: 'proxy.corp.test:8080' })).toThrow('HTTPS_PROXY is not a URL')
    expect(createProxyFetch({ HTTPS_PROXY: '' })).toBe(fetch)
  })
})
