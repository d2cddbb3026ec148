import { rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, connect as dial, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeScratch } from '../../../../bench/scratch.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../local/src/postgres/embedded.ts'
import { withConnection } from '../../src/database/connect.ts'
import { provision } from '../../src/database/provision.ts'
import { openSession, requestCancel } from '../../src/postgres/session.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import { createTester } from '../../src/testing/tester.ts'
import { type Authority, createAuthority, showCertificate } from '../support/certificates.ts'
import { startTestGateway, waitUntil } from '../support/gateway.ts'
import { createTestDatabase, sealKeysText } from '../support/pg.ts'

const folder = makeScratch('rowpass-tls')
const path = (name: string): string => join(folder, name)
const warnings: Error[] = []
const onWarning = (warning: Error): void => void warnings.push(warning)

let server: EmbeddedPostgres
let authority: Authority

/** URL of a database of the server that takes TLS only. */
function url(query: string, { host = 'localhost', database = 'postgres', port = server.port } = {}): string {
  const made = new URL(server.superuserUrl)
  made.hostname = host
  made.port = String(port)
  made.pathname = `/${database}`
  return `${made.href}?${query.replaceAll('$', `${folder}/`)}`
}

const logIn = (query: string, place?: Parameters<typeof url>[1]): Promise<string> =>
  withConnection(url(query, place), async (client) => {
    const { rows } = await client.query('select version from pg_stat_ssl where pid = pg_backend_pid() and ssl')
    return rows[0]?.version ?? 'plain'
  })

/** Has the server show a certificate from now on. */
async function show(adminUrl: string, options: Parameters<Authority['sign']>[1]): Promise<void> {
  const signed = await authority.sign('server', options)
  await withConnection(adminUrl, (admin) => showCertificate(admin, signed))
}

