/** What the people of one tenant may use up of what they share with others. */
import { connect as openSocket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type SqlAnswer, startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { bobsSecret, latch, type Scene, startScene } from './scene.ts'

const tenantOfAda = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const tenantOfBob = 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e'

describePg('limits of one tenant', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene({}, latch)
  })
  afterAll(() => scene.close())

  let gateway: TestGateway
  let ada: string
  let bob: string
  let holder: pg.Client

  beforeAll(async () => {
    gateway = await startTestGateway(scene.database, {
      ROWPASS_POOL_SIZE: '3',
      ROWPASS_IDENTITY_LIMIT: '6',
      ROWPASS_LOCK_TIMEOUT_MS: '20000',
      ROWPASS_QUEUE_TIMEOUT_MS: '20000',
    })
    ada = await gateway.issuer.token('ada', { tenant_id: tenantOfAda })
    bob = await gateway.issuer.token('bob', { tenant_id: tenantOfBob })
    holder = new pg.Client(scene.database.superuserUrl)
    await holder.connect()
    await holder.query('select pg_advisory_lock(815)')
  })
  afterAll(async () => {
    await holder.end()
    await gateway.close()
  })

  it('SEC-65 a flood of one tenant is held back, and another tenant is served at once', async () => {
    expect((await gateway.sql(bob, 'select auth.user_id() as id')).body.rows).toEqual([{ id: 'bob' }])
    const answers: SqlAnswer[] = []
    const flood = Array.from({ length: 16 }, async (_, index) => {
      // Not one person: the limit is the tenant's.
      const token = index % 2 === 0 ? ada : await gateway.issuer.token('alan', { tenant_id: tenantOfAda })
      const answer = await gateway.sql(token, 'select wait() as waited')
      answers.push(answer)
    })
    await waitUntil(() => answers.length === 10)
    for (const { status, headers, body } of answers) {
      expect({ status, code: body.code }).toEqual({ status: 400, code: '53300' })
      expect(headers.get('retry-after')).toBe('1')
    }
    const { body } = await gateway.sql(bob, `select body from notes`)
    expect(body.rows).toEqual([{ body: bobsSecret }])
    expect((await gateway.batch(bob, ['select 1 as one', 'select auth.user_id() as id'])).body.results[1].rows).toEqual(
      [{ id: 'bob' }],
    )
    const waiting = await scene.asSuperuser(
      `select from pg_locks where locktype = 'advisory' and objid = 815 and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    )
    expect(waiting).toHaveLength(1)
    expect(answers).toHaveLength(10)
    await holder.query('select pg_advisory_unlock(815)')
    await Promise.all(flood)
    expect(answers.slice(10).map(({ body }) => body.rows)).toEqual(Array(6).fill([{ waited: 'waited' }]))
  })

  it('SEC-65 a request counts until its answer was read, and one after the other is never one too many', async () => {
    const single = await startTestGateway(scene.database, { ROWPASS_IDENTITY_LIMIT: '1' })
    const token = await single.issuer.token('ada')
    for (let count = 0; count < 50; count++) expect((await single.sql(token, 'select 1')).status).toBe(200)
    const { hostname, port, pathname } = new URL(single.url)
    const body = JSON.stringify({ query: `select repeat('x', 9000000)` })
    const reader = openSocket(Number(port), hostname)
    // It takes what fits into the buffers of both sides, and never reads.
    reader.pause()
    reader.write(
      `POST ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n` +
        `Neon-Connection-String: ${single.connectionString}\r\n\r\n${body}`,
    )
    await waitUntil(() => single.events.filter(({ type }) => type === 'sql_answered').length === 51)
    expect((await single.sql(token, 'select 1')).body).toMatchObject({ code: '53300' })
    reader.destroy()
    await waitUntil(async () => (await single.sql(token, 'select 1')).status === 200)
    await single.close()
  })

  it('SEC-65 a long text is judged without keeping the others waiting for long', async () => {
    const long = `select 1${',a.b(c)'.repeat(8_000)}`
    const order: string[] = []
    const flood = Array.from({ length: 6 }, (_, index) =>
      gateway.sql(ada, `${long}, ${index}`).then(() => void order.push('long')),
    )
    await gateway.sql(bob, 'select 1')
    order.push('bob')
    await Promise.all(flood)
    expect(order.indexOf('bob')).toBeLessThan(order.length - 1)
  })
})
