/** How long the steps of a request took, which only a gateway in development tells. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

describePg('Server-Timing', () => {
  let database: TestDatabase
  let silent: TestGateway
  let telling: TestGateway

  beforeAll(async () => {
    database = await createTestDatabase()
    silent = await startTestGateway(database, { ROWPASS_PRIVATE_JWKS: 'true' })
    telling = await startTestGateway(database, { ROWPASS_PRIVATE_JWKS: 'true', ROWPASS_SERVER_TIMING: 'true' })
  })
  afterAll(async () => {
    await telling.close()
    await silent.close()
    await database.close()
  })

  const stepsOf = (header: string | null) =>
    (header ?? '').split(', ').map((entry) => /^(\w+);dur=\d+\.\d{3}$/.exec(entry)?.[1])

  const ask = async (gateway: TestGateway, query: string, token?: string) => {
    const answer = await gateway.sql(token ?? (await gateway.issuer.token('ada')), query)
    return { status: answer.status, timing: answer.headers.get('server-timing') }
  }

  it('is not told by default, whatever comes of a request', async () => {
    expect(await ask(silent, 'select 1')).toEqual({ status: 200, timing: null })
    expect(await ask(silent, 'reset role')).toEqual({ status: 400, timing: null })
    expect(await ask(silent, 'select 1', 'no.valid.token')).toEqual({ status: 400, timing: null })
  })

  it('tells each step of a request that PostgreSQL answered', async () => {
    const { status, timing } = await ask(telling, 'select 1')
    expect([status, stepsOf(timing)]).toEqual([
      200,
      ['verify', 'seal', 'judge', 'queue', 'postgres', 'answer', 'total'],
    ])
  })

  it('ends with the step that stopped the request', async () => {
    expect(stepsOf((await ask(telling, 'reset role')).timing)).toEqual(['verify', 'seal', 'judge', 'total'])
    expect(stepsOf((await ask(telling, 'select 1', 'no.valid.token')).timing)).toEqual(['total'])
    const steps = stepsOf((await ask(telling, 'select 1 / 0')).timing)
    expect(steps).toEqual(['verify', 'seal', 'judge', 'queue', 'postgres', 'answer', 'total'])
  })
})
