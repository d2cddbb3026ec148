import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hardenDatabase } from '../../src/database/harden.ts'
import { provision } from '../../src/database/provision.ts'
import { startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

/** A schema that goes to and fro between two shapes, and what one statement is to answer under each. */
interface Change {
  readonly name: string
  /** `n` counts the changes. */
  readonly set: (shape: 0 | 1, n: number) => string
  readonly query: string
  /** Parameter and answer. */
  readonly expected: (shape: 0 | 1, n: number) => readonly [value: unknown, answer: string]
}

const instant = '2024-01-01T00:00:00+05:00'
const uuid = '7f0a3c1e-5d2b-4c8e-9a10-0123456789ab'

/** A column between two types. */
function column(
  name: string,
  types: readonly [string, string],
  cases: readonly [readonly [unknown, string], readonly [unknown, string]],
  answer = 'v::text',
): Change {
  return {
    name: types.join(' and '),
    set: (shape) => `create table if not exists ${name} (v ${types[1 - shape]});
      grant select, insert on ${name} to authenticated; truncate ${name};
      alter table ${name} alter v type ${types[shape]} using null`,
    query: `insert into ${name} (v) values ($1) returning ${answer} as v`,
    expected: (shape) => cases[shape],
  }
}

const epoch = 'extract(epoch from v)::int8::text'

const changes: readonly Change[] = [
  column(
    'instants',
    ['timestamp', 'timestamptz'],
    [
      [instant, '1704067200'],
      [instant, '1704049200'],
    ],
    epoch,
  ),
  column(
    'days',
    ['date', 'timestamptz'],
    [
      ['2024-06-01T12:34:56Z', '1717200000'],
      ['2024-06-01T12:34:56Z', '1717245296'],
    ],
    epoch,
  ),
  column(
    'measures',
    ['real', 'double precision'],
    [
      ['0.1234567890123', '0.12345679'],
      ['0.1234567890123', '0.1234567890123'],
    ],
  ),
  column(
    'counts',
    ['int', 'bigint'],
    [
      [7, '7'],
      ['9007199254740993', '9007199254740993'],
    ],
  ),
  column(
    'codes',
    ['int', 'text'],
    [
      [7, '7'],
      ['seven', 'seven'],
    ],
  ),
  column(
    'ids',
    ['text', 'uuid'],
    [
      ['of no form', 'of no form'],
      [uuid.toUpperCase(), uuid],
    ],
  ),
  column(
    'documents',
    ['text', 'jsonb'],
    [
      ['{"b" : 1}', '{"b" : 1}'],
      ['{"b" : 1}', '{"b": 1}'],
    ],
  ),
  {
    name: 'an enum that is dropped and made again',
    set: (shape) => `create table if not exists moods (v text); grant select, insert on moods to authenticated;
      truncate moods; alter table moods alter v type text; drop type if exists mood;
      create type mood as enum (${shape === 0 ? "'ok', 'sad'" : "'sad', 'ok'"}); alter table moods alter v type mood using v::mood`,
    query: `insert into moods (v) values ($1) returning v::text || (v > 'sad') as v`,
    expected: (shape) => ['ok', shape === 0 ? 'okfalse' : 'oktrue'],
  },
  {
    name: 'an enum that gets a label',
    set: (_, n) => (n === 0 ? `create type label as enum ('n0')` : `alter type label add value 'n${n}'`),
    query: 'select $1::label::text as v',
    expected: (_, n) => [`n${n}`, `n${n}`],
  },
  {
    name: 'an enum that is renamed, with another in its place',
    set: (shape, n) => `${n === 0 ? '' : `alter type state rename to state_${n};`}
      create type state as enum (${shape === 0 ? "'a', 'b'" : "'b', 'a', 'c'"})`,
    query: `select ($1::state)::text || (enum_first($1::state))::text as v`,
    expected: (shape) => (shape === 0 ? ['b', 'ba'] : ['c', 'cb']),
  },
  {
    name: 'a domain',
    set: (shape) => `create table if not exists marks (v text); grant select, insert on marks to authenticated;
      truncate marks; alter table marks alter v type text; drop domain if exists mark;
      create domain mark as ${shape === 0 ? 'int' : 'text'}; alter table marks alter v type mark using null`,
    query: 'insert into marks (v) values ($1) returning v::text as v',
    expected: (shape) => (shape === 0 ? ['07', '7'] : ['07', '07']),
  },
  {
    name: 'a composite',
    set: (shape, n) => `${n === 0 ? 'create type pair as (a text, b text);' : ''}
      alter type pair alter attribute a type ${shape === 0 ? 'int' : 'text'}`,
    query: 'select ($1::pair).a::text as v',
    expected: (shape) => ['(07,x)', shape === 0 ? '7' : '07'],
  },
  {
    name: 'the type of an argument',
    set: (shape) => `drop function if exists shout; create function shout(${shape === 0 ? 'int' : 'text'}) returns text
      language sql immutable as $$ select pg_typeof($1) || ' ' || $1 $$; grant execute on function shout to authenticated`,
    query: 'select shout($1) as v',
    expected: (shape) => ['07', shape === 0 ? 'integer 7' : 'text 07'],
  },
  {
    name: 'a table that is dropped and made again',
    set: (shape) => `drop table if exists fresh; create table fresh (v ${shape === 0 ? 'int' : 'text'});
      grant select, insert on fresh to authenticated`,
    query: 'insert into fresh (v) values ($1) returning v::text as v',
    expected: (shape) => ['07', shape === 0 ? '7' : '07'],
  },
]

/** `npm run schema-changes` makes 200. */
const rounds = Number(process.env.ROUNDS ?? 20)

/** With the event triggers of a superuser, and as a plain owner leaves it. */
for (const watched of [true, false]) {
  describePg(`a schema that changes, ${watched ? 'counted by event triggers' : 'of a plain owner'}`, () => {
    let database: TestDatabase
    let gateway: TestGateway
    let second: TestGateway
    let ada: string
    let adaToo: string
    let owner: pg.Client
    let superuser: pg.Client

    const connect = async (url: string) => {
      const client = new pg.Client(url)
      client.on('error', () => undefined)
      await client.connect()
      return client
    }

    beforeAll(async () => {
      database = await createTestDatabase({ contents: 'platform' })
      if (watched) {
        const steps = await hardenDatabase({ url: database.superuserUrl, login: 'rowpass_gateway' })
        expect(steps.find(({ name }) => name === 'schema_changes')).toMatchObject({ state: 'done' })
      }
      owner = await connect(database.ownerUrl)
      superuser = await connect(database.superuserUrl)
      await owner.query(
        'create table steady (v int); grant select on steady to authenticated; insert into steady values (1)',
      )
      gateway = await startTestGateway(database)
      second = await startTestGateway(database, { ROWPASS_POOL_SIZE: '2' })
      ada = await gateway.issuer.token('ada')
      adaToo = await second.issuer.token('ada')
    })
    afterAll(async () => {
      await Promise.all([owner, superuser].map((client) => client?.end()))
      await Promise.all([gateway, second].map((each) => each?.close()))
      await database?.close()
    })

    const ask = async (query: string, value: unknown): Promise<unknown> => {
      const { body } = await gateway.sql(ada, query, [value])
      return body.rows?.[0]?.v ?? body
    }

    /** Other requests, some with the same text, until the end: each connection has the statement, and none is idle. */
    function load(query: string, value: unknown): () => Promise<void> {
      let stop = false
      const loops = [0, 1, 2].map(async (index) => {
        while (!stop) {
          if (index === 0) await gateway.sql(ada, query, [value])
          else expect(await ask('select v::text as v from steady where v = $1', '1')).toBe('1')
        }
      })
      return async () => {
        stop = true
        await Promise.all(loops)
      }
    }

    it('says at its start whether it keeps statements with parameters', () => {
      expect(gateway.events.filter(({ type }) => type === 'schema_unwatched')).toHaveLength(watched ? 0 : 1)
    })

    it.each(changes)(
      `SEC-71 $name, ${rounds} times under load: the next request has the types of the last commit`,
      async ({ set, query, expected }) => {
        await owner.query(set(0, 0))
        const [before, first] = expected(0, 0)
        for (let warm = 0; warm < 4; warm++) expect(await ask(query, before)).toBe(first)
        const stop = load(query, before)
        try {
          for (let n = 1; n <= rounds; n++) {
            const shape = (n % 2) as 0 | 1
            await owner.query(set(shape, n))
            const [value, answer] = expected(shape, n)
            expect([n, await ask(query, value)]).toEqual([n, answer])
          }
        } finally {
          await stop()
        }
      },
      120_000,
    )

    it('SEC-71 a request that waits for the lock of a migration has the types that it brings', async () => {
      await owner.query('create table waiting (v timestamp); grant select, insert on waiting to authenticated')
      const query = `insert into waiting (v) values ($1) returning ${epoch} as v`
      for (let n = 0; n < 10; n++) {
        const [type, answer] = n % 2 === 0 ? ['timestamptz', '1704049200'] : ['timestamp', '1704067200']
        for (let warm = 0; warm < 4; warm++) await ask(query, instant)
        await owner.query(`begin; delete from waiting; alter table waiting alter v type ${type} using null`)
        const answers = [0, 1, 2].map(() => ask(query, instant))
        await waitUntil(async () => {
          const { rowCount } = await superuser.query(
            `select from pg_locks where relation = 'waiting'::regclass and not granted`,
          )
          return rowCount !== 0
        })
        await owner.query('commit')
        expect(await Promise.all(answers)).toEqual([answer, answer, answer])
      }
    })

    it('SEC-71 a migration that is rolled back changes nothing', async () => {
      await owner.query('create table kept (v int); grant select, insert on kept to authenticated')
      const query = 'insert into kept (v) values ($1) returning v::text as v'
      expect(await ask(query, '07')).toBe('7')
      await owner.query('begin; alter table kept alter v type text; rollback')
      expect(await ask(query, '07')).toBe('7')
    })

    it('SEC-71 every gateway has the new types at once, whoever makes the change', async () => {
      await owner.query('create table shared (v int); grant select, insert on shared to authenticated')
      const query = 'insert into shared (v) values ($1) returning v::text as v'
      for (let n = 0; n < 20; n++) {
        await superuser.query(
          `delete from shared; alter table shared alter v type ${n % 2 === 0 ? 'text' : 'int'} using null`,
        )
        const answer = n % 2 === 0 ? '07' : '7'
        const [one, other] = await Promise.all([gateway.sql(ada, query, ['07']), second.sql(adaToo, query, ['07'])])
        expect([n, one.body.rows, other.body.rows]).toEqual([n, [{ v: answer }], [{ v: answer }]])
      }
    })

    it.each([undefined, 'ReadCommitted', 'RepeatableRead', 'Serializable'])(
      'SEC-71 a batch has the new types, and each row once (isolation level %s)',
      async (level) => {
        const table = `batch_${(level ?? 'of_default').toLowerCase()}`
        await owner.query(`create table ${table} (v int); grant select, insert on ${table} to authenticated`)
        const query = `insert into ${table} (v) values ($1)`
        const headers: Record<string, string> = level === undefined ? {} : { 'neon-batch-isolation-level': level }
        for (let n = 0; n < 20; n++) {
          const [type, value] = n % 2 === 0 ? ['text', '07'] : ['int', '7']
          await owner.query(`delete from ${table}; alter table ${table} alter v type ${type} using null`)
          const answer = await gateway.batch(
            ada,
            [{ query, params: ['07'] }, { query, params: ['07'] }, `select array_agg(v)::text as v from ${table}`],
            headers,
          )
          expect([n, answer.body.results?.[2].rows]).toEqual([n, [{ v: `{${value},${value}}` }]])
        }
      },
    )

    it('SEC-71 an error that is the caller’s own is told as it is, and a statement that failed has done nothing', async () => {
      await owner.query('create table once (v int unique); grant select, insert on once to authenticated')
      const query = 'insert into once (v) values ($1) returning v::text as v'
      expect(await ask(query, '1')).toBe('1')
      expect(await ask(query, '2')).toBe('2')
      expect(await ask(query, '2')).toMatchObject({ code: '23505' })
      expect(await ask(query, 'two')).toMatchObject({ code: '22P02' })
      expect(await ask('select count(*)::text as v from once where v > $1', '0')).toBe('2')
    })

    it('SEC-71 a text means to each role what that role may see', async () => {
      const names = ['authenticated', 'anonymous']
      await owner.query(
        `create schema authenticated create table mine (v int); create schema anonymous create table mine (v text);
         ${names.map((role) => `grant usage on schema ${role} to ${role}; grant select, insert on ${role}.mine to ${role};`).join(' ')}`,
      )
      const roles = await startTestGateway(database, { ROWPASS_POOL_SIZE: '1' }, { role_claim: 'role', roles: names })
      try {
        const tokens = await Promise.all(names.map((role) => roles.issuer.token('ada', { role })))
        for (let n = 0; n < 6; n++) {
          const { body } = await roles.sql(
            tokens[n % 2] ?? '',
            'insert into mine (v) values ($1) returning v::text as v',
            ['07'],
          )
          expect([n, body.rows]).toEqual([n, [{ v: n % 2 === 0 ? '7' : '07' }]])
        }
      } finally {
        await roles.close()
      }
    })
  })
}

describePg('the count of schema changes', () => {
  let database: TestDatabase
  let gateway: TestGateway
  let superuser: pg.Client
  const harden = () => hardenDatabase({ url: database.superuserUrl, login: 'rowpass_gateway' })
  const connect = async (url = database.ownerUrl) => {
    const client = new pg.Client(url)
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const count = async (): Promise<number> =>
    Number((await superuser.query('select sum(n) as n from rowpass_ddl.changes')).rows[0].n)

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    superuser = await connect(database.superuserUrl)
    await harden()
    gateway = await startTestGateway(database, { ROWPASS_POOL_SIZE: '1' })
  })
  afterAll(async () => {
    await superuser?.end()
    await gateway?.close()
    await database?.close()
  })

  it('no change of the schema waits for another or fails because of one, at any isolation level', async () => {
    const levels = ['read committed', 'repeatable read', 'serializable']
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect()))
    const before = await count()
    try {
      for (const [index, client] of clients.entries()) {
        await client.query(
          `set lock_timeout = '2s'; begin isolation level ${levels[index % 3]}; select count(*) from pg_class`,
        )
      }
      for (const [index, client] of clients.entries()) {
        await client.query(`create table at_once_${index} (v int); alter table at_once_${index} add w int`)
      }
      for (const client of clients) await client.query('commit')
      expect(await count()).toBeGreaterThanOrEqual(before + clients.length)
      await clients[0]?.query('create table after_all ()')
      expect((await superuser.query('select from rowpass_ddl.changes')).rowCount).toBe(1)
    } finally {
      await Promise.all(clients.map((client) => client.end()))
    }
  })

  it('what is temporary, and what changes no type, is not counted', async () => {
    const owner = await connect(database.superuserUrl)
    try {
      await owner.query('create table quiet (v int primary key)')
      const before = await count()
      await owner.query(
        `create temporary table passing (v int); alter table passing add w text; create index on passing (v);
         create temporary view seen as select 1; drop view seen; drop table passing; create temporary table gone (v int)`,
      )
      await owner.query(
        `comment on table quiet is 'x'; grant select on quiet to authenticated; truncate quiet; analyze quiet`,
      )
      expect(await count()).toBe(before)
      await owner.query('alter table quiet add w int')
      expect(await count()).toBe(before + 1)
      await owner.query('drop table quiet')
      expect(await count()).toBe(before + 2)
      await owner.query(`set session_replication_role = 'replica'; create table quiet ()`)
      expect(await count()).toBe(before + 3)
    } finally {
      await owner.end()
    }
  })

  it('a token holder reads a number, and can neither change, lock nor call what makes it', async () => {
    const ada = await gateway.issuer.token('ada')
    const asked = await gateway.sql(ada, 'select sum(n) as n from rowpass_ddl.changes')
    expect(Number(asked.body.rows[0].n)).toBeGreaterThan(0)
    for (const statement of [
      'select n from rowpass_ddl.changes for update',
      'select n from rowpass_ddl.changes for key share',
      'insert into rowpass_ddl.changes (n) values (1)',
      'update rowpass_ddl.changes set n = 0',
      'delete from rowpass_ddl.changes',
      'lock table rowpass_ddl.changes',
      'select rowpass_ddl.count_change()',
      'alter event trigger rowpass_ddl_end disable',
      'create table rowpass_ddl.mine ()',
    ]) {
      const { status, body } = await gateway.sql(ada, statement)
      expect([statement, status, body.code]).toEqual([statement, 400, expect.stringMatching(/^(42501|0A000)$/)])
    }
  })

  it('the owner of the database owns none of it, so that no trigger of a superuser runs code of the owner', async () => {
    const owner = await connect()
    try {
      for (const statement of [
        'drop table rowpass_ddl.changes',
        `create or replace function rowpass_ddl.count_change() returns event_trigger language plpgsql as 'begin end'`,
        'create trigger mine before insert on rowpass_ddl.changes for each row execute function suppress_redundant_updates_trigger()',
        'create table rowpass_ddl.mine ()',
      ]) {
        await expect(owner.query(statement)).rejects.toMatchObject({ code: '42501' })
      }
    } finally {
      await owner.end()
    }
  })

  describe('SEC-71 where it ends', () => {
    const query = 'insert into ending (v) values ($1) returning v::text as v'
    let ada: string

    beforeAll(async () => {
      ada = await gateway.issuer.token('ada')
      await superuser.query('create table ending (v text); grant select, insert on ending to authenticated')
    })

    it.each([
      ['a trigger is disabled', 'alter event trigger rowpass_ddl_end disable'],
      ['a trigger is dropped', 'drop event trigger rowpass_ddl_end'],
      ['a trigger does not always fire', 'alter event trigger rowpass_ddl_end enable'],
      [
        'a trigger is disabled and enabled again',
        'alter event trigger rowpass_ddl_end disable',
        'alter event trigger rowpass_ddl_end enable always',
      ],
      ['the table is gone', 'drop table rowpass_ddl.changes'],
      ['all of it is gone', 'drop schema rowpass_ddl cascade'],
    ])(
      '%s: the next request has the types of the last commit, and harden mends it',
      async (_title, ...[end, resume]) => {
        await harden()
        await superuser.query('delete from ending; alter table ending alter v type int using null')
        const asked = gateway.events.length
        // Kept until it is used: the version is read with the first, the others use it again.
        for (let warm = 0; warm < 3; warm++)
          expect((await gateway.sql(ada, query, ['07'])).body.rows).toEqual([{ v: '7' }])
        await superuser.query(end ?? '')
        await superuser.query('delete from ending; alter table ending alter v type text using null')
        if (resume !== undefined) await superuser.query(resume)
        for (let n = 0; n < 3; n++) expect((await gateway.sql(ada, query, ['07'])).body.rows).toEqual([{ v: '07' }])
        const steps = await harden()
        expect(steps.find(({ name }) => name === 'schema_changes')?.state).toBe(
          resume === undefined ? 'done' : 'closed',
        )
        expect(gateway.events.slice(asked).filter(({ type }) => type === 'sql_answered')).toHaveLength(6)
      },
    )
  })

  it('it is there after a migration by an owner who may make event triggers', async () => {
    const own = await createTestDatabase({ contents: 'bare' })
    try {
      await provision({ ownerUrl: own.superuserUrl, gatewayUrl: own.gatewayUrl, sealKeys: own.sealKeys })
      const client = await connect(own.superuserUrl)
      expect((await client.query('select from rowpass_ddl.changes')).rowCount).toBe(1)
      await client.end()
    } finally {
      await own.close()
    }
  })
})
