import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { holdAnswer, UnderWay } from '../../src/gateway/under-way.ts'
import { describePg } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

describe('what an owner has under way', () => {
  const stage = (answerRoomBytes = 0) => {
    const underWay = new UnderWay({ maxBytes: 100, maxOwnerBytes: 60, answerRoomBytes })
    const dropped: string[] = []
    return {
      dropped,
      /** A request of the owner whose name is the first letter. */
      open(name: string, maxRequests?: number) {
        let close = (): void => {}
        const request = {
          drop: () => void dropped.push(name),
          onClose(end: () => void) {
            close = end
          },
        }
        const enter = () => underWay.enter(name[0] ?? '', request, maxRequests)
        return { hold: enter(), close: () => close() }
      },
    }
  }

  it('SEC-65 is a number of requests, until they are closed', () => {
    const { open } = stage()
    const [first] = [open('a1', 2), open('a2', 2)]
    const overloaded = expect.objectContaining({ code: 'overloaded' })
    expect(() => open('a3', 2)).toThrow(overloaded)
    expect(() => open('b1', 2)).not.toThrow()
    first.close()
    // The one that was refused counts until its client has been told.
    expect(() => open('a4', 2)).toThrow(overloaded)
    expect(() => open('a5', 4)).not.toThrow()
  })

  it('SEC-77 is no more than the part of one owner, however many requests it has', () => {
    const { open } = stage()
    const [one, two] = [open('a1'), open('a2')]
    expect([one.hold(40), two.hold(30), two.hold(20)]).toEqual([true, false, true])
    one.close()
    expect(two.hold(40)).toBe(true)
  })

  it('SEC-77 leaves room for an answer, or nothing is run', () => {
    const { open } = stage(30)
    const one = open('a1')
    expect(one.hold(31)).toBe(true)
    expect(() => open('a2')).toThrow(expect.objectContaining({ code: 'overloaded' }))
    expect(() => open('b1')).not.toThrow()
    one.close()
    expect(() => open('a3')).not.toThrow()
  })

  it('SEC-77 where all is taken, who holds most loses the largest, and nobody who holds less', () => {
    const { open, dropped } = stage()
    expect([open('a1').hold(20), open('a2').hold(40), open('b1').hold(40)]).toEqual([true, true, true])
    expect(open('c1').hold(30)).toBe(true)
    expect(dropped).toEqual(['a2'])
    expect(open('b2').hold(20)).toBe(false)
    expect(dropped).toEqual(['a2'])
  })

  it('SEC-77 counts what grows once, also where it is begun again', () => {
    const { open } = stage()
    const one = open('a1')
    one.hold(10)
    const answer = holdAnswer(one.hold)
    expect([20, 40, 15, 40].map(answer)).toEqual([true, true, true, true])
    expect(answer(51)).toBe(false)
    expect(answer(50)).toBe(true)
  })

  it('counts no longer once it is closed or dropped, and not again', () => {
    const { open, dropped } = stage()
    const one = open('a1')
    one.hold(60)
    one.close()
    expect(one.hold(1)).toBe(false)
    const two = open('a2')
    expect(two.hold(60)).toBe(true)
    expect(open('b1').hold(50)).toBe(true)
    expect(dropped).toEqual(['a2'])
    expect(two.hold(1)).toBe(false)
    two.close()
    expect(open('a3').hold(50)).toBe(true)
  })
})

describePg('answers that nobody reads', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene(
      { ROWPASS_MAX_HELD_BYTES: '41943040' },
      'create table visits (n int); grant select, insert on visits to authenticated',
    )
  })
  afterAll(() => scene.close())

  /** Asks for an answer and reads its head only. */
  function askWithoutReading(token: string, bytes: number): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        'neon-connection-string': scene.gateway.connectionString,
        'neon-raw-text-output': 'true',
      }
      const sent = httpRequest(scene.gateway.url, { method: 'POST', headers, agent: false }, resolve)
      sent.on('error', reject)
      sent.end(JSON.stringify({ query: 'select repeat($1, $2::int)', params: ['x', bytes] }))
    })
  }

  it('SEC-77 fill the part of their owner, who is told so, and others are served', async () => {
    const unread: IncomingMessage[] = []
    for (let asked = 0; asked < 5; asked++) unread.push(await askWithoutReading(scene.ada, 9_000_000))
    const statuses = unread.map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(2)
    const refusal = await scene.gateway.sql(scene.ada, 'select 1')
    expect(refusal.body).toMatchObject({ code: '53300', hint: expect.stringMatching(/^overloaded: /) })
    expect(refusal.headers.get('retry-after')).toBe('1')
    expect((await scene.gateway.sql(scene.bob, 'select repeat($1, 9000000) as long', ['x'])).status).toBe(200)
    for (const answer of unread) answer.destroy()
    await expect.poll(async () => (await scene.gateway.sql(scene.ada, 'select 1')).status, { timeout: 5_000 }).toBe(200)
  })

  it('SEC-77 are counted while they are made, and a change that was made is made', async () => {
    const token = await scene.gateway.issuer.token('carol')
    const unread = [await askWithoutReading(token, 9_000_000), await askWithoutReading(token, 6_000_000)]
    const dropped = { status: 400, body: { code: '53200', hint: expect.stringMatching(/^answer_dropped: /) } }
    // It is over every limit in the end, and over this one first.
    const endless = `select repeat('x', 9000), generate_series(1, 100000000)`
    expect(await scene.gateway.sql(token, endless)).toMatchObject(dropped)
    const insert = `insert into visits select generate_series(1, 1000) returning repeat('x', 9000)`
    expect(await scene.gateway.sql(token, insert)).toMatchObject(dropped)
    expect(await scene.asSuperuser('select count(*)::int as count from visits')).toEqual([{ count: 1_000 }])
    for (const answer of unread) answer.destroy()
  })

  it('SEC-77 of many who do not read, the largest loses it to one who reads', async () => {
    const unread: IncomingMessage[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      const token = await scene.gateway.issuer.token(name)
      for (let asked = 0; asked < 2; asked++) unread.push(await askWithoutReading(token, 9_000_000))
    }
    expect((await scene.gateway.sql(scene.bob, 'select repeat($1, 5000000) as long', ['x'])).status).toBe(200)
    for (const answer of unread) answer.destroy()
  })
})
