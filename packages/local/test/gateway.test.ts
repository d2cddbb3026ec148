/** The gateway of a project, as `npm start` runs it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { loadProject, makeStateFolder } from '../../rowpass/src/exports/operate.ts'
import { createTestDatabase, describePg, sealKeysText } from '../../rowpass/test/support/pg.ts'
import * as t from '../../rowpass/test/token/test-issuer.ts'
import { startGateway } from '../src/gateway.ts'
import { freePort } from '../src/postgres/server.ts'

describePg('the gateway of a project', () => {
  it('fetches keys of other issuers through HTTPS_PROXY', async () => {
    const asked: string[] = []
    const proxy = createServer((_, response) => response.writeHead(405).end())
    proxy.on('connect', ({ url = '' }, socket) => {
      asked.push(url)
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
    const directory = mkdtempSync(join(tmpdir(), 'gateway-'))
    makeStateFolder(directory)
    const iss = 'https://keys.corp.test'
    const port = await freePort()
    const project = loadProject({
      cwd: directory,
      env: {
        GATEWAY_PORT: String(port),
        HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
        ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: `${iss}/jwks.json`, audience: 'rowpass' }]),
      },
    })
    const database = await createTestDatabase()
    const gatewayUrl = `http://127.0.0.1:${port}/sql`
    const gateway = await startGateway(
      project,
      { gatewayUrl: database.gatewayUrl, sealKeys: sealKeysText },
      { apiUrl: 'http://127.0.0.1:1', gatewayUrl },
    )
    try {
      const now = Math.floor(Date.now() / 1000)
      const token = await t.forge(
        await t.keyNamed('behind a proxy', 'ES256'),
        { alg: 'ES256', typ: 'at+jwt', kid: 'a' },
        { iss, aud: 'rowpass', sub: 'ada', iat: now, exp: now + 60 },
      )
      const answer = await fetch(gatewayUrl, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'neon-connection-string': 'postgresql://authenticated@127.0.0.1/rowpass',
        },
        body: JSON.stringify({ query: 'select 1', params: [] }),
      })
      expect(await answer.json()).toMatchObject({ hint: expect.stringMatching(/^keys_unavailable:/) })
      expect(asked).toContain('keys.corp.test:443')
    } finally {
      await gateway.close()
      await database.close()
      proxy.close()
      rmSync(directory, { recursive: true })
    }
  })
})
