/** Requests that share one Sync: each is a transaction of its own, and has its own answer whatever the others do. */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Connection, type ConnectionOptions, openConnection } from '../../src/postgres/connection.ts'
import { createFlight, type Flight, type GatewayIdentity, type Work } from '../../src/postgres/flight.ts'
import type { Pool } from '../../src/postgres/pool.ts'
import { sealSession } from '../../src/seal/seal.ts'
import { waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'
import { applicationName, openPool } from './stage.ts'

/** Accounts have integer keys, and belong to persons by number. */
const tables = `
  create table accounts (id int primary key, holder int not null);
  insert into accounts select h * 10 + n, h from generate_series(1, 20) h, generate_series(0, 9) n;
  alter table accounts enable row level security;
  create policy held on accounts to authenticated using (holder = (select auth.user_id())::int);
  create table transfers (key text primary key, account int not null references accounts deferrable initially deferred);
  create table visits (account int not null references accounts deferrable initially deferred, place text);
  create sequence runs;
  -- A read to whoever looks at the statement.
  create function visit(account int) returns int language plpgsql volatile security definer set search_path = public as $$
    begin
      insert into visits values (account, coalesce(current_setting('app.place', true), ''));
      perform set_config('app.place', 'of ' || account, true), nextval('runs');
      return account;
    end $$;
  create table secrets (secret text);
  create function stubborn(seconds float) returns float language plpgsql volatile as $$
    declare
      ends constant timestamptz := clock_timestamp() + make_interval(secs => seconds);
    begin
      while clock_timestamp() < ends loop
        begin
          perform pg_sleep(extract(epoch from ends - clock_timestamp()));
        exception when query_canceled then
          null;
        end;
      end loop;
      return seconds;
    end $$;
  grant select on accounts to authenticated;
  grant select, insert on transfers to authenticated;
`

const shape = { arrayMode: true, rawText: true }
const ownSql = 'select id, holder from accounts where id = $1'
const visitSql = 'select visit($1)'
const sleepSql = 'select 7 from pg_sleep($1::float)'
const divideSql = 'select 6 / $1::int'

const codeOf = ({ error }: Flight): string =>
  error === undefined ? 'ok' : error.kind === 'failure' ? error.code : error.error.code

function rowsOf(flight: Flight): unknown {
  if (flight.error !== undefined) throw new Error(JSON.stringify(flight.error))
  const [sink] = flight.sinks
  return sink !== undefined && !('fields' in sink)
    ? JSON.parse(String(Buffer.concat(sink.finish() as Buffer[]))).rows
    : undefined
}

describePg('requests that share a Sync', () => {
  let database: TestDatabase
  let owner: pg.Client
  let superuser: pg.Client
  let connection: Connection
  let pool: Pool

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    owner = new pg.Client(database.ownerUrl)
    superuser = new pg.Client(database.superuserUrl)
    await Promise.all([owner.connect(), superuser.connect()])
    await owner.query(tables)
  })
  afterEach(async () => {
    connection?.destroy(new Error('the test is over'))
    await pool?.close()
  })
  afterAll(async () => {
    await Promise.all([owner.end(), superuser.end()])
    await database.close()
  })

  const identities = new Map<number, GatewayIdentity>()
  function identityOf(person: number): GatewayIdentity {
    const known = identities.get(person)
    if (known !== undefined) return known
    const exp = Math.floor(Date.now() / 1000) + 600
    const claimsJson = JSON.stringify({ sub: String(person) })
    const session = sealSession(database.sealKeys[0], { role: 'authenticated', exp, claimsJson })
    const identity = { role: 'authenticated', session }
    identities.set(person, identity)
    return identity
  }

  function workOf(person: number, sql: string, param?: string, over: Partial<Work> = {}): Work {
    const statements = [{ sql, params: param === undefined ? [] : [param], prepare: true, shape }]
    const common = { begin: undefined, exclusive: false, reset: false, readOnly: true }
    return { identity: identityOf(person), statements, ...common, ...over }
  }

  async function open(over: Partial<ConnectionOptions> = {}): Promise<void> {
    const server = new URL(database.gatewayUrl)
    connection = await openConnection(
      {
        ...{ server, user: server.username, password: server.password, database: database.name },
        ...{ applicationName: 'rowpass test', connectTimeoutMs: 5_000, statementTimeoutMs: 20_000 },
        ...{ lockTimeoutMs: 20_000, maxResponseBytes: 100_000, maxPreparedStatements: 100, ...over },
      },
      { onProgress() {}, onLost() {}, onGone() {}, onReadOnly() {} },
    )
  }

  /** A request on the one connection that is taken for a quick one unless it changes something. */
  function fly(person: number, sql: string, param?: string, over: Partial<Work> = {}): Promise<Flight> {
    return new Promise((done) => {
      const flight = createFlight(workOf(person, sql, param, over), done, 'shared', `person ${person}`)
      if (flight.work.readOnly) flight.usualMs = 0.1
      connection.submit(flight)
    })
  }

  const persons = [1, 2, 3, 4, 5, 6, 7, 8]
  const sizes = (flights: readonly Flight[]) => flights.map(({ group }) => group?.length ?? 1)
  const visited = async (from: number, to: number) => {
    const { rows } = await owner.query('select account from visits where account between $1 and $2 order by 1', [
      from,
      to,
    ])
    return rows.map(({ account }) => account)
  }
  const runs = async () => Number((await owner.query('select last_value from runs')).rows[0].last_value)

  it('each is a transaction of its own, with its own identity, its own time, and its own rows', async () => {
    await open()
    const sql = 'select now()::text, auth.user_id(), (select sum(holder) from accounts)'
    const flights = await Promise.all(persons.map((person) => fly(person, sql)))
    expect(sizes(flights)).toEqual(persons.map(() => 8))
    const rows = flights.map((flight) => (rowsOf(flight) as string[][])[0])
    expect(rows.map((row) => row?.slice(1))).toEqual(persons.map((n) => [String(n), String(10 * n)]))
    expect(new Set(rows.map((row) => row?.[0])).size).toBe(8)
  })

  it('what one sets for its transaction is not there for the next', async () => {
    await open()
    expect(sizes(await Promise.all([1, 2, 3].map((person) => fly(person, visitSql, '15'))))).toEqual([3, 3, 3])
    const { rows } = await owner.query('select place from visits where account = 15')
    expect(rows).toEqual([{ place: '' }, { place: '' }, { place: '' }])
  })

  it('one that fails has its error, those before it have their answers, and those after it were not run', async () => {
    await open()
    await fly(1, visitSql, '10')
    const before = await runs()
    const asked = [fly(1, visitSql, '11'), fly(2, divideSql, '0'), fly(3, visitSql, '12'), fly(4, divideSql, '0')]
    const meanwhile = fly(5, divideSql, '3')
    const flights = await Promise.all(asked)
    expect(flights.map(codeOf)).toEqual(['ok', '22012', 'ok', 'ok'])
    expect(flights.map(({ passedOver }) => passedOver)).toEqual([false, false, true, true])
    expect(rowsOf(flights[0] as Flight)).toEqual([['11']])
    expect((await meanwhile).passedOver).toBe(true)
    // After its ROLLBACK.
    expect(rowsOf(await fly(3, divideSql, '2'))).toEqual([['3']])
    expect(await visited(11, 12)).toEqual([11])
    expect((await runs()) - before).toBe(1)
  })

  it('a ROLLBACK comes before what waits', async () => {
    await open()
    await waitUntil(() => connection.inFlight === 0)
    const failing = [fly(1, divideSql, '1'), fly(2, divideSql, '0')]
    await new Promise(setImmediate)
    const waiting = [
      fly(3, divideSql, '1'),
      fly(4, `insert into transfers values ($1, 40) returning key`, 'waited', { readOnly: false }),
      fly(5, divideSql, '2'),
    ]
    expect((await Promise.all(failing)).map(codeOf)).toEqual(['ok', '22012'])
    expect((await Promise.all(waiting)).map(rowsOf)).toEqual([[['6']], [['waited']], [['3']]])
  })

  it('a constraint that fails at the end of one transaction is the error of that one', async () => {
    await open()
    const flights = await Promise.all(['20', '21', '-1', '22'].map((account) => fly(2, visitSql, account)))
    expect(flights.map(codeOf)).toEqual(['ok', 'ok', '23503', 'ok'])
    expect(flights.map(({ passedOver }) => passedOver)).toEqual([false, false, false, true])
    expect(await visited(20, 22)).toEqual([20, 21])
    expect(await visited(-1, -1)).toEqual([])
    // That transaction has ended: none is left open, and none is rolled back in vain.
    expect(rowsOf(await fly(3, divideSql, '2'))).toEqual([['3']])
  })

  it('a change has a Sync of its own, and a group does not wait for one that came later', async () => {
    await open()
    const insert = (key: string) =>
      fly(3, `insert into transfers values ($1, 30) returning key`, key, { readOnly: false })
    const order: string[] = []
    const asked = [insert('first'), fly(1, ownSql, '10'), insert('second'), fly(2, ownSql, '20'), insert('third')]
    for (const [index, each] of asked.entries())
      void each.then(() => order.push(`${['change', 'read'][index % 2]} ${index}`))
    const flights = await Promise.all(asked)
    expect(flights.map(rowsOf)).toEqual([[['first']], [['10', '1']], [['second']], [['20', '2']], [['third']]])
    expect(sizes(flights)).toEqual([1, 2, 1, 2, 1])
    expect(order).toEqual(['change 0', 'read 1', 'read 3', 'change 2', 'change 4'])
  })

  it('behind a pooler nothing shares a Sync', async () => {
    await open({ maxPreparedStatements: 0 })
    expect(sizes(await Promise.all(persons.map((person) => fly(person, divideSql, '1'))))).toEqual(persons.map(() => 1))
  })

  it('an answer that is too large is refused, and nobody else is', async () => {
    await open()
    const large = `select repeat('x', $1::int)`
    const flights = await Promise.all(['5', '7', '200000', '9'].map((length) => fly(1, large, length)))
    expect(flights.slice(0, 3).map(codeOf)).toEqual(['ok', 'ok', 'response_too_large'])
    expect([flights[0], flights[1]].map((flight) => rowsOf(flight as Flight))).toEqual([[['xxxxx']], [['xxxxxxx']]])
    const [, , , last] = flights
    expect(last?.passedOver || codeOf(last as Flight) === 'ok' || last?.cancelStruck).toBe(true)
  })

  it('one that runs out of time ends by itself, and those after it were not run', async () => {
    await open({ statementTimeoutMs: 300 })
    const flights = await Promise.all(['0', '5', '0'].map((seconds) => fly(1, sleepSql, seconds)))
    expect(flights.map(codeOf)).toEqual(['ok', '57014', 'ok'])
    expect(flights.map(({ cancelStruck, passedOver }) => cancelStruck || passedOver)).toEqual([false, false, true])
  })

  it('where PostgreSQL ends the session, what was answered is answered, and nothing else was done', async () => {
    await open()
    const asked = [fly(1, visitSql, '31'), fly(2, sleepSql, '5'), fly(3, visitSql, '32')]
    await waitUntil(async () => {
      const asleep = `select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`
      return (await superuser.query(asleep, [connection.pid])).rowCount === 1
    })
    await superuser.query('select pg_terminate_backend($1)', [connection.pid])
    const flights = await Promise.all(asked)
    expect(flights.map(codeOf)).toEqual(['ok', 'database_unavailable', 'database_unavailable'])
    expect(flights.map(({ lost }) => lost)).toEqual([undefined, 'undone', 'undone'])
    expect(await visited(31, 32)).toEqual([31])
  })

  it('each is told how long it took by itself, wherever in the group it was', async () => {
    await open()
    const flights = await Promise.all(['0', '0.2', '0', '0.1', '0'].map((seconds) => fly(1, sleepSql, seconds)))
    expect(flights.map(({ tookMs = -1 }) => Math.floor(tookMs / 100))).toEqual([0, 2, 0, 1, 0])
  })

  describe('in a pool', () => {
    const ask = (person: number, sql: string, param: string, over: Partial<Work> = {}, signal?: AbortSignal) =>
      pool.run(workOf(person, sql, param, over), { owner: `person ${person}`, ...(signal && { signal }) })

    /** What a request asks for, and the rows or the SQLSTATE that are its answer. */
    type Kind = readonly [sql: string, param: string, answer: unknown, over?: Partial<Work>]
    const change = { readOnly: false }
    const kinds: Readonly<Record<string, (person: number, turn: number) => Kind>> = {
      own: (person, turn) => {
        const id = String(person * 10 + (turn % 10))
        return [ownSql, id, [[id, String(person)]]]
      },
      'of another': (person) => [ownSql, String((person % 8) * 10 + 10), []],
      all: (person) => ['select distinct holder from accounts where id <> $1', '0', [[String(person)]]],
      session: (person) => [
        `select auth.user_id(), current_user, coalesce(current_setting($1, true), '')`,
        'app.place',
        [[String(person), 'authenticated', '']],
      ],
      division: () => [divideSql, '0', '22012'],
      'bad value': () => [ownSql, 'x', '22P02'],
      'unknown column': (_, turn) => [`select nope, ${turn % 3} from accounts where id = $1`, '0', '42703'],
      'no right': () => ['select secret from secrets where secret = $1', '0', '42501'],
      'new text': (person, turn) => [
        `select ${turn}, holder from accounts where id = $1`,
        String(person * 10),
        [[String(turn), String(person)]],
      ],
      'late error': () => [visitSql, '-1', '23503'],
      change: (_, turn) => [
        'insert into transfers values ($1, 50) returning account',
        `kept ${turn}`,
        [['50']],
        change,
      ],
      'late error of a change': (_, turn) => [
        'insert into transfers values ($1, -1) returning account',
        `lost ${turn}`,
        '23503',
        change,
      ],
      slow: () => [sleepSql, '0.07', [['7']]],
    }
    const names = Object.keys(kinds)

    it('a change shares a Sync with nobody, however quick it is', async () => {
      pool = (await openPool(database, { size: 1 })).pool
      const insert = (person: number, turn: number) =>
        ask(person, 'insert into transfers values ($1, 60)', `quick ${turn} ${person}`, change)
      for (let turn = 0; turn < 20; turn++) {
        const flights = await Promise.all(persons.map((person) => insert(person, turn)))
        expect(flights.map(codeOf)).toEqual(persons.map(() => 'ok'))
        expect(sizes(flights)).toEqual(persons.map(() => 1))
      }
    })

    it('whatever fails, is cancelled or breaks among them, every answer is that of its own request', {
      timeout: 60_000,
    }, async () => {
      pool = (await openPool(database, { size: 2, queueTimeoutMs: 30_000 })).pool
      const end = performance.now() + 6_000
      const wrong: string[] = []
      const seen = new Set<string>()
      /** How each change ended. */
      const changes = new Map<string, string>()
      let turns = 0
      let shared = 0

      async function askOne(person: number, turn: number): Promise<void> {
        const random = Math.random()
        // Slow ones are rare; half of all are the plainest there is.
        const kind = random < 0.5 ? 'own' : random < 0.502 ? 'slow' : (names[turn % (names.length - 1)] as string)
        const [sql, param, answer, over = {}] = (kinds[kind] as (typeof kinds)['own'])(person, turn)
        const leaving = new AbortController()
        const leaves = Math.random() < 0.02
        if (leaves) setTimeout(() => leaving.abort(), Math.random() * 3)
        const flight = await ask(person, sql, param, over, leaving.signal)
        const code = codeOf(flight)
        seen.add(kind)
        if (flight.group !== undefined) shared++
        if (over === change) changes.set(param, leaves && code !== 'ok' ? 'outcome_unknown' : code)
        if (leaves && (code === 'timeout' || code === '57014')) return
        if (code === 'database_unavailable' || (over === change && code === 'outcome_unknown')) return
        const given = JSON.stringify(code === 'ok' ? rowsOf(flight) : code)
        if (flight.passedOver || given !== JSON.stringify(answer))
          wrong.push(`${kind} of ${person}: ${given} ${JSON.stringify(flight.error)}`)
      }
      async function client(_: unknown, index: number): Promise<void> {
        while (performance.now() < end) await askOne((index % 8) + 1, turns++)
      }
      async function breakConnections(): Promise<void> {
        while (performance.now() < end) {
          await delay(700)
          await superuser.query(
            `select pg_terminate_backend(pid) from pg_stat_activity
              where application_name = $1 and datname = $2 order by random() limit 1`,
            [applicationName, database.name],
          )
        }
      }
      await Promise.all([...Array.from({ length: 48 }, client), breakConnections()])

      expect(wrong).toEqual([])
      expect([...seen].sort()).toEqual(names.toSorted())
      expect(shared).toBeGreaterThan(turns / 20)
      const { rows } = await owner.query(`select key from transfers where key like 'kept %' or key like 'lost %'`)
      const there = new Set(rows.map(({ key }) => key))
      const mistaken = [...changes].filter(
        ([key, code]) => code !== 'outcome_unknown' && there.has(key) !== (code === 'ok'),
      )
      expect(mistaken).toEqual([])
    })

    interface Turn {
      readonly slow: Flight
      readonly others: readonly Flight[]
      readonly slowMs: number
      readonly othersMs: number
    }

    /** Everybody asks the same at once, one of them with a parameter that makes it slow, after it has been quick. */
    async function slowInGroup(sql: string, param: string): Promise<Turn> {
      // Never the first of a group, which is what a mistaken watch would blame.
      for (const person of persons.slice(2)) {
        await waitUntil(() => pool.stuck === 0, 20_000)
        for (let cheap = 0; cheap < 12; cheap++) await Promise.all(persons.map((each) => ask(each, sql, '0')))
        const startedAt = performance.now()
        const timed = persons.map(async (each) => {
          const flight = await ask(each, sql, each === person ? param : '0')
          return { flight, tookMs: performance.now() - startedAt }
        })
        const ended = await Promise.all(timed)
        const [slow] = ended.splice(person - 1, 1)
        const others = ended.map(({ flight }) => flight)
        const othersMs = Math.max(...ended.map(({ tookMs }) => tookMs))
        // On a busy machine a text is not always taken for a quick one. Who was moved runs alone.
        if (slow !== undefined && others.filter(({ work }) => work.exclusive).length > 1)
          return { slow: slow.flight, others, slowMs: slow.tookMs, othersMs }
      }
      throw new Error('the slow one was never in a group')
    }

    it('a slow one does not keep the others of its group waiting, and only its owner loses trust', {
      timeout: 60_000,
    }, async () => {
      pool = (await openPool(database, { size: 3 })).pool
      for (let turn = 0; turn < 12; turn++) await Promise.all(persons.map((each) => ask(each, divideSql, '1')))
      const { slow, others, slowMs, othersMs } = await slowInGroup(sleepSql, '1.5')
      expect([slow, ...others].map(rowsOf)).toEqual(persons.map(() => [['7']]))
      expect(othersMs).toBeLessThan(slowMs - 500)
      const lanes = await Promise.all(persons.map(async (each) => (await ask(each, divideSql, '1')).lane))
      const [lane] = lanes.splice(Number(slow.owner.split(' ')[1]) - 1, 1)
      expect(lane).not.toBe('shared')
      expect(lanes).toContain('shared')
    })

    it('one that cannot be cancelled is told from the others of its group, none of whom is refused', {
      timeout: 60_000,
    }, async () => {
      pool = (await openPool(database, { size: 3, requestTimeoutMs: 300 })).pool
      const { slow, others } = await slowInGroup('select stubborn($1::float)', '6')
      expect(codeOf(slow)).toBe('timeout')
      expect(others.map(rowsOf)).toEqual(others.map(() => [['0']]))
      const after = await Promise.all(persons.map(async (each) => codeOf(await ask(each, sleepSql, '0'))))
      const [refused] = after.splice(Number(slow.owner.split(' ')[1]) - 1, 1)
      expect(refused).toBe('overloaded')
      expect(after).toEqual(after.map(() => 'ok'))
      await waitUntil(() => pool.stuck === 0, 20_000)
    })
  })
})
