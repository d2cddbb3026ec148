import { describe, expect, it } from 'vitest'
import {
  type Admission,
  type AttemptLimits,
  createAttempts,
  type LoginOutcome,
} from '../../src/gateway/password/attempts.ts'

const limits: AttemptLimits = { windowMs: 60_000, perPair: 3, perAddress: 6, perUser: 9 }

/** Counts with a clock of their own. */
function start(given: Partial<AttemptLimits> = {}) {
  const clock = { now: 1_000_000 }
  const attempts = createAttempts({ ...limits, ...given }, () => clock.now)
  let guesses = 0
  const admit = (user = 'ada', address: string | undefined = '192.0.2.1', password = `guess ${guesses++}`) =>
    attempts.admit({ user, password, address })
  /** Tries to log in, and says what came of it. */
  async function attempt(outcome: LoginOutcome, ...of: Parameters<typeof admit>): Promise<Admission['kind'] | string> {
    const admission = await admit(...of)
    if (admission.kind === 'admitted') admission.end(outcome)
    return admission.kind === 'exceeded' ? `${admission.limit} ${admission.retryAfterSeconds}` : admission.kind
  }
  async function fail(times: number, ...of: Parameters<typeof admit>): Promise<void> {
    for (let index = 0; index < times; index++) expect(await attempt('refused', ...of)).toBe('admitted')
  }
  return { clock, admit, attempt, fail }
}

describe('failed logins', () => {
  it.each<[string, number, (index: number) => [string, string], string]>([
    ['a user from one address', 3, () => ['ada', '192.0.2.1'], 'pair 20'],
    ['an address, whoever the users are', 6, (index) => [`user ${index}`, '192.0.2.1'], 'address 10'],
    ['a user, from wherever', 9, (index) => ['ada', `192.0.2.${index}`], 'user 7'],
  ])('are limited for %s', async (_title, limit, of, exceeded) => {
    const { attempt, fail } = start()
    for (let index = 0; index < limit; index++) await fail(1, ...of(index))
    expect(await attempt('refused', ...of(limit))).toBe(exceeded)
  })

  it('are forgotten one by one', async () => {
    const { clock, attempt, fail } = start()
    await fail(3)
    clock.now += 19_900
    expect(await attempt('refused')).toBe('pair 1')
    clock.now += 100
    await fail(1)
    expect(await attempt('refused')).toBe('pair 20')
    clock.now += 60_000
    await fail(3)
    expect(await attempt('refused')).toBe('pair 20')
  })

  it.each<[LoginOutcome, string]>([
    ['accepted', 'admitted'],
    ['void', 'admitted'],
    ['refused', 'pair 20'],
    ['unclear', 'pair 20'],
  ])('and logins that end "%s": the fourth is %s', async (outcome, fourth) => {
    const { attempt } = start()
    for (let index = 0; index < 3; index++) await attempt(outcome)
    expect(await attempt(outcome)).toBe(fourth)
  })

  it('of one user, address or pair are none of another', async () => {
    const { fail, attempt } = start()
    await fail(3)
    expect(await attempt('refused')).toMatch(/^pair/)
    await fail(3, 'bob')
    await fail(3, 'ada', '192.0.2.2')
  })

  it('count for the /64 of an IPv6 address, and for the name as PostgreSQL cuts it', async () => {
    const { fail, attempt } = start()
    const name = 'é'.repeat(40)
    await fail(1, name, '2001:db8::1')
    await fail(1, `${name}x`, '2001:db8::2')
    await fail(1, `${name}yz`, '2001:0DB8:0::3')
    expect(await attempt('refused', name, '2001:db8::4')).toBe('pair 20')
  })

  it('without an address count for the user alone', async () => {
    const { clock, attempt, fail } = start()
    const unknown = { user: 'ada', address: undefined }
    const attempts = createAttempts(limits, () => clock.now)
    for (let index = 0; index < 9; index++) {
      const admission = await attempts.admit({ ...unknown, password: String(index) })
      if (admission.kind === 'admitted') admission.end('refused')
    }
    expect(await attempts.admit({ ...unknown, password: 'x' })).toMatchObject({ kind: 'exceeded', limit: 'user' })
    await fail(3)
    expect(await attempt('refused')).toMatch(/^pair/)
  })

  it('of a flood of names and addresses cannot push out those of one user', async () => {
    const { attempt, fail } = start()
    await fail(3)
    for (let index = 0; index < 9_000; index++) {
      await attempt('refused', `user ${index}`, `10.0.${index >> 8}.${index & 255}`)
    }
    expect(await attempt('refused')).toBe('pair 20')
  })
})

describe('logins that are sent together', () => {
  it('do not pass: those over the limit wait, and are refused when the others have failed', async () => {
    const { admit } = start()
    const all = Array.from({ length: 10 }, () => admit())
    const kinds: string[] = []
    for (const each of all) void each.then(({ kind }) => kinds.push(kind))
    const admitted = await Promise.all(all.slice(0, 3))
    await Promise.resolve()
    expect(kinds).toEqual(['admitted', 'admitted', 'admitted'])
    for (const each of admitted) if (each.kind === 'admitted') each.end('refused')
    expect((await Promise.all(all)).map(({ kind }) => kind).slice(3)).toEqual(Array(7).fill('exceeded'))
  })

  it('pass one after another when they succeed', async () => {
    const { admit } = start()
    const ends = Array.from({ length: 10 }, async () => {
      const admission = await admit()
      if (admission.kind === 'admitted') setImmediate(() => admission.end('accepted'))
      return admission.kind
    })
    expect(await Promise.all(ends)).toEqual(Array(10).fill('admitted'))
  })

  it('wait for one another up to a thousand', async () => {
    const { admit } = start()
    const waiting = Array.from({ length: 1_003 }, () => admit())
    await expect(admit()).rejects.toMatchObject({ code: 'overloaded' })
    for (const each of waiting) each.catch(() => {})
  })
})

