import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../../../local/src/postgres/server.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { createTestDatabase, describePg, repository, type TestDatabase } from '../../support/pg.ts'

describePg('examples/issuers', () => {
  let database: TestDatabase
  let gateway: TestGateway
  let ports: { 'better-auth': string; 'oidc-provider': string; openauth: string }

  beforeAll(async () => {
    database = await createTestDatabase()
    ports = {
      'better-auth': String(await freePort()),
      'oidc-provider': String(await freePort()),
      openauth: String(await freePort()),
    }
    const trusted = readFileSync(`${repository}examples/issuers/issuers.json`, 'utf8')
      .replaceAll(':3000', `:${ports['better-auth']}`)
      .replaceAll(':3001', `:${ports['oidc-provider']}`)
      .replaceAll(':3002', `:${ports.openauth}`)
    gateway = await startTestGateway(database, { ROWPASS_ISSUERS: trusted })
  })
  afterAll(async () => {
    await gateway.close()
    await database.close()
  })

  it.concurrent.each([
    ['better-auth', "[]\n[ { name: 'Neon' } ]\n"],
    ['oidc-provider', "[ { program: 'night-report', tenant: 'Neon' } ]\n"],
    ['openauth', "[ { person: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3', role: 'admin' } ]\n"],
  ] as const)('%s.ts prints what PostgreSQL lets its principal see', async (name, output) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', `examples/issuers/${name}.ts`], {
      cwd: repository,
      env: {
        PATH: process.env.PATH,
        PORT: ports[name],
        GATEWAY_URL: gateway.url,
        DATABASE_URL: gateway.connectionString,
      },
    })
    // OpenAuth logs each request.
    const written = stripVTControlCharacters(stdout).replaceAll(/^(?:<--|-->) .*\n/gm, '')
    expect(written).toBe(output)
  })
})