beforeAll(async () => {
  process.on('warning', onWarning)
  authority = await createAuthority('authority')
  const client = await authority.sign('postgres')
  writeFileSync(path('ca.pem'), authority.certificate)
  writeFileSync(path('other.pem'), (await createAuthority('other')).certificate)
  writeFileSync(path('client.crt'), client.certificate)
  writeFileSync(path('client.key'), client.key)
  server = await startEmbeddedPostgres({ directory: folder, durable: false })
  writeFileSync(join(server.dataDirectory, 'authority.crt'), authority.certificate, { mode: 0o644 })
  await withConnection(server.superuserUrl, async (admin) => {
    await admin.query('create database certified')
    await admin.query(`alter system set ssl_ca_file = 'authority.crt'`)
    await showCertificate(admin, await authority.sign('server', { dnsName: 'localhost' }))
    writeFileSync(
      join(server.dataDirectory, 'pg_hba.conf'),
      'hostssl certified all all scram-sha-256 clientcert=verify-ca\nhostssl all all all scram-sha-256\n',
    )
    await admin.query('select pg_reload_conf()')
  })
  await waitUntil(async () => (await logIn('sslmode=no-verify').catch(() => '')) !== '')
})
afterAll(async () => {
  process.off('warning', onWarning)
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('a server that takes TLS only', () => {
  it.each([
    ['sslmode=verify-full&sslrootcert=$ca.pem', 'localhost'],
    ['sslmode=require&sslrootcert=$ca.pem', 'localhost'],
    ['sslmode=prefer&sslrootcert=$ca.pem', 'localhost'],
    ['sslmode=allow&sslrootcert=$ca.pem', 'localhost'],
    ['sslrootcert=$ca.pem', 'localhost'],
    ['sslmode=verify-ca&sslrootcert=$ca.pem', '127.0.0.1'],
    ['sslmode=no-verify', '127.0.0.1'],
    ['sslmode=verify-full&sslrootcert=$ca.pem&sslnegotiation=direct', 'localhost'],
    ['sslmode=require&channel_binding=require&sslrootcert=$ca.pem', 'localhost'],
    ['sslmode=no-verify&channel_binding=require', '127.0.0.1'],
    ['uselibpqcompat=true&sslmode=require', '127.0.0.1'],
  ])('lets in %s to %s', async (query, host) => {
    expect(await logIn(query, { host })).toBe('TLSv1.3')
  })

  it.each([
    ['', 'localhost', /no encryption: add sslmode=verify-full to the URL/],
    ['sslmode=disable', 'localhost', /no encryption: add sslmode=verify-full to the URL/],
    ['sslmode=require', 'localhost', /no authority that this machine trusts .*sslrootcert=<file>/],
    ['sslmode=require&sslrootcert=system', 'localhost', /no authority that this machine trusts/],
    ['sslmode=verify-full&sslrootcert=$other.pem', 'localhost', /no authority that this machine trusts/],
    ['sslmode=verify-ca&sslrootcert=$other.pem', '127.0.0.1', /no authority that this machine trusts/],
    ['sslmode=verify-full&sslrootcert=$ca.pem', '127.0.0.1', /use the name that the certificate is for/],
    ['sslmode=require&sslrootcert=$ca.pem', '127.0.0.1', /use the name that the certificate is for/],
  ])('is not spoken to with %s at %s', async (query, host, reason) => {
    await expect(logIn(query, { host })).rejects.toMatchObject({
      code: 'database_unavailable',
      detail: expect.stringMatching(reason),
    })
  })

  it.each([
    ['sslmode=verify-ca', /sslmode=verify-ca needs sslrootcert/],
    ['sslmode=verified', /sslmode of the database URL is none of disable, allow/],
    ['channel_binding=always', /channel_binding of the database URL is none of/],
    [
      'sslmode=verify-full&sslrootcert=$missing.pem',
      /sslrootcert of the database URL names .*missing.pem, which cannot/,
    ],
    ['sslmode=verify-full&sslcert=$missing.pem', /sslcert of the database URL names/],
  ])('is not looked for with %s', async (query, detail) => {
    await expect(logIn(query)).rejects.toMatchObject({ code: 'config_invalid', detail: expect.stringMatching(detail) })
  })

  it('asks for a client certificate where it wants one', async () => {
    const query = 'sslmode=verify-full&sslrootcert=$ca.pem'
    await expect(logIn(query, { database: 'certified' })).rejects.toMatchObject({
      detail: expect.stringMatching(/valid client certificate: name one in the URL: sslcert=<file>&sslkey=<file>/),
    })
    const certified = `${query}&sslcert=$client.crt&sslkey=$client.key`
    expect(await logIn(certified, { database: 'certified' })).toBe('TLSv1.3')
  })

  it('is not trusted with a certificate that has expired', async () => {
    const query = 'sslmode=verify-full&sslrootcert=$ca.pem'
    await show(url(query), { dnsName: 'localhost', expired: true })
    await waitUntil(async () => (await logIn(query).catch(({ detail }) => detail)) !== 'TLSv1.3')
    await expect(logIn(query)).rejects.toMatchObject({ detail: expect.stringContaining('has expired') })
    await show(url('sslmode=no-verify'), { dnsName: 'localhost' })
    await waitUntil(async () => (await logIn(query).catch(() => '')) === 'TLSv1.3')
  })

  it('carries gateway, issuer, migration and tests', async () => {
    const query = 'sslmode=verify-full&channel_binding=require&sslrootcert=$ca.pem'
    const login = (user: string): string => {
      const made = new URL(url(query, { database: 'carried' }))
      made.username = user
      made.password = `password-of-${user}`
      return made.href
    }
    await withConnection(url(query), async (admin) => {
      await admin.query(`create role tls_owner login createrole password 'password-of-tls_owner'`)
      await admin.query('create database carried owner tls_owner')
    })
    const sealKeys = parseSealKeys(sealKeysText)
    const [ownerUrl, gatewayUrl] = [login('tls_owner'), login('tls_gateway')]
    await provision({ ownerUrl, gatewayUrl, issuerUrl: login('rowpass_issuer'), sealKeys })
    const close = async (): Promise<void> => {}
    const database = { name: 'carried', ownerUrl, gatewayUrl, issuerUrl: '', superuserUrl: '', sealKeys, close }
    const gateway = await startTestGateway(database, { ROWPASS_PASSWORD_MODE: 'true' })
    const token = await gateway.issuer.token('ada')
    const { body } = await gateway.sql(token, 'select auth.user_id() as id')
    expect(body.rows).toEqual([{ id: 'ada' }])
    const password = await gateway.send(JSON.stringify({ query: 'select current_user::text as id', params: [] }), {
      'neon-connection-string': ownerUrl.replace('localhost', 'db.example.test').replace(/\?.*/, ''),
    })
    expect(password.body.rows).toEqual([{ id: 'tls_owner' }])
    await gateway.close()
    const tester = await createTester({ databaseUrl: ownerUrl })
    await tester.asUser({ sub: 'ada' }, async ({ sql }) =>
      expect(await sql`select auth.user_id() as id`).toEqual([{ id: 'ada' }]),
    )
    await tester.close()
  })

  it('hears a cancel request over TLS, under its name', async () => {
    const recorder = await record(server.port)
    const made = new URL(url('sslmode=verify-full&sslrootcert=$ca.pem', { port: recorder.port }))
    const session = await openSession({
      server: made,
      user: 'postgres',
      password: decodeURIComponent(made.password),
      database: 'postgres',
      applicationName: 'cancelled',
      connectTimeoutMs: 5_000,
    })
    const answer: Buffer[] = []
    session.stream.on('data', (bytes) => answer.push(bytes)).resume()
    const query = Buffer.from('select pg_sleep(60)\0')
    const head = Buffer.from('Q\0\0\0\0')
    head.writeUInt32BE(query.length + 4, 1)
    session.stream.write(Buffer.concat([head, query]))
    await withConnection(url('sslmode=no-verify'), (admin) =>
      waitUntil(async () => {
        const { rows } = await admin.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)
        return rows.length === 1
      }),
    )
    await requestCancel(session, 5_000)
    await waitUntil(() => Buffer.concat(answer).includes('57014'))
    session.stream.destroy()
    recorder.server.close()
    const [logins, cancels] = recorder.received.map((bytes) => Buffer.concat(bytes))
    const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
    for (const bytes of [logins, cancels] as Buffer[]) {
      expect(bytes.subarray(0, 8)).toEqual(sslRequest)
      expect(bytes.includes('localhost')).toBe(true)
      expect(bytes.includes(Buffer.from([4, 210, 22, 46]))).toBe(false)
    }
  })

  it('no warning of a library reaches the user', () => {
    expect(warnings.map(({ message }) => message)).toEqual([])
  })
})

describe('channel_binding=require', () => {
  it('does not do with a server without TLS', async () => {
    const database = await createTestDatabase({ contents: 'bare' })
    const plain = `${database.ownerUrl}?channel_binding=require`
    await expect(withConnection(plain, async () => {})).rejects.toMatchObject({
      detail: expect.stringContaining('channel_binding=require in the URL, and the server offers none'),
    })
    await expect(withConnection(`${database.ownerUrl}?sslmode=require`, async () => {})).rejects.toMatchObject({
      detail: expect.stringMatching(
        /does not support SSL connections: the server offers no TLS; turn it on there, or say/,
      ),
    })
    await database.close()
  })

  it.each([
    ['the password in clear', 'R\0\0\0\b\0\0\0\u0003'],
    ['an MD5 sum of it', 'R\0\0\0\f\0\0\0\u0005salt'],
    ['nothing at all', 'R\0\0\0\b\0\0\0\0'],
    ['a proof that is not bound', 'R\0\0\0\u0017\0\0\0\nSCRAM-SHA-256\0\0'],
  ])('sends nothing to a server that asks for %s', async (_, request) => {
    const received: Buffer[] = []
    const impostor = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (bytes) => {
        received.push(bytes)
        if (received.length === 1) socket.write(request, 'latin1')
      })
    })
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
    const { port } = impostor.address() as AddressInfo
    const target = `postgresql://ada:secret@127.0.0.1:${port}/db?channel_binding=require`
    await expect(withConnection(target, async () => {})).rejects.toMatchObject({
      detail: expect.stringContaining('the server offers none'),
    })
    await new Promise((resolve) => impostor.close(resolve))
    expect(received).toHaveLength(1)
  })
})

/** Passes everything on, and keeps what clients sent, by connection. */
async function record(target: number): Promise<{ port: number; received: Buffer[][]; server: Server }> {
  const received: Buffer[][] = []
  const relay = createServer((client) => {
    const bytes: Buffer[] = []
    received.push(bytes)
    const upstream = dial(target, '127.0.0.1')
    client.on('data', (each) => bytes.push(each))
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  return { port: (relay.address() as AddressInfo).port, received, server: relay }
}
