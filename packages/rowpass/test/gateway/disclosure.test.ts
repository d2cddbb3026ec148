/** What an answer may say, and what is written down of a request. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RowpassEvent, SqlAnswered } from '../../src/events.ts'
import { createEventLog } from '../../src/gateway/log.ts'
import { type SqlAnswer, startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { type Recorder, startRecorder } from '../support/recorder.ts'
import { bobsSecret, latch, type Scene, startScene } from './scene.ts'

const tenantOfAda = 'f330c503-5e9c-46a7-8393-2995aeb03675'

const ledger = `
  create table ledger (
    id int primary key,
    owner text not null,
    amount int not null check (amount >= 0),
    code text not null unique
  );
  alter table ledger enable row level security;
  create policy ledger_own on ledger to authenticated using (owner = auth.user_id()) with check (true);
  grant select, insert, update on ledger to authenticated;
  insert into ledger values (1, 'ada', 1, 'code of ada'), (2, 'bob', 2, '${bobsSecret}');
  create table entries (id int primary key, ledger int not null references ledger on delete cascade);
  grant select, insert on entries to authenticated;

  -- Run with the rights of the owner, from whom the policies hide nothing.
  create function withdraw(entry int) returns void language sql security definer set search_path = public, pg_temp
    as 'update ledger set amount = -1 where id = entry';
  create function take_code(entry int, of_entry int) returns void language plpgsql security definer
    set search_path = public, pg_temp as $$
    begin
      update ledger set code = (select code from ledger where id = of_entry) where id = entry;
    end $$;
  create function explain_it() returns void language plpgsql security definer set search_path = public, pg_temp as $$
    begin
      raise exception 'amount is too small' using errcode = 'check_violation', detail = 'The least is 5.', hint = 'Pay more.';
    end $$;
  create function fail_inside() returns int language plpgsql security definer set search_path = public, pg_temp as $$
    begin
      return (select 1 / (amount - amount) from ledger where code = '${bobsSecret}');
    end $$;
  create view small as select * from ledger where amount < 100 with check option;
  create function grow(entry int) returns void language sql security definer set search_path = public, pg_temp
    as 'update small set amount = 100 where id = entry';
  grant execute on function withdraw(int), take_code(int, int), explain_it(), fail_inside(), grow(int) to authenticated;
`

describePg('what is told of a request', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene({}, latch + ledger)
  })
  afterAll(() => scene.close())

  describe('of what an error says', () => {
    const told = ({ body }: SqlAnswer) => {
      const { message, code, detail, constraint, table } = body
      return { message, code, detail, constraint, table }
    }
    const inside = ['file', 'line', 'routine', 'where', 'internalQuery', 'internalPosition']

    it.each<[title: string, sql: string, code: string]>([
      ['a unique violation on a hidden row', `insert into ledger values (3, 'ada', 3, '${bobsSecret}')`, '23505'],
      ['the same key as a hidden row', `insert into ledger values (2, 'ada', 3, 'x')`, '23505'],
      [
        'the same by upsert',
        `insert into ledger values (2, 'ada', 3, 'x') on conflict (id) do update set amount = 1`,
        '42501',
      ],
      ['a CHECK in a function of the owner', 'select withdraw(2)', '23514'],
      ['a unique violation in a function of the owner', 'select take_code(1, 2)', '23505'],
      ['the CHECK OPTION of a view in a function of the owner', 'select grow(2)', '44000'],
      ['an error in a function of the owner', 'select fail_inside()', '22012'],
      ['a failing expression over hidden rows', 'select 1 / (amount - 2) from ledger', ''],
    ])('SEC-66 %s shows nothing of the row', async (_title, sql, code) => {
      const { body } = await scene.gateway.sql(scene.ada, sql)
      expect(body.code ?? '').toBe(code)
      expect(JSON.stringify(body).replace(sql, '')).not.toContain(bobsSecret)
      expect(body.detail ?? null).toBeNull()
      for (const name of inside) expect(body[name] ?? null).toBeNull()
    })

    it('SEC-66 without the filter, the function of the owner would have shown the row', async () => {
      await expect(scene.asOwner('select withdraw(2)')).rejects.toMatchObject({
        detail: `Failing row contains (2, bob, -1, ${bobsSecret}).`,
      })
    })

    it('SEC-66 DETAIL is there where the caller may see the row, and where the owner wrote it', async () => {
      expect(told(await scene.gateway.sql(scene.ada, 'insert into entries values (1, 77)'))).toMatchObject({
        code: '23503',
        constraint: 'entries_ledger_fkey',
      })
      await scene.gateway.sql(scene.ada, 'insert into entries values (5, 1)')
      expect(told(await scene.gateway.sql(scene.ada, 'insert into entries values (5, 1)'))).toMatchObject({
        code: '23505',
        detail: 'Key (id)=(5) already exists.',
      })
      expect(told(await scene.gateway.sql(scene.ada, 'select explain_it()'))).toMatchObject({
        code: '23514',
        message: 'amount is too small',
        detail: 'The least is 5.',
      })
    })
  })

  describe('of what is written down', () => {
    const canaries = {
      literal: 'canary-literal',
      parameter: 'canary-parameter',
      password: 'canary-password',
      claim: 'canary-claim',
      identifier: 'canary-identifier',
      header: 'canary-header',
    }
    let gateway: TestGateway
    let recorder: Recorder
    let token: string
    let logged: string
    const bodies: string[] = []
    const audits: SqlAnswered[] = []

    beforeAll(async () => {
      recorder = await startRecorder(scene.database.gatewayUrl)
      gateway = await startTestGateway(scene.database, { ROWPASS_DATABASE_URL: recorder.url })
      token = await gateway.issuer.token('ada', { tenant_id: tenantOfAda, note: canaries.claim })
      const connectionString = gateway.connectionString.replace('@', `:${canaries.password}@`)
      const headers = { 'neon-connection-string': connectionString, traceparent: canaries.header }
      const { literal, parameter, identifier } = canaries
      const send = async (sql: string, params: unknown[] = []): Promise<void> => {
        const answer = await gateway.sql(token, sql, params, headers)
        bodies.push(JSON.stringify(answer.body))
        audits.push(gateway.events.findLast((event): event is SqlAnswered => event.type === 'sql_answered')!)
      }
      await send(`select '${literal}' as x, $1::text as y`, [parameter])
      await send(`select '${literal}' as x, 1 + $1::int as y`, [parameter])
      await send(`insert into notes (body) values ('${literal}' || $1)`, [parameter])
      await send(`set rowpass.claims = '${literal}'`)
      await send(`select pg_sleep(0), '${literal}'`)
      await send(`select '${literal}' from "${identifier}"`)
      await send(`selec '${literal}'`)
      await send(`select '${literal}'; select 2`)
      bodies.push(JSON.stringify((await gateway.sql(`${token}x`, `select '${literal}'`, [parameter], headers)).body))
      bodies.push(
        JSON.stringify(
          (await gateway.send(`{"query": "select '${literal}'`, { ...headers, authorization: `Bearer ${token}` })).body,
        ),
      )
      bodies.push(
        JSON.stringify(
          (await gateway.sql(token, 'select 1', [], { 'neon-connection-string': `x${connectionString}` })).body,
        ),
      )
      await gateway.close()
      logged = logOf(gateway.events)
    })
    afterAll(() => recorder.close())

    function logOf(events: readonly RowpassEvent[]): string {
      const lines: string[] = []
      const log = createEventLog({ write: (line: string) => void lines.push(line) })
      for (const event of events) log(event)
      return lines.join('')
    }

    /** Everything in the events, with what is hidden in causes. */
    const allOf = (value: unknown): string =>
      JSON.stringify(value, (_, each) =>
        each instanceof Error ? { ...each, message: each.message, stack: each.stack, cause: each.cause } : each,
      )

    it('SEC-67 no literal, parameter, claim, password or token is in an event or in the log', () => {
      expect(gateway.events.length).toBeGreaterThan(10)
      for (const text of [allOf(gateway.events), logged]) {
        expect(text).not.toMatch(/canary/)
        for (const part of token.split('.')) expect(text).not.toContain(part)
      }
    })

    it('SEC-67 no password, claim or token is in an answer', () => {
      expect(bodies.join()).toContain('canary-literal')
      expect(bodies.join()).not.toMatch(/canary-(password|claim|header)/)
      for (const part of token.split('.')) expect(bodies.join()).not.toContain(part)
    })

    it('SEC-67 the audit record of a request says who, what and how it ended', () => {
      const [first, failed, , set, sleep, unknown] = audits
      expect(first).toEqual({
        type: 'sql_answered',
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        auth: 'token',
        iss: gateway.issuer.iss,
        sub: 'ada',
        tenantId: tenantOfAda,
        kid: gateway.issuer.key.kid,
        jtiHash: expect.stringMatching(/^[0-9a-f]{16}$/),
        role: 'authenticated',
        fingerprints: [expect.stringMatching(/^[0-9a-f]{16}$/)],
        rows: 1,
        durationMs: expect.any(Number),
        outcome: 'ok',
      })
      expect(failed).toMatchObject({ outcome: 'postgres', sqlstate: '22P02', rows: 0, sub: 'ada' })
      expect(set).toMatchObject({ outcome: 'statement_refused', sqlstate: '42501', fingerprints: [], sub: 'ada' })
      expect(sleep).toMatchObject({ outcome: 'statement_refused' })
      expect(unknown).toMatchObject({ outcome: 'postgres', sqlstate: '42P01' })
      expect(new Set(audits.map(({ requestId }) => requestId)).size).toBe(audits.length)
    })

    it('SEC-67 each audit record is one JSON line with its time', () => {
      const lines = logged
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      const answered = lines.filter(({ msg }) => msg === 'sql_answered')
      expect(answered).toHaveLength(11)
      for (const line of answered) expect(new Date(line.time).getTime()).toBeGreaterThan(0)
    })

    it('a trace context is written down as it came', async () => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      await scene.gateway.sql(scene.ada, 'select 1', [], { traceparent })
      expect(scene.gateway.events.at(-1)).toMatchObject({ type: 'sql_answered', traceparent })
    })

    it('SEC-45 claims and seal reach the server as bind parameters, never in the text of a statement', () => {
      const binds = recorder.sent.filter(({ type, body }) => type === 'B' && body.includes(canaries.claim))
      expect(binds.length).toBeGreaterThan(3)
      const texts = recorder.sent.filter(({ type }) => type === 'P' || type === 'Q').map(({ body }) => body)
      expect(texts.join()).toContain('rowpass.claims')
      expect(texts.join()).not.toContain(canaries.claim)
      expect(texts.join()).not.toContain('"sub"')
      expect(texts.join()).not.toMatch(/[0-9a-f]{64}/)
    })

    it('SEC-45 nothing of the identity is in what the server shows of a running statement', async () => {
      const holder = new pg.Client(scene.database.superuserUrl)
      await holder.connect()
      await holder.query('select pg_advisory_lock(815)')
      const waiting = scene.gateway.sql(
        await scene.gateway.issuer.token('ada', { note: canaries.claim }),
        'select wait() as waited',
      )
      const running = `select query from pg_stat_activity where usename = 'rowpass_gateway' and datname = current_database()`
      await waitUntil(async () =>
        (await scene.asSuperuser(running)).some(({ query }) => query === 'select wait() as waited'),
      )
      expect(JSON.stringify(await scene.asSuperuser(running))).not.toMatch(/canary|"sub"/)
      await holder.end()
      await waiting
    })
  })
})