describe('where a user has logged in within a day', () => {
  it('failures of others at other addresses, and of other users at this one, do not hold them up', async () => {
    const { clock, attempt, fail } = start()
    expect(await attempt('accepted')).toBe('admitted')
    for (let index = 0; index < 9; index++) await fail(1, 'ada', `198.51.100.${index}`)
    for (let index = 0; index < 6; index++) await fail(1, `user ${index}`, '192.0.2.1')
    expect(await attempt('accepted', 'ada', '203.0.113.1')).toMatch(/^user/)
    expect(await attempt('accepted', 'bob', '192.0.2.1')).toMatch(/^address/)
    expect(await attempt('accepted')).toBe('admitted')
    clock.now += 24 * 3_600_000
    for (let index = 0; index < 9; index++) await fail(1, 'ada', `198.51.100.${index}`)
    expect(await attempt('accepted')).toMatch(/^user/)
  })

  it('guesses from that address are limited all the same, and a success does not forgive them', async () => {
    const { attempt, fail } = start()
    await attempt('accepted')
    await fail(2)
    await attempt('accepted')
    await fail(1)
    expect(await attempt('refused')).toBe('pair 20')
  })
})

describe('a password of 32 characters that was right within a day', () => {
  const long = 'x'.repeat(32)
  const right = ['ada', '192.0.2.1', long] as const

  it('is let through, whatever others guess from the same address', async () => {
    const { clock, attempt, fail } = start()
    await attempt('accepted', ...right)
    await fail(3)
    expect(await attempt('refused')).toMatch(/^pair/)
    expect(await attempt('accepted', ...right)).toBe('admitted')
    clock.now += 24 * 3_600_000
    await fail(3)
    expect(await attempt('accepted', ...right)).toMatch(/^pair/)
  })

  it('does not wait for others who log in', async () => {
    const { admit, attempt } = start()
    await attempt('accepted', ...right)
    for (let index = 0; index < 3; index++) await admit()
    expect(await attempt('accepted', ...right)).toBe('admitted')
  })

  it('is not let through for another user or from another address', async () => {
    const { attempt, fail } = start({ perAddress: 100, perUser: 100 })
    await attempt('accepted', ...right)
    await fail(3, 'bob')
    await fail(3, 'ada', '192.0.2.2')
    expect(await attempt('accepted', 'bob', '192.0.2.1', long)).toMatch(/^pair/)
    expect(await attempt('accepted', 'ada', '192.0.2.2', long)).toMatch(/^pair/)
  })

  it('is not let through with 31 characters', async () => {
    const { attempt, fail } = start()
    const shorter = ['ada', '192.0.2.1', long.slice(1)] as const
    await attempt('accepted', ...shorter)
    await fail(3)
    expect(await attempt('accepted', ...shorter)).toMatch(/^pair/)
  })

  it('counts like another once it is refused', async () => {
    const { attempt, fail } = start()
    await attempt('accepted', ...right)
    await fail(1, ...right)
    expect(await attempt('refused', ...right)).toBe('repeated')
    await fail(2)
    expect(await attempt('refused')).toMatch(/^pair/)
  })
})

describe('a password that was refused', () => {
  const again = ['ada', '192.0.2.1', 'old'] as const

  it('is no guess when it is sent again, and the server hears of it once a second', async () => {
    const { clock, attempt, fail } = start()
    await fail(1, ...again)
    expect(await attempt('refused', ...again)).toBe('repeated')
    for (let index = 0; index < 20; index++) {
      clock.now += 1_000
      expect(await attempt('refused', ...again)).toBe('admitted')
      expect(await attempt('refused', ...again)).toBe('repeated')
    }
    await fail(3)
    expect(await attempt('refused')).toMatch(/^pair/)
    clock.now += 1_000
    expect(await attempt('refused', ...again)).toBe('admitted')
  })

  it('is a guess for another user, and from another address', async () => {
    const { fail } = start({ perAddress: 2 })
    await fail(1, ...again)
    await fail(1, 'bob', '192.0.2.1', 'old')
    await fail(1, 'ada', '192.0.2.2', 'old')
  })

  it('that becomes the right one is right from then on', async () => {
    const { clock, attempt, fail } = start()
    await fail(1, ...again)
    clock.now += 1_000
    expect(await attempt('accepted', ...again)).toBe('admitted')
    expect(await attempt('accepted', ...again)).toBe('admitted')
  })

  it('counts once, however many send it together', async () => {
    const { admit, fail } = start()
    const together = await Promise.all([admit(...again), admit(...again), admit(...again)])
    for (const each of together) if (each.kind === 'admitted') each.end('refused')
    await fail(2)
  })

  it('is never answered for one of which the server has said nothing', async () => {
    const { attempt } = start()
    for (let index = 0; index < 5; index++) expect(await attempt('unclear', ...again)).toBe('admitted')
  })

  it('is remembered with fifteen others', async () => {
    const { attempt, fail } = start({ perPair: 100, perAddress: 100, perUser: 100 })
    for (let index = 0; index < 17; index++) await fail(1, 'ada', '192.0.2.1', `old ${index}`)
    expect(await attempt('refused', 'ada', '192.0.2.1', 'old 16')).toBe('repeated')
    expect(await attempt('refused', 'ada', '192.0.2.1', 'old 0')).toBe('admitted')
  })
})
