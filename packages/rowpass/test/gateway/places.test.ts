import { describe, expect, it } from 'vitest'
import { createPlaces, type PlacesOptions } from '../../src/gateway/password/places.ts'

const open = (options: Partial<PlacesOptions> = {}) =>
  createPlaces({ size: 1, maxPerOwner: 100, maxWaiting: 100, maxWaitMs: 60_000, ...options })
const overloaded = { code: 'overloaded' }
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('places of sessions with a password', () => {
  it('are as many as there are, and each is given back once', async () => {
    const places = open({ size: 2 })
    const [first] = [await places.take('a'), await places.take('a')]
    let third = false
    const waiting = places.take('a').then((release) => {
      third = true
      return release
    })
    await turn()
    expect(third).toBe(false)
    first()
    first()
    await waiting
    const fourth = places.take('a')
    await turn()
    ;(await waiting)()
    await fourth
  })

  it('are given to one owner after the other, whoever sent more', async () => {
    const places = open()
    const order: string[] = []
    let release = await places.take('busy')
    const all = ['busy', 'busy', 'busy', 'busy', 'one', 'two', 'two'].map((owner, index) =>
      places.take(owner).then((next) => {
        order.push(`${owner} ${index}`)
        release = next
      }),
    )
    for (let index = 0; index < all.length; index++) {
      release()
      await turn()
    }
    expect(order).toEqual(['busy 0', 'one 4', 'two 5', 'busy 1', 'two 6', 'busy 2', 'busy 3'])
  })

  it('SEC-65 are never all of one owner, who waits for its own while others are served', async () => {
    const places = open({ size: 3, maxPerOwner: 2 })
    const [first] = [await places.take('idle'), await places.take('idle')]
    let third = false
    const waiting = places.take('idle').then((release) => {
      third = true
      return release
    })
    const other = await places.take('other')
    const next = places.take('other')
    other()
    ;(await next)()
    await turn()
    expect(third).toBe(false)
    first()
    await waiting
  })

  it('are refused to who waits too long, and to who has gone', async () => {
    const places = open({ maxWaitMs: 20 })
    const release = await places.take('a')
    await expect(places.take('b')).rejects.toMatchObject(overloaded)
    const client = new AbortController()
    const gone = places.take('c', client.signal)
    client.abort()
    await expect(gone).rejects.toMatchObject(overloaded)
    release()
    await places.take('d')
  })

  it('a full queue refuses who has the most in it, so that nobody keeps others out', async () => {
    const places = open({ maxWaiting: 3 })
    const release = await places.take('flood')
    const flood = [1, 2, 3].map(() => places.take('flood'))
    await expect(places.take('flood')).rejects.toMatchObject(overloaded)
    const other = places.take('other')
    await expect(flood[2]).rejects.toMatchObject(overloaded)
    release()
    ;(await flood[0])!()
    await other
  })

  it('nobody waits where nobody may', async () => {
    const places = open({ maxWaiting: 0 })
    await places.take('a')
    await expect(places.take('b')).rejects.toMatchObject(overloaded)
  })
})
