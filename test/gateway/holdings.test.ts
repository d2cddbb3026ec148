import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHoldings } from '../../src/gateway/holdings.ts'
import { describePg } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

describe('bytes that are held', () => {
  const stage = () => {
    const holdings = createHoldings({ maxBytes: 100, maxOwnerBytes: 60 })
    const dropped: string[] = []
    return { dropped, open: (name: string) => holdings.open(name[0] ?? '', () => dropped.push(name)) }
  }

  it('SEC-77 nobody has more than the part of one owner, however many requests it has', () => {
    const { open } = stage()
    const [one, two] = [open('a1'), open('a2')]
    expect([one.add(40), two.add(30), two.add(20), two.hasRoomFor(1)]).toEqual([true, false, true, false])
    one.close()
    expect(two.add(40)).toBe(true)
  })

  it('SEC-77 where all is taken, who holds most loses the largest, and nobody who holds less', () => {
    const { open, dropped } = stage()
    expect([open('a1').add(20), open('a2').add(40), open('b1').add(40)]).toEqual([true, true, true])
    expect(open('c1').add(30)).toBe(true)
    expect(dropped).toEqual(['a2'])
    expect(open('b2').add(20)).toBe(false)
    expect(dropped).toEqual(['a2'])
  })

  it('what is closed counts no longer, and is not counted again', () => {
    const { open } = stage()
    const one = open('a1')
    one.add(60)
    one.close()
    one.close()
    expect(one.add(1)).toBe(false)
    expect(open('a2').add(60)).toBe(true)
  })
})

describePg('answers that nobody reads', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene({ ROWPASS_MAX_HELD_BYTES: '41943040' })
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
