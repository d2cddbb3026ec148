/**
 * Identities that the database remembers, without the other two walls: any SQL as the role of the identity, on a login that
 * has rights.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { ticketOf } from '../../src/seal/form.ts'
import { generateSealKey, installSealKeys, removeSealKey } from '../../src/seal/keys.ts'
import { type SealedIdentity, type SealedSession, sealSession } from '../../src/seal/seal.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const ada = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const now = () => Math.floor(Date.now() / 1000)
const unknown = { code: '28000', schema: 'rowpass', constraint: 'ticket_unknown' }

describePg('identities that the database remembers', () => {
  let database: TestDatabase
  let owner: pg.Client
  /** May become either role, and has the rights of `authenticated` itself; may make objects. */
  let strong: pg.Client
  const strongName = `rowpass_test_strong_${randomBytes(4).toString('hex')}`
  const editor = `rowpass_test_editor_${randomBytes(4).toString('hex')}`

  const asSuperuser = (sql: string) =>
    withConnection(database.superuserUrl, async (client) => (await client.query(sql)).rows)
  const strongClient = async () => {
    const client = new pg.Client(
      Object.assign(new URL(database.gatewayUrl), { username: strongName, password: 'strong' }).href,
    )
    await client.connect()
    return client
  }

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    await asSuperuser(`create role ${editor}; create role ${strongName} login inherit password 'strong';
      grant authenticated to ${editor}; grant ${editor}, authenticated, anonymous to ${strongName}`)
    await asSuperuser(`grant create, temporary on database ${database.name} to ${strongName}, authenticated`)
    owner = new pg.Client(database.ownerUrl)
    await owner.connect()
    await owner.query(`
      create table notes (id int primary key, owner text not null);
      insert into notes values (1, '${ada}'), (2, 'bob');
      alter table notes enable row level security;
      create policy own on notes using (owner = (select auth.user_id()));
      create table orders (id int primary key, org bigint not null);
      insert into orders values (1, 7), (2, 8);
      alter table orders enable row level security;
      create policy own on orders using (org = (select auth.claim_int('org')));
      grant select on notes, orders to authenticated, anonymous;
      create function of_the_owner() returns text language sql security definer set search_path = public, pg_temp
        return auth.user_id();
      grant execute on function of_the_owner() to authenticated`)
    await asSuperuser(`create function public.of_a_superuser() returns text language sql security definer
      set search_path = public, pg_temp return auth.user_id()`)
    strong = await strongClient()
  })
  beforeEach(async () => {
    await owner.query('truncate rowpass.identities, rowpass.admitted_sessions, rowpass.revoked_sessions')
  })
  afterAll(async () => {
    await strong.end()
    await owner.end()
    await database.close()
    await withConnection(new URL('/postgres', database.superuserUrl).href, (client) =>
      client.query(`drop role if exists ${strongName}, ${editor}`),
    )
  })

  const seal = (claims: object = {}, over: Partial<SealedIdentity> = {}): SealedSession => {
    const exp = now() + 900
    const all = { sub: ada, org: 7, exp, jti: randomUUID(), ...claims }
    return sealSession(database.sealKeys[0], { role: 'authenticated', exp, claimsJson: JSON.stringify(all), ...over })
  }
  const byTicket = (session: SealedSession): SealedSession => ({ claims: '', seal: ticketOf(session) })

  const enter = (client: pg.ClientBase, { claims, seal }: SealedSession, role = 'authenticated') =>
    client.query(
      `select set_config('role', $1, true), set_config('rowpass.claims', $2, true), set_config('rowpass.seal', $3, true)`,
      [role, claims, seal],
    )

  /** Runs statements in one transaction that is rolled back; the rows of the last one. */
  async function as(session: SealedSession, sql: string | string[], role?: string): Promise<unknown[][]> {
    await strong.query('begin')
    try {
      await enter(strong, session, role)
      let rows: unknown[][] = []
      for (const text of [sql].flat()) rows = (await strong.query({ text, rowMode: 'array' })).rows
      return rows
    } finally {
      await strong.query('rollback')
    }
  }

  async function admit(session: SealedSession, role?: string, begin = 'begin', client = strong): Promise<void> {
    await client.query(begin)
    try {
      await enter(client, session, role)
      await client.query('select rowpass.admit_identity()')
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    }
  }

  const remembered = async () => Number((await owner.query('select count(*) from rowpass.identities')).rows[0].count)
  const admitted = async (...args: Parameters<typeof seal>): Promise<SealedSession> => {
    const session = seal(...args)
    await admit(session)
    return session
  }

  const readers = [
    'auth.session()',
    'auth.jwt()',
    'auth.user_id()',
    'auth.uid()',
    'auth.role()',
    'rowpass.session()',
    'rowpass.claims()::jsonb',
    "auth.claim_text('role')",
    "auth.claim_uuid('sub')",
    "auth.claim_int('org')",
    "auth.claim_bool('yes')",
    "auth.claim_uuids('all')",
    "auth.claim_texts('all')",
    'auth.actor()',
    "auth.has_scope('sql:read')",
  ]

  it.each([
    { role: 'admin', yes: true, all: [ada] },
    { sub: 'ada', role: null, yes: 'true', all: ['a', 1] },
    { sub: '', org: '007', role: 7, all: [] },
    { act: { sub: 'outer', act: { sub: 'inner' } }, scope: 'a sql:read' },
    { nested: { a: ['ü😀', '\\'] }, role: "it's", org: -12 },
  ])('read the same by their ticket as by their seal: %j', async (claims) => {
    const session = await admitted(claims)
    const sql = `select ${readers.join(', ')}`
    expect(await as(byTicket(session), sql)).toEqual(await as(session, sql))
  })

  it('are what policies decide by, in functions of the owner and of a superuser, and in parallel workers', async () => {
    const mine = byTicket(await admitted())
    expect(await as(mine, 'select id from notes')).toEqual([[1]])
    expect(await as(mine, 'select id from orders')).toEqual([[1]])
    await admitted({ sub: 'bob' })
    expect(await as(mine, 'select of_the_owner(), of_a_superuser()')).toEqual([[ada, ada]])
    const parallel = [
      `select set_config(name, 'on', true) from pg_settings where name in ('debug_parallel_query', 'force_parallel_mode')`,
      `select set_config('parallel_setup_cost', '0', true), set_config('min_parallel_table_scan_size', '0', true)`,
      'select id from notes where auth.user_id() = owner and auth.uid()::text = owner',
    ]
    expect(await as(mine, parallel)).toEqual([[1]])
  })

  it('a setting of claims beside the ticket changes nothing', async () => {
    const { seal } = byTicket(await admitted())
    const forged = { seal, claims: '{"sub":"bob","org":8}' }
    expect(await as(forged, 'select auth.user_id(), auth.claim_int($$org$$)')).toEqual([[ada, '7']])
    expect(await as(forged, 'select owner from notes')).toEqual([[ada]])
  })

  const asks = [
    'select auth.session()',
    'select rowpass.claims()',
    'select auth.uid()',
    'select id from notes',
    'select rowpass.refuse_ended_session()',
  ]

  it.each([
    ['one that was never admitted', () => randomBytes(16).toString('hex')],
    ['one of 32 zeros', () => '0'.repeat(32)],
    ['in capitals', (ticket: string) => ticket.toUpperCase().replace(/^[0-9]{32}$/, 'A'.repeat(32))],
    ['a pattern', () => '%'.repeat(32)],
    ['one digit changed', (ticket: string) => (ticket.startsWith('0') ? '1' : '0') + ticket.slice(1)],
    ['the bytes that it stands for', (ticket: string) => `\\x${ticket.slice(2)}`],
  ])('SEC-37 a ticket is refused that is %s', async (_title, change) => {
    const wrong = { claims: '{"sub":"bob"}', seal: change(ticketOf(await admitted())) }
    expect(wrong.seal).toHaveLength(32)
    for (const sql of asks) await expect(as(wrong, sql)).rejects.toMatchObject(unknown)
  })

  it.each([
    ['cut short', (ticket: string) => ticket.slice(1)],
    ['longer', (ticket: string) => `${ticket}0`],
    ['after an x', (ticket: string) => `x${ticket}`],
    ['the hash that is kept', (ticket: string) => `${ticket}${ticket}`],
  ])('SEC-37 a ticket is refused that is %s', async (_title, change) => {
    const wrong = { claims: '{"sub":"bob"}', seal: change(ticketOf(await admitted())) }
    for (const sql of asks.slice(0, -1)) await expect(as(wrong, sql)).rejects.toMatchObject({ code: '28000' })
  })

  it('SEC-37 a ticket is refused under every other role, whichever way it is taken', async () => {
    const mine = byTicket(await admitted())
    for (const role of ['anonymous', editor, strongName, 'none']) {
      await expect(as(mine, 'select auth.session()', role)).rejects.toMatchObject(
        role === 'none' || role === strongName ? { code: '28000' } : unknown,
      )
      await expect(as(mine, [`select set_config('role', '${role}', true)`, 'select id from notes'])).rejects.toThrow()
    }
    await expect(as(mine, ['reset role', 'select auth.session()'])).rejects.toMatchObject(unknown)
    const other = seal({}, { role: editor })
    await admit(other, editor)
    expect(await as(byTicket(other), 'select auth.user_id()', editor)).toEqual([[ada]])
    await expect(as(byTicket(other), 'select auth.user_id()')).rejects.toMatchObject(unknown)
  })

  it('SEC-37 random changes of a seal are never admitted, and random changes of a ticket never found', async () => {
    const session = await admitted({ sid: randomUUID() }, { sid: randomUUID() })
    await owner.query('truncate rowpass.identities')
    const characters = fc.constantFrom(...'0123456789abcdefx:;{}"\\ é')
    const change = fc.record({
      of: fc.constantFrom('seal', 'claims'),
      at: fc.nat({ max: 400 }),
      cut: fc.nat({ max: 2 }),
      put: fc.string({ unit: characters, maxLength: 2 }),
    })
    const changed = ({ of, at, cut, put }: { of: string; at: number; cut: number; put: string }) => {
      const text = of === 'seal' ? session.seal : session.claims
      const from = at % (text.length + 1)
      const next = text.slice(0, from) + put + text.slice(from + cut)
      return of === 'seal' ? { ...session, seal: next } : { ...session, claims: next }
    }
    let tried = 0
    await fc.assert(
      fc.asyncProperty(change, async (given) => {
        const next = changed(given)
        if (next.seal === session.seal && next.claims === session.claims) return
        tried++
        await expect(admit(next)).rejects.toBeInstanceOf(pg.DatabaseError)
      }),
      { numRuns: 100 },
    )
    expect(tried).toBeGreaterThan(75)
    expect(await remembered()).toBe(0)
    await admit(session)
    const ticket = ticketOf(session)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 31 }), fc.constantFrom(...'0123456789abcdef%_\\ '), async (at, put) => {
        const next = ticket.slice(0, at) + put + ticket.slice(at + 1)
        if (next === ticket) return
        await expect(as({ claims: '', seal: next }, 'select auth.session()')).rejects.toBeInstanceOf(pg.DatabaseError)
      }),
      { numRuns: 50 },
    )
  }, 120_000)

  it.each([
    'select * from rowpass.identities',
    'select session from rowpass.remembered',
    'select ticket_hash from rowpass.identities',
    'select * from rowpass.admitted_sessions',
    "insert into rowpass.identities values (sha256('x'), 'authenticated', 'infinity', 'test', null, '{}', null)",
    "update rowpass.identities set good_until = 'infinity'",
    'delete from rowpass.identities',
    'truncate rowpass.identities',
    'lock table rowpass.identities',
    'copy rowpass.identities to stdout',
    'create trigger t before insert on rowpass.identities execute function rowpass.forget_session()',
    'create policy p on rowpass.identities using (true)',
    'alter table rowpass.identities disable trigger all',
    'create view pg_temp.v as select * from rowpass.identities; select * from pg_temp.v',
    'create function pg_temp.leak(jsonb) returns boolean language sql cost 0.0001 return $1 is not null; select 1 from rowpass.remembered where pg_temp.leak(session)',
    'create table pg_temp.t (sid uuid); create trigger t after insert on pg_temp.t for each row execute function rowpass.forget_session()',
    'analyze rowpass.identities',
  ])('SEC-37 nobody who holds a ticket can run: %s', async (sql) => {
    const mine = byTicket(await admitted())
    for (const role of ['authenticated', 'anonymous']) {
      const run = as(mine, sql, role)
      if (sql.startsWith('analyze')) await run
      else await expect(run).rejects.toMatchObject({ code: '42501' })
    }
    expect(await remembered()).toBe(1)
  })

  it('SEC-37 statistics tell of no ticket, and what is kept is not one', async () => {
    const session = await admitted()
    await owner.query('analyze rowpass.identities')
    expect(await as(byTicket(session), `select 1 from pg_stats where schemaname = 'rowpass'`)).toEqual([])
    const { rows } = await owner.query('select i::text as row from rowpass.identities i')
    expect(rows[0].row).not.toContain(ticketOf(session))
  })

  it('SEC-52 objects of the caller come between nothing', async () => {
    const mine = byTicket(await admitted())
    const evil = [
      'create temp table identities (ticket_hash bytea, role text, good_until timestamptz, session jsonb, uid uuid)',
      `create temp table remembered as select '{"sub":"bob"}'::jsonb as session, null::uuid as uid`,
      `create function pg_temp.sha256(bytea) returns bytea language sql return '\\x00'::bytea`,
      `select set_config('search_path', 'pg_temp, rowpass, pg_catalog', true)`,
    ]
    expect(await as(mine, [...evil, 'select auth.user_id()'])).toEqual([[ada]])
  })

  describe('are admitted', () => {
    it.each([
      ['by a ticket', async () => byTicket(await admitted()), undefined, '55000'],
      ['by a MAC in capitals', () => capitals(seal()), undefined, '55000'],
      ['by a longer MAC', () => ({ ...seal(), seal: seal().seal.replace(';', '0;') }), undefined, '55000'],
      ['without an identity', () => ({ claims: '', seal: '' }), undefined, '55000'],
      ['in REPEATABLE READ', () => seal(), 'begin isolation level repeatable read', '55000'],
      ['in SERIALIZABLE', () => seal(), 'begin isolation level serializable', '55000'],
      ['where nothing can be written', () => seal(), 'begin read only', '25006'],
      ['with more claims than anybody needs', () => seal({ long: 'x'.repeat(5_000) }), undefined, '54000'],
      ['after their time', () => seal({}, { exp: now() - 61 }), undefined, '28000'],
      ['for another role', () => seal({}, { role: 'anonymous' }), undefined, '28000'],
      ['by another key', () => sealSession(generateSealKey('test'), identity()), undefined, '28000'],
    ])('not %s', async (_title, make, begin, code) => {
      await expect(admit(await make(), undefined, begin)).rejects.toMatchObject({ code })
    })
    const capitals = ({ claims, seal }: SealedSession) => ({
      claims,
      seal: `x${seal.slice(1, 65).toUpperCase()}${seal.slice(65)}`,
    })
    const identity = () => ({ role: 'authenticated', exp: now() + 60, claimsJson: '{"sub":"bob"}' })

    it('once, however often and by however many', async () => {
      const session = seal()
      const others = await Promise.all([strongClient(), strongClient(), strongClient()])
      await Promise.all(others.map((client) => admit(session, undefined, 'begin', client)))
      await admit(session)
      expect(await remembered()).toBe(1)
      await Promise.all(others.map((client) => client.end()))
    })

    it('until their seal expires, and not for longer', async () => {
      const session = await admitted({}, { exp: now() - 58 })
      expect(await as(byTicket(session), 'select auth.user_id()')).toEqual([[ada]])
      await new Promise((resolve) => setTimeout(resolve, 2_100))
      await expect(as(byTicket(session), 'select auth.user_id()')).rejects.toMatchObject(unknown)
    })

    it('and ten that have expired go with each that comes', async () => {
      await owner.query(`insert into rowpass.identities
        select sha256(n::text::bytea), 'authenticated', now() - interval '1 hour', 'test', null, '{}', null, sha256(n::text::bytea)
          from generate_series(1, 25) n;
        insert into rowpass.admitted_sessions select gen_random_uuid(), now() - interval '1 hour' from generate_series(1, 25)`)
      for (const left of [15, 5, 0]) {
        await admitted()
        const { rows } = await owner.query(
          `select (select count(*)::int from rowpass.identities where good_until < now()) as identities,
             (select count(*)::int from rowpass.admitted_sessions) as sessions`,
        )
        expect(rows).toEqual([{ identities: left, sessions: left }])
      }
    })

    it('SEC-76 64 of one person at most: those that expire first make room, and nobody else’s', async () => {
      const [first, another] = [await admitted({}, { exp: now() + 60 }), await admitted({ sub: 'bob' })]
      await owner.query(`insert into rowpass.identities
        select sha256(n::text::bytea), role, good_until + n * interval '1 minute', key_name, null, session, uid, person
          from rowpass.identities, generate_series(1, 80) n where session ->> 'sub' = '${ada}'`)
      const last = await admitted()
      const { rows } = await owner.query(
        `select count(*)::int as hers from rowpass.identities where session ->> 'sub' = '${ada}'`,
      )
      expect(rows[0].hers).toBe(64)
      for (const session of [last, another]) await as(byTicket(session), 'select auth.user_id()')
      await expect(as(byTicket(first), 'select auth.user_id()')).rejects.toMatchObject(unknown)
    })

    it.each(['identities', 'admitted_sessions'])('SEC-76 not beyond a number in all: %s', async (table) => {
      const { rows } = await owner.query(`select pg_get_functiondef('rowpass.admit_identity'::regproc) as sql`)
      const definition: string = rows[0].sql
      const limit = new RegExp(`(rowpass\\.${table}'::regclass\\) > )1000000`)
      expect(definition).toMatch(limit)
      const count = `select pg_stat_force_next_flush(), pg_stat_clear_snapshot(),
        pg_stat_get_live_tuples('rowpass.${table}'::regclass)::int as live`
      try {
        await admitted({}, { sid: randomUUID() })
        await owner.query(definition.replace(limit, '$13'))
        await owner.query(`insert into rowpass.identities
            select sha256(n::text::bytea), role, good_until, key_name, null, session, uid, sha256(n::text::bytea)
              from rowpass.identities, generate_series(1, 5) n;
          insert into rowpass.admitted_sessions select gen_random_uuid(), now() + interval '1 hour' from generate_series(1, 5)`)
        do await new Promise((resolve) => setTimeout(resolve, 20))
        while ((await owner.query(count)).rows[0].live <= 3)
        await expect(admit(seal())).rejects.toMatchObject({ code: '54000' })
      } finally {
        await owner.query(definition)
      }
      await admitted()
    })

    it('in tables that a crash empties', async () => {
      const { rows } = await owner.query(
        `select relname, relpersistence from pg_class where oid in
          ('rowpass.identities'::regclass, 'rowpass.admitted_sessions'::regclass) order by 1`,
      )
      expect(rows.map(({ relpersistence }) => relpersistence)).toEqual(['u', 'u'])
    })
  })

  describe('of a session', () => {
    it.each([
      ['by rowpass.end_session()', (sid: string) => `select rowpass.end_session('${sid}')`],
      [
        'by a row',
        (sid: string) => `insert into rowpass.revoked_sessions values ('${sid}', now() + interval '1 hour')`,
      ],
      [
        'by a row that is changed',
        (sid: string) => `insert into rowpass.revoked_sessions values (gen_random_uuid(), now() + interval '1 hour');
           update rowpass.revoked_sessions set sid = '${sid}'`,
      ],
      [
        'in REPEATABLE READ',
        (sid: string) => `begin isolation level repeatable read; select rowpass.end_session('${sid}'); commit`,
      ],
      [
        'in SERIALIZABLE',
        (sid: string) => `begin isolation level serializable; select rowpass.end_session('${sid}'); commit`,
      ],
    ])('SEC-36 are gone when it is ended %s, and no others', async (_title, end) => {
      const [sid, another] = [randomUUID(), randomUUID()]
      const mine = [await admitted({}, { sid }), await admitted({}, { sid })]
      const theirs = await admitted({ sub: 'bob' }, { sid: another })
      await owner.query(end(sid))
      for (const session of mine) {
        for (const sql of asks) await expect(as(byTicket(session), sql)).rejects.toMatchObject(unknown)
        await expect(admit(session)).rejects.toMatchObject({ constraint: 'session_revoked' })
      }
      expect(await as(byTicket(theirs), 'select auth.user_id()')).toEqual([['bob']])
    })

    it('SEC-36 are gone where the row comes by replication', async () => {
      const sid = randomUUID()
      const session = await admitted({}, { sid })
      await asSuperuser(`set session_replication_role = replica;
        insert into rowpass.revoked_sessions values ('${sid}', now() + interval '1 hour')`)
      await expect(as(byTicket(session), 'select auth.user_id()')).rejects.toMatchObject(unknown)
    })

    it('SEC-36 are gone when their person is signed out everywhere', async () => {
      const [person, one, two] = [randomUUID(), randomUUID(), randomUUID()]
      await owner.query(
        `insert into issuer.clients (client_id, grant_types, scopes) values ('web', '{password}', '{}') on conflict do nothing`,
      )
      await owner.query(
        `insert into issuer.accounts (user_id, email, password_hash) values ('${person}', '${person}', 'x')`,
      )
      for (const sid of [one, two])
        await owner.query(`select issuer.open_session('${sid}', '${person}', 1, 'web', 'rows', null, 600, 6000, 900)`)
      const sessions = [await admitted({}, { sid: one }), await admitted({}, { sid: two })]
      await owner.query(`select issuer.end_sessions('${person}')`)
      for (const session of sessions)
        await expect(as(byTicket(session), 'select auth.user_id()')).rejects.toMatchObject(unknown)
    })

    /** Starts something that is to wait for another transaction, and waits until it does. */
    async function waiting<T>(work: Promise<T>): Promise<{ work: Promise<T> }> {
      work.catch(() => undefined)
      for (;;) {
        const rows = await asSuperuser(
          `select 1 from pg_stat_activity where datname = '${database.name}' and wait_event_type = 'Lock'`,
        )
        if (rows.length > 0) return { work }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }

    it('SEC-36 that is ended while one is admitted are gone', async () => {
      const sid = randomUUID()
      const session = seal({}, { sid })
      await strong.query('begin')
      await enter(strong, session)
      await strong.query('select rowpass.admit_identity()')
      const end = await waiting(owner.query(`select rowpass.end_session('${sid}')`))
      await strong.query('commit')
      await end.work
      expect(await remembered()).toBe(0)
    })

    it('SEC-36 that is being ended admits none', async () => {
      const sid = randomUUID()
      const other = await strongClient()
      await owner.query(`begin; select rowpass.end_session('${sid}')`)
      const admission = await waiting(admit(seal({}, { sid }), undefined, 'begin', other))
      await owner.query('commit')
      await expect(admission.work).rejects.toMatchObject({ constraint: 'session_revoked' })
      expect(await remembered()).toBe(0)
      await other.end()
    })

    it.each([false, true])(
      'SEC-36 cannot be ended by a transaction that does not see them; known before: %s',
      async (known) => {
        const sid = randomUUID()
        if (known) await admitted({}, { sid })
        await owner.query('begin isolation level repeatable read; select 1')
        await admitted({}, { sid })
        await expect(owner.query(`select rowpass.end_session('${sid}')`)).rejects.toMatchObject({ code: '40001' })
        await owner.query('rollback')
        await owner.query(`select rowpass.end_session('${sid}')`)
        expect(await remembered()).toBe(0)
      },
    )

    it.each(['read committed', 'repeatable read'])('are gone with their key, removed in %s', async (isolation) => {
      const spare = generateSealKey('spare_of_this')
      await installSealKeys(owner, [spare])
      const exp = now() + 900
      const other = sealSession(spare, { role: 'authenticated', exp, claimsJson: `{"sub":"bob","exp":${exp}}` })
      await admit(other)
      const mine = await admitted()
      await owner.query(`begin isolation level ${isolation}`)
      expect(await removeSealKey(owner, spare.name)).toBe(true)
      await owner.query('commit')
      await expect(as(byTicket(other), 'select auth.user_id()')).rejects.toMatchObject(unknown)
      expect(await as(byTicket(mine), 'select auth.user_id()')).toEqual([[ada]])
    })

    it('are gone with their key when another takes its name, and a key is not changed', async () => {
      const before = generateSealKey('changing')
      await installSealKeys(owner, [before])
      const exp = now() + 900
      const session = sealSession(before, { role: 'authenticated', exp, claimsJson: `{"sub":"bob","exp":${exp}}` })
      await admit(session)
      await installSealKeys(owner, [before])
      expect(await as(byTicket(session), 'select auth.user_id()')).toEqual([['bob']])
      await expect(
        owner.query(`update rowpass.seal_keys set inner_pad = outer_pad where name = 'changing'`),
      ).rejects.toMatchObject({ code: '55000' })
      const after = generateSealKey('changing')
      await installSealKeys(owner, [after])
      for (const given of [session, byTicket(session)]) {
        await expect(as(given, 'select auth.user_id()')).rejects.toMatchObject({ code: '28000' })
      }
      await admit(sealSession(after, { role: 'authenticated', exp, claimsJson: `{"sub":"bob","exp":${exp}}` }))
      await removeSealKey(owner, 'changing')
    })

    it('are not admitted under a key that is being removed', async () => {
      const key = generateSealKey('leaving')
      await installSealKeys(owner, [key])
      const exp = now() + 900
      const session = sealSession(key, { role: 'authenticated', exp, claimsJson: `{"sub":"bob","exp":${exp}}` })
      const other = await strongClient()
      await owner.query('begin')
      await removeSealKey(owner, key.name)
      const admission = await waiting(admit(session, undefined, 'begin', other))
      await owner.query('commit')
      await expect(admission.work).rejects.toMatchObject({ code: '28000' })
      expect(await remembered()).toBe(0)
      await other.end()
    })
  })
})
