import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../local/src/postgres/embedded.ts'
import { createLocalDatabase } from '../../../local/src/postgres/local-database.ts'
import { withConnection } from '../../src/database/connect.ts'
import { provision } from '../../src/database/provision.ts'
import { formatSealKeys, generateSealKey, installSealKeys, parseSealKeys, removeSealKey } from '../../src/seal/keys.ts'
import { startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'
import { pgbouncerProgram, startPgBouncer } from '../support/pgbouncer.ts'
import { type Scene, startScene } from './scene.ts'

const readAll = 'select owner, body from notes'
const ofAda = [{ owner: 'ada', body: 'of ada' }]
/** 32 for a ticket. */
const sealLength = 'select seal_length() as length'
const ended = { status: 400, body: { code: '28000', hint: 'session_revoked: Sign in again.' } }

describePg('a token that comes again', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await startScene(
      {},
      `create function seal_length() returns int language sql stable return length(current_setting('rowpass.seal', true));
       create table visits (n int generated always as identity, who text default auth.user_id());
       grant execute on function seal_length() to public;
       grant select, insert on visits to authenticated`,
    )
  })
  beforeEach(() => scene.asOwner('truncate rowpass.identities, rowpass.admitted_sessions'))
  afterAll(() => scene.close())

  const token = (claims: Record<string, unknown> = {}, sub = 'ada') => scene.gateway.issuer.token(sub, claims)
  const remembered = async () =>
    Number((await scene.asOwner('select count(*)::int as count from rowpass.identities'))[0]?.count)
  const lengthOf = async (gateway: TestGateway, bearer: string) => {
    const { status, body } = await gateway.sql(bearer, sealLength)
    expect(status).toBe(200)
    return Number(body.rows[0].length)
  }
  /** Two answers with the whole seal, then those by the ticket. */
  const warm = async (gateway: TestGateway, bearer: string) => {
    for (let turn = 0; turn < 2; turn++) expect(await lengthOf(gateway, bearer)).toBeGreaterThan(66)
    await waitUntil(async () => (await lengthOf(gateway, bearer)) === 32)
  }
  const another = (settings: Record<string, string>, issuer: Record<string, unknown> = {}) => {
    const { iss, jwksUrl } = scene.gateway.issuer
    return startTestGateway(scene.database, {
      ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: jwksUrl, audience: 'rowpass', ...issuer }]),
      ...settings,
    })
  }

  it('goes by its ticket after the second answer, and is answered as before', async () => {
    for (const claims of [{}, { sid: randomUUID() }]) {
      const bearer = await token(claims)
      await warm(scene.gateway, bearer)
      expect((await scene.gateway.sql(bearer, readAll)).body.rows).toEqual(ofAda)
      const { body } = await scene.gateway.batch(bearer, [readAll, sealLength, readAll])
      expect(body.results.map((result: { rows: unknown }) => result.rows)).toEqual([ofAda, [{ length: '32' }], ofAda])
    }
    expect(await remembered()).toBe(2)
  })

  it('that comes once is not admitted', async () => {
    await scene.gateway.sql(await token(), readAll)
    await warm(scene.gateway, await token())
    expect(await remembered()).toBe(1)
  })

  it('has one row, whichever gateways it goes to', async () => {
    const other = await another({})
    try {
      const bearer = await token()
      await warm(scene.gateway, bearer)
      await warm(other, bearer)
      expect(await remembered()).toBe(1)
    } finally {
      await other.close()
    }
  })

  it('is answered whole again, and once, where the database has forgotten it, as after a crash', async () => {
    for (const claims of [{}, { sid: randomUUID() }]) {
      const bearer = await token(claims)
      await warm(scene.gateway, bearer)
      await scene.asOwner('truncate rowpass.identities, rowpass.admitted_sessions; truncate visits restart identity')
      const { status, body } = await scene.gateway.sql(bearer, 'insert into visits default values returning who')
      expect([status, body.rows]).toEqual([200, [{ who: 'ada' }]])
      expect(await scene.asSuperuser('select who from visits')).toEqual([{ who: 'ada' }])
      expect((await scene.gateway.sql(bearer, readAll)).body.rows).toEqual(ofAda)
      await waitUntil(async () => (await lengthOf(scene.gateway, bearer)) === 32)
      await scene.asOwner('truncate rowpass.identities')
      const answers = await Promise.all(Array.from({ length: 20 }, () => scene.gateway.sql(bearer, readAll)))
      for (const answer of answers) expect(answer.body.rows).toEqual(ofAda)
      await scene.asOwner('truncate rowpass.identities')
      const batch = await scene.gateway.batch(bearer, ['select 1 as n', readAll])
      expect(batch.body.results[1].rows).toEqual(ofAda)
    }
  })

  const asksNothing = ['select 1', readAll, 'insert into visits default values']
  it.each(asksNothing)('SEC-36 SEC-79 of a session that was ended gets no answer: %s', async (sql) => {
    const sid = randomUUID()
    const bearer = await token({ sid })
    await warm(scene.gateway, bearer)
    await scene.asOwner(`truncate visits; select rowpass.end_session('${sid}')`)
    expect(await scene.gateway.sql(bearer, sql)).toMatchObject(ended)
    expect(await scene.gateway.batch(bearer, ['select 1', sql])).toMatchObject(ended)
    expect(await scene.asSuperuser('select from visits')).toEqual([])
    expect(await remembered()).toBe(0)
  })

  it('goes on whole where nothing can be written', async () => {
    await scene.asSuperuser(
      `alter role rowpass_gateway in database ${scene.database.name} set default_transaction_read_only = on`,
    )
    const reading = await another({})
    try {
      const bearer = await token({ sid: randomUUID() })
      for (let turn = 0; turn < 6; turn++) expect(await lengthOf(reading, bearer)).toBeGreaterThan(66)
      expect((await reading.sql(bearer, readAll)).body.rows).toEqual(ofAda)
      expect(await remembered()).toBe(0)
    } finally {
      await reading.close()
      await scene.asSuperuser(`alter role rowpass_gateway in database ${scene.database.name} reset all`)
    }
  })

  it('goes on whole with more claims than are remembered, and so do roles without a right to be admitted', async () => {
    const large = await token({ long: 'x'.repeat(5_000) })
    for (let turn = 0; turn < 6; turn++) expect(await lengthOf(scene.gateway, large)).toBeGreaterThan(66)
    const role = `rowpass_test_${randomUUID().slice(0, 8)}`
    await scene.asSuperuser(`create role ${role}; grant ${role} to rowpass_gateway`)
    const edge = await another({}, { role })
    try {
      const bearer = await token()
      for (let turn = 0; turn < 6; turn++) expect(await lengthOf(edge, bearer)).toBeGreaterThan(66)
    } finally {
      await edge.close()
      await scene.asSuperuser(`drop owned by ${role}; drop role ${role}`)
    }
    expect(await remembered()).toBe(0)
  })

  it('is sealed and admitted anew by another key, and forgotten with the key', async () => {
    const key = generateSealKey('passing')
    await withConnection(scene.database.ownerUrl, (client) => installSealKeys(client, [key]))
    const other = await another({ ROWPASS_SEAL_KEYS: `${formatSealKeys([key])},${sealKeysText}` })
    try {
      const bearer = await token()
      await warm(other, bearer)
      await withConnection(scene.database.ownerUrl, (client) => removeSealKey(client, key.name))
      expect(await other.sql(bearer, readAll)).toMatchObject({ status: 400, body: { code: '28000' } })
    } finally {
      await other.close()
    }
  })

  it('SEC-76 many tokens of one owner are admitted no faster than for a part of its answers', async () => {
    const tokens = await Promise.all(Array.from({ length: 40 }, () => token({}, 'eve')))
    for (const bearer of tokens) for (let turn = 0; turn < 2; turn++) await lengthOf(scene.gateway, bearer)
    // Eight that it begins with, and one for four of the 80 answers.
    expect(await remembered()).toBeLessThanOrEqual(8 + 20)
    await warm(scene.gateway, await token())
    const last = tokens.at(-1) ?? ''
    await waitUntil(async () => (await lengthOf(scene.gateway, last)) === 32)
  })

  it('admits nobody by a statement of its own', async () => {
    const { status, body } = await scene.gateway.sql(await token(), 'select rowpass.admit_identity()')
    expect([status, body.hint.split(':')[0]]).toEqual([400, 'statement_refused'])
  })

  it.each([
    ['where no statement is prepared', false],
    ...(pgbouncerProgram === undefined ? [] : [['behind pgbouncer', true] as const]),
  ] as const)('goes by its ticket %s', async (_title, bouncer) => {
    const between = bouncer ? await startPgBouncer(scene.database, 2) : undefined
    const pooled = await another({
      ROWPASS_PREPARED_STATEMENTS: '0',
      ...(between === undefined ? {} : { ROWPASS_DATABASE_URL: between.gatewayUrl }),
    })
    try {
      const sid = randomUUID()
      for (const bearer of [await token(), await token({ sid })]) {
        await warm(pooled, bearer)
        expect((await pooled.sql(bearer, readAll)).body.rows).toEqual(ofAda)
        await scene.asOwner('truncate rowpass.identities')
        expect((await pooled.sql(bearer, readAll)).body.rows).toEqual(ofAda)
        await waitUntil(async () => (await lengthOf(pooled, bearer)) === 32)
      }
      await scene.asOwner(`select rowpass.end_session('${sid}')`)
      expect(await pooled.sql(await token({ sid }), 'select 1')).toMatchObject(ended)
    } finally {
      await pooled.close()
      await between?.close()
    }
  })
})

