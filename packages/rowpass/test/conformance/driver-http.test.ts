import { NeonDbError, neon, neonConfig, Pool } from '@neondatabase/serverless'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { issueToken } from '../../src/issuer/issue.ts'
import { waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { openScene, type Scene } from './scene.ts'
import { whoAmI } from './snippets/neon-token.ts'

/** What the driver does where nobody has pointed it anywhere. */
const defaults = { fetchEndpoint: neonConfig.fetchEndpoint, wsProxy: neonConfig.wsProxy }

/** The members of an error that PostgreSQL can fill. */
const errorMembers = [
  ...['message', 'severity', 'code', 'detail', 'hint', 'position', 'internalPosition', 'internalQuery', 'where'],
  ...['schema', 'table', 'column', 'dataType', 'constraint', 'file', 'line', 'routine'],
] as const

async function errorOf(query: PromiseLike<unknown>): Promise<Record<string, unknown>> {
  const error = await Promise.resolve(query).then(
    () => new Error('no error'),
    (error: unknown) => error as Error,
  )
  return Object.fromEntries(errorMembers.map((member) => [member, (error as never)[member]]))
}

function expiredToken({ gateway: { issuer } }: Scene): Promise<string> {
  const grant = { issuer: issuer.iss, audience: 'rowpass', subject: 'ada', clientId: 'test' }
  return issueToken(issuer.key, grant, { now: () => Date.now() - 3_600_000 })
}

/** The members that a token holder is shown. */
function shown(error: Record<string, unknown>): Record<string, unknown> {
  expect(error).toMatchObject({ message: expect.any(String), code: expect.any(String), severity: 'ERROR' })
  expect(Object.keys(error).filter((member) => error[member] !== undefined)).not.toContain('routine')
  return Object.fromEntries(Object.entries(error).filter(([, value]) => value !== undefined))
}

describePg('neon() over HTTP', () => {
  let scene: Scene
  let token: string
  let direct: pg.Client

  beforeAll(async () => {
    scene = await openScene()
    token = await scene.gateway.issuer.token('ada')
    direct = new pg.Client(scene.directUrl)
    await direct.connect()
  })
  afterAll(async () => {
    await direct.end()
    await scene.close()
  })

  const withToken = () => neon(scene.tokenUrl, { authToken: token })
  const withPassword = () => neon(scene.passwordUrl)

  describe.each([
    ['a token', withToken],
    ['a password', withPassword],
  ] as const)('with %s', (_title, connect) => {
    it('a tagged template, composed of others', async () => {
      const sql = connect()
      const from = sql`from generate_series(${1}::int, ${3}::int) as n`
      expect(await sql`select n ${from} where n <> ${2} order by ${sql.unsafe('n desc')}`).toEqual([{ n: 3 }, { n: 1 }])
    })

    it('query() with parameters, and options for one query', async () => {
      const sql = connect()
      expect(await sql.query('select $1::int + 1 as n', [1])).toEqual([{ n: 2 }])
      expect(await sql.query('select 1 as a, 2 as a', [], { arrayMode: true })).toEqual([[1, 2]])
      const full = await sql.query(`select 'xyz' as str`, [], { fullResults: true })
      expect(full).toMatchObject({ rows: [{ str: 'xyz' }], command: 'SELECT', rowCount: 1, rowAsArray: false })
      expect(full.fields[0]?.dataTypeID).toBe(25)
    })

    it('binary data comes back as it was', async () => {
      const bytes = Buffer.from([0, 65, 255])
      expect(await connect()`select ${bytes} as it`).toEqual([{ it: bytes }])
      expect(await connect().query('select $1 as it', [bytes])).toEqual([{ it: '\\x0041ff' }])
    })

    it('bodies over 128 KiB, both ways', async () => {
      const text = 'é'.repeat(200_000)
      expect(await connect()`select ${text} as it, length(${text}) as n`).toEqual([{ it: text, n: 200_000 }])
    })

    it('transaction() as a list and as a function, of templates and queries', async () => {
      const sql = connect()
      expect(await sql.transaction([sql`select ${1}::int as a`, sql.query('select $1 as b', ['x'])])).toEqual([
        [{ a: 1 }],
        [{ b: 'x' }],
      ])
      expect(await sql.transaction((tx) => [tx`select 2 as a`])).toEqual([[{ a: 2 }]])
      expect(await sql.transaction([])).toEqual([])
    })

    it.each([
      ['ReadUncommitted', 'read uncommitted'],
      ['ReadCommitted', 'read committed'],
      ['RepeatableRead', 'repeatable read'],
      ['Serializable', 'serializable'],
    ] as const)('transaction() at %s, read-only and deferrable', async (isolationLevel, level) => {
      const sql = connect()
      const settings = sql`select current_setting('transaction_isolation') as level,
        current_setting('transaction_read_only') as only, current_setting('transaction_deferrable') as late`
      const options = { isolationLevel, readOnly: true, deferrable: true, arrayMode: true } as const
      expect(await sql.transaction([settings], options)).toEqual([[[level, 'on', 'on']]])
    })

    it('options of neon() hold for transactions, and their own go before', async () => {
      const sql = neon(scene.passwordUrl, { arrayMode: true, isolationLevel: 'RepeatableRead' } as never)
      const level = sql`select current_setting('transaction_isolation') as it`
      expect(await sql.transaction([level])).toEqual([[['repeatable read']]])
      expect(await sql.transaction([level], { arrayMode: false, isolationLevel: 'Serializable' })).toEqual([
        [{ it: 'serializable' }],
      ])
    })

    it('a transaction that fails has no effect', async () => {
      const sql = connect()
      const insert = sql`insert into public.notes (owner, body) values ('ada', 'half done')`
      await expect(sql.transaction([insert, sql`select 1 / 0`])).rejects.toMatchObject({ code: '22012' })
      await expect(sql.transaction([insert], { readOnly: true })).rejects.toMatchObject({ code: '25006' })
      const { rows } = await direct.query(`select from public.notes where body = 'half done'`)
      expect(rows).toEqual([])
    })

    it.each<[string, string, unknown[]]>([
      ['an unknown column', 'select nothing', []],
      ['a syntax error', 'selekt 1', []],
      ['an unknown function', 'select no_such_function(1)', []],
      ['a division by zero', 'select 1 / $1::int', [0]],
      ['a value that is none', 'select $1::uuid', ['x']],
      ['a value twice', `insert into public.notes values (7, 'ada', 'twice'), (8, 'ada', 'twice')`, []],
      ['a broken check', `insert into public.notes values (7, 'ada', '')`, []],
      ['a missing value', `insert into public.notes values (7, 'ada', null)`, []],
    ])('the error of %s is that of node-postgres', async (_title, text, params) => {
      const expected = await errorOf(direct.query(text, params))
      const error = await errorOf(connect().query(text, params))
      if (connect === withPassword) expect(error).toEqual(expected)
      // What is inside of the server is not shown, and DETAIL may hold values of rows that the token does not see.
      else expect({ ...expected, ...shown(error) }).toEqual(expected)
    })

    it.each<[unknown[]]>([[[]], [[1, 2]]])(
      'parameters that do not fit are counted by PostgreSQL: %j',
      async (params) => {
        await expect(connect().query('select $1::int', params)).rejects.toMatchObject({
          code: '08P01',
          message: expect.stringMatching(`^bind message supplies ${params.length} parameters`),
        })
      },
    )
  })

  describe('a token', () => {
    it('may be a string, a function, or an async function that is asked each time', async () => {
      expect(await whoAmI(scene.tokenUrl, token)).toBe('ada')
      const people = ['ada', 'bob']
      const authToken = vi.fn(() => scene.gateway.issuer.token(people.shift() ?? 'nobody'))
      const sql = neon(scene.tokenUrl, { authToken })
      expect(await sql`select auth.user_id() as id`).toEqual([{ id: 'ada' }])
      expect(await sql`select auth.user_id() as id`).toEqual([{ id: 'bob' }])
      expect(authToken).toHaveBeenCalledTimes(2)
      expect(await neon(scene.tokenUrl, { authToken: () => token })`select auth.user_id() as id`).toEqual([
        { id: 'ada' },
      ])
    })

    it('is the identity of the policies, in transactions too', async () => {
      const sql = withToken()
      const bob = neon(scene.tokenUrl, { authToken: await scene.gateway.issuer.token('bob') })
      const insert = sql`insert into public.notes (body) values ('mine') returning owner`
      const [inserted, seen] = await sql.transaction([insert, sql`select body from public.notes`])
      expect(inserted).toEqual([{ owner: 'ada' }])
      expect(seen).toEqual([{ body: 'mine' }])
      expect(await bob`select body from public.notes`).toEqual([])
      expect(await bob`delete from public.notes`).toEqual([])
      await expect(bob`insert into public.notes (owner, body) values ('ada', 'hers')`).rejects.toMatchObject({
        code: '42501',
        hint: expect.stringMatching(/^policy_refused: /),
      })
      expect(await sql`delete from public.notes returning body`).toEqual([{ body: 'mine' }])
    })

    it('is not taken from the options of transaction(), which the driver does not send', async () => {
      const sql = neon(scene.tokenUrl)
      await expect(sql.transaction([sql`select 1`], { authToken: token })).rejects.toMatchObject({
        hint: expect.stringMatching(/^token_missing: /),
      })
    })

    it.each<[string, unknown]>([
      ['undefined', undefined],
      ['empty', ''],
      ['null', null],
      ['of a function that returns nothing', () => undefined],
      ['of a function that resolves with nothing', async () => ''],
      ['a promise', Promise.resolve('x')],
    ])('an authToken that is %s is told from a wrong password', async (_title, authToken) => {
      const error = await errorOf(neon(scene.tokenUrl, { authToken: authToken as never })`select 1`)
      expect(error).toMatchObject({ code: '28000', hint: expect.stringMatching(/^token_missing: .*authToken/) })
      const last = scene.gateway.events.at(-1)
      expect(last).toMatchObject({ type: 'sql_answered', auth: 'none', outcome: 'token_missing' })
    })

    it.each<[string, () => string | Promise<string>, string]>([
      ['that is none', () => 'none', 'token_invalid'],
      ['that has expired', () => expiredToken(scene), 'token_expired'],
    ])('%s is refused with a code that a program can read', async (_title, authToken, failure) => {
      const error = await neon(scene.tokenUrl, { authToken })`select 1`.catch((error: unknown) => error)
      expect(error).toBeInstanceOf(NeonDbError)
      expect(error).toMatchObject({ code: '28000', hint: expect.stringContaining(`${failure}: `) })
    })

    it.each([
      'set role postgres',
      'begin',
      'create table t ()',
      `select pg_sleep(1)`,
      `select set_config('a.b', '', true)`,
    ])('may not run %s', async (text) => {
      const error = await withToken()
        .query(text)
        .catch((error: unknown) => error)
      expect(error).toMatchObject({ code: '42501', hint: expect.stringMatching(/^statement_refused: /) })
    })
  })

  describe('a password', () => {
    it.each([
      ['user', { username: 'nobody' }],
      ['password', { password: 'x' }],
    ])('of a wrong %s is refused in the words that Neon has', async (_title, members) => {
      const sql = neon(Object.assign(new URL(scene.passwordUrl), members).href)
      await expect(sql`select 1`).rejects.toMatchObject({
        code: '28P01',
        message: expect.stringMatching(/^password authentication failed for user '/),
      })
    })

    it('is what an error beside it never shows', async () => {
      const { password } = new URL(scene.passwordUrl)
      const error = await withPassword()`select nothing`.catch((error: unknown) => error)
      expect(JSON.stringify(error)).not.toContain(password)
    })

    it('serves pool.query() over HTTP with poolQueryViaFetch', async () => {
      const pool = new Pool({ connectionString: scene.passwordUrl })
      neonConfig.poolQueryViaFetch = true
      try {
        expect(await pool.query('select $1::int as one', [1])).toMatchObject({ rows: [{ one: 1 }], viaNeonFetch: true })
      } finally {
        neonConfig.poolQueryViaFetch = false
        await pool.end()
      }
    })

    it('an aborted request is cancelled: its INSERT does not happen', async () => {
      const controller = new AbortController()
      const running = withPassword().query(`insert into public.things select 99, 'late' from pg_sleep(1)`, [], {
        fetchOptions: { signal: controller.signal },
      })
      const sleeping = async () => {
        const { rowCount } = await direct.query(
          `select from pg_stat_activity where wait_event = 'PgSleep' and datname = $1`,
          [scene.database.name],
        )
        return rowCount === 1
      }
      const failed = expect(running).rejects.toThrow('aborted')
      await waitUntil(sleeping)
      controller.abort()
      await failed
      await waitUntil(async () => !(await sleeping()), 900)
      expect((await direct.query('select from public.things where id = 99')).rowCount).toBe(0)
    })
  })

  it('a function given as fetchFunction is what carries the requests', async () => {
    const carry = vi.fn((url: string, init: RequestInit) => fetch(url, init))
    neonConfig.fetchFunction = carry
    try {
      expect(await withToken()`select 1 as one`).toEqual([{ one: 1 }])
    } finally {
      neonConfig.fetchFunction = undefined
    }
    expect(carry).toHaveBeenCalledOnce()
  })

  it('an unconfigured driver asks names beside the host, to which a proxy with TLS may answer', async () => {
    const asked: string[] = []
    const pointed = neonConfig.fetchEndpoint
    neonConfig.fetchEndpoint = defaults.fetchEndpoint
    neonConfig.fetchFunction = (url: string, init: RequestInit) => {
      asked.push(url)
      return fetch(scene.gateway.url, init)
    }
    try {
      expect(await withToken()`select 1 as one`).toEqual([{ one: 1 }])
      expect(await withPassword()`select 1 as one`).toEqual([{ one: 1 }])
    } finally {
      neonConfig.fetchEndpoint = pointed
      neonConfig.fetchFunction = undefined
    }
    expect(asked).toEqual(['https://apiauth.example.test/sql', 'https://api.example.test/sql'])
    expect(String(defaults.wsProxy)).toContain('/v2')
  })

  it('a statement for an unknown database is refused by name', async () => {
    const elsewhere = scene.tokenUrl.replace(/[^/]+$/, 'elsewhere')
    await expect(neon(elsewhere, { authToken: token })`select 1`).rejects.toMatchObject({ code: '3D000' })
  })
})
