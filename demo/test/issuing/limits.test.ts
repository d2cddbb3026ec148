import crypto from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { comparePassword } from '../../../packages/rowpass/src/issuer/password.ts'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import { askApp } from '../conform.ts'
import { emails, password, people, type Scene, startScene } from './scene.ts'

describePg('attempts to sign in', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await startScene()
  })
  beforeEach(() => scene.sql('truncate issuer.attempts'))
  afterAll(() => scene.close())

  const signIn = async (username: string, given: string, address?: string) => {
    const form = { grant_type: 'password', client_id: 'web', username, password: given }
    const { status, headers, body } = await scene.post(
      '/api/token',
      form,
      address === undefined ? {} : { 'X-Address': address },
    )
    return { status, error: body.error as string | undefined, retryAfter: headers.get('Retry-After') }
  }
  const hash = (text: string) => `sha256(convert_to('${text.replaceAll('\n', "' || E'\\n' || '")}', 'UTF8'))`
  const bucket = (...parts: string[]) => hash(['sign-in', ...parts].join('\n'))
  const failures = (key: string, count: number) =>
    scene.sql(
      `insert into issuer.attempts (bucket, failures, expires_at) values (${key}, ${count}, now() + interval '1 day')
       on conflict (bucket) do update set failures = excluded.failures, blocked_until = '-infinity'`,
    )
  const wait = async (key: string) => {
    const [row] = await scene.sql(
      `select round(extract(epoch from blocked_until - now()))::int as seconds from issuer.attempts where bucket = ${key}`,
    )
    return row?.seconds
  }

  it('SEC-30 are refused after five failures from one address, with the time to wait', async () => {
    const statuses = []
    for (let turn = 0; turn < 6; turn++) statuses.push((await signIn(emails.david, 'wrong', '192.0.2.1')).status)
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429])
    const refused = await signIn(emails.david, password, '192.0.2.1')
    expect(refused).toEqual({ status: 429, error: 'too_many_attempts', retryAfter: expect.stringMatching(/^[1-5]$/) })
  })

  it.each([
    [5, 5],
    [6, 10],
    [9, 80],
    [12, 640],
    [13, 900],
    [900, 900],
  ])(
    'SEC-30 wait longer with each failure: at %i it is %i seconds, never more than 15 minutes',
    async (count, seconds) => {
      const pair = bucket('pair', emails.david, '192.0.2.1')
      await failures(pair, count - 1)
      expect((await signIn(emails.david, 'wrong', '192.0.2.1')).status).toBe(400)
      expect(await wait(pair)).toBeGreaterThanOrEqual(seconds - 5)
      expect(await wait(pair)).toBeLessThanOrEqual(seconds)
    },
  )

  it('SEC-30 are refused alike where there is no such account', async () => {
    const statuses = []
    for (let turn = 0; turn < 6; turn++)
      statuses.push((await signIn('nobody@neon.example', 'wrong', '192.0.2.1')).status)
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429])
  })

  it('SEC-30 on one account do not keep its owner out, who has signed in from elsewhere before', async () => {
    expect((await signIn(emails.david, password, '198.51.100.7')).status).toBe(200)
    await failures(bucket('account', emails.david), 5000)
    expect((await signIn(emails.david, 'wrong', '192.0.2.1')).status).toBe(400)
    expect((await signIn(emails.david, password, '192.0.2.2')).status).toBe(429)
    expect(await wait(bucket('account', emails.david))).toBeLessThanOrEqual(60)
    expect((await signIn(emails.david, 'typo', '198.51.100.7')).status).toBe(400)
    expect((await signIn(emails.david, password, '198.51.100.7')).status).toBe(200)
  })

  it('SEC-30 from one address on many accounts are refused, and others are not', async () => {
    await failures(bucket('address', '192.0.2.1'), 100)
    expect((await signIn('a@neon.example', 'wrong', '192.0.2.1')).status).toBe(400)
    expect((await signIn(emails.david, password, '192.0.2.1')).status).toBe(429)
    expect((await signIn(emails.david, password, '192.0.2.2')).status).toBe(200)
  })

  it('SEC-30 from one IPv6 network count together, in whatever spelling', async () => {
    const addresses = [
      '2001:db8::1',
      '2001:DB8:0:0:5::',
      '2001:0db8:0000:0000:ffff::1',
      '2001:db8:0:0::2',
      '2001:db8::9',
    ]
    for (const address of addresses) expect((await signIn(emails.david, 'wrong', address)).status).toBe(400)
    expect((await signIn(emails.david, 'wrong', '2001:db8::77')).status).toBe(429)
    expect((await signIn(emails.david, 'wrong', '2001:db8:0:1::1')).status).toBe(400)
  })

  it('SEC-30 at the same moment are counted one by one', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => signIn(emails.david, 'wrong', '192.0.2.1')))
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(7)
  })

  it('SEC-30 from many addresses at the same moment count on the account one by one', async () => {
    const account = bucket('account', emails.david)
    await failures(account, 48)
    const others = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const client = new pg.Client(scene.stack.database.superuserUrl)
        await client.connect()
        return client
      }),
    )
    try {
      await scene.sql('begin')
      await scene.sql(`select from issuer.attempts where bucket = ${account} for update`)
      const admitted = others.map(async (client, at) => {
        const text = `select issuer.admit(${account}, ${hash(`pair ${at}`)}, ${hash(`address ${at}`)}) as wait`
        return (await client.query(text)).rows[0].wait
      })
      // All of them are there before the first one is counted.
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      await vi.waitUntil(async () => (await scene.sql(waiting)).length === others.length)
      await scene.sql('commit')
      expect((await Promise.all(admitted)).filter((wait) => wait === 0)).toHaveLength(2)
    } finally {
      await Promise.all(others.map((client) => client.end()))
    }
  })

  it('SEC-30 that are refused leave nothing behind', async () => {
    await failures(bucket('address', '192.0.2.1'), 99)
    expect((await signIn('nobody@neon.example', 'wrong', '192.0.2.1')).status).toBe(400)
    const rows = () => scene.sql('select bucket, failures from issuer.attempts order by 1')
    const before = await rows()
    for (let turn = 0; turn < 3; turn++) {
      expect((await signIn(`nobody${turn}@neon.example`, 'wrong', '192.0.2.1')).status).toBe(429)
    }
    expect(await rows()).toEqual(before)
  })

  it('SEC-30 count together at all instances', async () => {
    const body = () =>
      new URLSearchParams({ grant_type: 'password', client_id: 'web', username: emails.david, password: 'wrong' })
    const statuses = []
    for (let turn = 0; turn < 6; turn++) {
      const instance = { ...scene.bindings }
      const request = { method: 'POST', body: body(), headers: { 'X-Address': '192.0.2.1' } }
      statuses.push((await askApp('/api/token', request, instance)).status)
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429])
  })

  it('are forgotten with a success', async () => {
    for (let turn = 0; turn < 4; turn++) await signIn(emails.david, 'wrong', '192.0.2.1')
    expect((await signIn(emails.david, password, '192.0.2.1')).status).toBe(200)
    for (let turn = 0; turn < 5; turn++) expect((await signIn(emails.david, 'wrong', '192.0.2.1')).status).toBe(400)
  })

  it('leave rows that go away', async () => {
    await signIn(emails.david, 'wrong', '192.0.2.1')
    await scene.sql(`update issuer.attempts set expires_at = now() - interval '1 second'`)
    await scene.sql('select issuer.prune()')
    expect(await scene.sql('select from issuer.attempts')).toEqual([])
  })

  it('do not make an address unknown from which somebody has signed in', async () => {
    await signIn(emails.david, password, '198.51.100.7')
    await signIn(emails.david, 'wrong', '198.51.100.7')
    await scene.sql(`update issuer.attempts set expires_at = now() - interval '1 second'`)
    await scene.sql('select issuer.prune()')
    await failures(bucket('account', emails.david), 5000)
    expect((await signIn(emails.david, 'wrong', '192.0.2.1')).status).toBe(400)
    expect((await signIn(emails.david, password, '192.0.2.1')).status).toBe(429)
    expect((await signIn(emails.david, password, '198.51.100.7')).status).toBe(200)
  })

  it('SEC-30 take the work of one hash with and without an account', async () => {
    const scrypt = vi.spyOn(crypto, 'scrypt')
    try {
      const work = []
      for (const username of [emails.david, 'mei@neon.example', 'nobody@neon.example', 'no address']) {
        scrypt.mockClear()
        expect((await signIn(username, 'wrong')).error).toBe('invalid_grant')
        work.push(scrypt.mock.calls.map(([, , length, figures]) => ({ length, figures })))
      }
      expect(work).toEqual(
        Array(4).fill([{ length: 32, figures: expect.objectContaining({ N: 2 ** 14, r: 8, p: 5 }) }]),
      )
    } finally {
      scrypt.mockRestore()
    }
  })

  it('hash anew what was hashed with other figures', async () => {
    // RFC 7914 §12, the second vector: "password", "NaCl", N = 1024, r = 8, p = 16; 32 of its 64 bytes.
    const old = '$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI'
    expect(await comparePassword('password', old)).toEqual({ matches: true, outdated: true })
    await scene.sql('update issuer.accounts set password_hash = $1 where user_id = $2', [old, people.david])
    expect((await signIn(emails.david, 'password')).status).toBe(200)
    const [row] = await scene.sql('select password_hash as hash from issuer.accounts where user_id = $1', [
      people.david,
    ])
    expect(row!.hash).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$/)
    expect((await signIn(emails.david, 'password')).status).toBe(200)
  })
})