/** A server of its own that may be ended, and a gateway that goes on. */
async function withServer(
  work: (stage: {
    server: () => EmbeddedPostgres
    /** Ends it, changes its data folder, and starts it on the same port. */
    restart: (end: (server: EmbeddedPostgres) => Promise<void>, change?: (folder: string) => void) => Promise<void>
    ownerUrl: string
    gateway: TestGateway
    /** How many identities the database remembers. */
    count: () => Promise<number>
  }) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'rowpass-server-'))
  let server = await startEmbeddedPostgres({ directory, durable: false })
  let gateway: TestGateway | undefined
  try {
    const ownerUrl = await createLocalDatabase(server.superuserUrl, 'of-a-throw-away-database')
    const gatewayUrl = Object.assign(new URL(ownerUrl), { username: 'rowpass_gateway', password: 'gateway' }).href
    await provision({ ownerUrl, gatewayUrl, sealKeys: parseSealKeys(sealKeysText) })
    gateway = await startTestGateway({ name: 'rowpass', gatewayUrl } as TestDatabase)
    const count = () =>
      withConnection(server.superuserUrl.replace(/postgres$/, 'rowpass'), async (client) => {
        const { rows } = await client.query('select count(*)::int as count from rowpass.identities')
        return rows[0].count
      })
    const restart = async (end: (server: EmbeddedPostgres) => Promise<void>, change?: (folder: string) => void) => {
      const { port, dataDirectory } = server
      await end(server)
      change?.(dataDirectory)
      // The processes of one that was killed may hold its memory for a moment.
      await waitUntil(async () => {
        const started = await startEmbeddedPostgres({ directory, port, durable: false }).catch(() => undefined)
        server = started ?? server
        return started !== undefined
      }, 30_000)
    }
    await work({ server: () => server, restart, ownerUrl, gateway, count })
  } finally {
    await gateway?.close()
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

describe('a token whose server is killed', () => {
  it('is answered as before when it is back, and is admitted again, and its ended session stays ended', async () => {
    await withServer(async ({ server, restart, ownerUrl, gateway, count }) => {
      const [sid, other] = [randomUUID(), randomUUID()]
      const claims = [{}, { sid }, { sid: other }]
      const tokens = await Promise.all(claims.map((each) => gateway.issuer.token('ada', each)))
      const ask = (bearer: string) => gateway.sql(bearer, 'select auth.user_id() as id')
      for (const [index, bearer] of tokens.entries()) {
        await waitUntil(async () => (await ask(bearer)).status === 200 && (await count()) === index + 1, 30_000)
      }
      await withConnection(ownerUrl, async (client) => {
        // Servers of tests do without, and may lose what was committed last when they are killed.
        await client.query('set synchronous_commit = on')
        await client.query(`select rowpass.end_session('${other}')`)
      })
      const remembered = await count()
      expect(remembered).toBe(2)

      // Whoever asks meanwhile hears that the database is away, and nothing else.
      const answers: { status: number; body: { rows?: unknown; code?: string } }[] = []
      let over = false
      const asking = tokens.slice(0, 2).map(async (bearer) => {
        while (!over) answers.push(await ask(bearer))
      })
      await restart(async ({ dataDirectory, ended }) => {
        const [pid = ''] = readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')
        process.kill(Number(pid), 'SIGKILL')
        await ended
      })
      await waitUntil(async () => (await ask(tokens[0] ?? '')).status === 200, 30_000)
      over = true
      await Promise.all(asking)
      for (const { status, body } of answers) {
        if (status === 200) expect(body.rows).toEqual([{ id: 'ada' }])
        else expect(['08006', '08007', '53300'], JSON.stringify(body)).toContain(body.code)
      }

      await waitUntil(async () => {
        for (const bearer of tokens.slice(0, 2)) expect((await ask(bearer)).body.rows).toEqual([{ id: 'ada' }])
        return (await count()) === 2
      }, 30_000)
      expect(await ask(tokens[2] ?? '')).toMatchObject(ended)
      expect(server().created).toBe(false)
    })
  }, 120_000)
})

describe('a token whose server becomes a replica', () => {
  it('SEC-36 goes on whole, where the table of identities cannot be read, and is refused once its session has ended', async () => {
    await withServer(async ({ restart, ownerUrl, gateway, count }) => {
      const [sid, other] = [randomUUID(), randomUUID()]
      const tokens = await Promise.all(
        [{}, { sid }, { sid: other }].map((claims) => gateway.issuer.token('ada', claims)),
      )
      const ask = (bearer: string) => gateway.sql(bearer, 'select auth.user_id() as id')
      for (const bearer of tokens) for (let turn = 0; turn < 3; turn++) await ask(bearer)
      await waitUntil(async () => {
        for (const bearer of tokens) await ask(bearer)
        return (await count()) === 3
      })
      for (const bearer of tokens) expect((await ask(bearer)).body.rows).toEqual([{ id: 'ada' }])
      await withConnection(ownerUrl, (client) => client.query(`select rowpass.end_session('${other}')`))

      await restart(
        (server) => server.stop(),
        (folder) => writeFileSync(join(folder, 'standby.signal'), ''),
      )
      await waitUntil(async () => (await ask(tokens[0] ?? '')).status === 200, 20_000)
      for (const bearer of tokens.slice(0, 2)) {
        for (let turn = 0; turn < 4; turn++) expect((await ask(bearer)).body.rows).toEqual([{ id: 'ada' }])
      }
      expect(await ask(tokens[2] ?? '')).toMatchObject(ended)
      await expect(count()).rejects.toMatchObject({ code: '0A000' })
    })
  }, 120_000)
})
