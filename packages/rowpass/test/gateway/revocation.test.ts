import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { sealSession } from '../../src/seal/seal.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { describePg, sealKeysText } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

const readAll = 'select owner, body from notes'
const ofAda = [{ owner: 'ada', body: 'of ada' }]
const ended = {
  status: 400,
  body: { code: '28000', message: 'The session has been ended', hint: 'session_revoked: Sign in again.' },
}

describePg('a session that was ended', () => {
  let scene: Scene
  let other: TestGateway

  beforeAll(async () => {
    scene = await startScene()
    await scene.asOwner(`create table greetings (id int primary key, text text);
      insert into greetings values (1, 'hello');
      alter table greetings enable row level security;
      create policy everybody on greetings to authenticated using (true);
      grant select on greetings to authenticated`)
    const { iss, jwksUrl } = scene.gateway.issuer
    other = await startTestGateway(scene.database, {
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: jwksUrl, audience: 'rowpass' }]),
    })
  })
  afterAll(async () => {
    await other.close()
    await scene.close()
  })

  const tokenOf = (sid: unknown) => scene.gateway.issuer.token('ada', { sid })
  const end = (sid: string, until = "now() + interval '1 hour'") =>
    scene.asOwner(`select rowpass.end_session('${sid}', ${until})`)

  it('SEC-36 SEC-17 is refused by the next query of a warm gateway, with a code and a challenge', async () => {
    const [sid, another] = [randomUUID(), randomUUID()]
    const [token, tokenOfAnother] = [await tokenOf(sid), await tokenOf(another)]
    for (let turn = 0; turn < 10; turn++) {
      expect((await scene.gateway.sql(token, readAll)).body.rows).toEqual(ofAda)
    }
    await end(sid)
    const answer = await scene.gateway.sql(token, readAll)
    expect(answer).toMatchObject(ended)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(scene.gateway.events.at(-1)).toMatchObject({ type: 'sql_answered', outcome: 'session_revoked' })
    expect((await scene.gateway.sql(tokenOfAnother, readAll)).body.rows).toEqual(ofAda)
  })

  it('SEC-36 is refused by every gateway', async () => {
    const sid = randomUUID()
    const token = await tokenOf(sid)
    for (const gateway of [scene.gateway, other]) expect((await gateway.sql(token, readAll)).status).toBe(200)
    await end(sid)
    for (const gateway of [scene.gateway, other]) expect(await gateway.sql(token, readAll)).toMatchObject(ended)
  })

  it('SEC-36 is refused whatever token brings it', async () => {
    const sid = randomUUID()
    await end(sid)
    for (const subject of ['ada', 'bob']) {
      expect(await scene.gateway.sql(await scene.gateway.issuer.token(subject, { sid }), readAll)).toMatchObject(ended)
    }
  })

  it('SEC-36 writes nothing, and nothing of a batch stays', async () => {
    const sid = randomUUID()
    const token = await tokenOf(sid)
    const write = "insert into notes (owner, body) values ('ada', 'after the end')"
    await end(sid)
    expect(await scene.gateway.sql(token, write)).toMatchObject(ended)
    expect(await scene.gateway.batch(token, [write, readAll])).toMatchObject(ended)
    expect(await scene.asSuperuser("select from notes where body = 'after the end'")).toEqual([])
  })

  it.each(['Serializable', 'RepeatableRead', 'ReadCommitted'])(
    'SEC-36 is refused in a read-only batch, %s',
    async (isolation) => {
      const sid = randomUUID()
      const token = await tokenOf(sid)
      const headers = { 'neon-batch-read-only': 'true', 'neon-batch-isolation-level': isolation }
      expect((await scene.gateway.batch(token, [readAll], headers)).body.results[0].rows).toEqual(ofAda)
      await end(sid)
      expect(await scene.gateway.batch(token, [readAll], headers)).toMatchObject(ended)
    },
  )

  it('SEC-36 is refused where nothing can be written, as on a replica', async () => {
    const sid = randomUUID()
    const exp = Math.floor(Date.now() / 1000) + 900
    const claimsJson = JSON.stringify({ sub: 'ada', sid, exp })
    const { claims, seal } = sealSession(scene.database.sealKeys[0], { role: 'authenticated', exp, claimsJson, sid })
    await withConnection(scene.database.gatewayUrl, async (client) => {
      await client.query('set default_transaction_read_only = on')
      const ask = async (sql: string) => {
        await client.query('begin')
        try {
          await client.query(
            `select set_config('role', 'authenticated', true), set_config('rowpass.claims', $1, true),
               set_config('rowpass.seal', $2, true)`,
            [claims, seal],
          )
          return (await client.query(sql)).rows
        } finally {
          await client.query('rollback')
        }
      }
      expect(await ask(readAll)).toEqual(ofAda)
      await end(sid)
      for (const reader of ['session()', 'jwt()', 'user_id()', 'uid()', "claim_text('sub')"]) {
        await expect(ask(`select auth.${reader}`)).rejects.toMatchObject({
          code: '28000',
          message: 'the session has been ended',
          constraint: 'session_revoked',
        })
      }
    })
  })

  const asksNothing = ['select 1', 'select * from greetings', 'values (1)', "select 'a' where false"]

  it.each(asksNothing)('SEC-79 gets no answer to a statement that asks nothing about its caller: %s', async (sql) => {
    const sid = randomUUID()
    const token = await tokenOf(sid)
    expect((await scene.gateway.sql(token, sql)).status).toBe(200)
    expect((await scene.gateway.batch(token, [sql])).status).toBe(200)
    await end(sid)
    for (const turn of ['first', 'prepared']) {
      expect([turn, await scene.gateway.sql(token, sql)]).toMatchObject([turn, ended])
      expect([turn, await scene.gateway.batch(token, [sql])]).toMatchObject([turn, ended])
    }
  })

  it('SEC-79 gets no answer behind a pooler, where no statement is prepared', async () => {
    const { iss, jwksUrl } = scene.gateway.issuer
    const pooled = await startTestGateway(scene.database, {
      ROWPASS_PREPARED_STATEMENTS: '0',
      ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: jwksUrl, audience: 'rowpass' }]),
    })
    try {
      const sid = randomUUID()
      const token = await tokenOf(sid)
      for (const sql of asksNothing) expect((await pooled.sql(token, sql)).status).toBe(200)
      await end(sid)
      for (const sql of asksNothing) {
        expect(await pooled.sql(token, sql)).toMatchObject(ended)
        expect(await pooled.batch(token, [sql])).toMatchObject(ended)
      }
      expect((await pooled.sql(await tokenOf(randomUUID()), 'select 1')).status).toBe(200)
    } finally {
      await pooled.close()
    }
  })

  it('SEC-79 gets no answer on a connection that was cleaned', async () => {
    const { iss, jwksUrl } = scene.gateway.issuer
    const single = await startTestGateway(scene.database, {
      ROWPASS_POOL_SIZE: '1',
      ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: jwksUrl, audience: 'rowpass' }]),
    })
    try {
      const sid = randomUUID()
      const token = await tokenOf(sid)
      expect((await single.sql(token, "select set_any('rowpass.claims', 'x', false)")).status).toBe(200)
      expect((await single.sql(token, 'select 1')).status).toBe(200)
      await end(sid)
      expect(await single.sql(token, 'select 1')).toMatchObject(ended)
    } finally {
      await single.close()
    }
  })

  it('SEC-79 is refused for a database role that has no right to any function of ours', async () => {
    const role = `edge_${randomUUID().slice(0, 8)}`
    await scene.asSuperuser(`create role ${role}; grant ${role} to authenticated;
      create policy ${role} on greetings to ${role} using (true); grant select on greetings to ${role}`)
    const { iss, jwksUrl } = scene.gateway.issuer
    const gateway = await startTestGateway(scene.database, {
      ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: jwksUrl, audience: 'rowpass', role }]),
    })
    try {
      const sid = randomUUID()
      const token = await tokenOf(sid)
      expect((await gateway.sql(token, 'select text from greetings')).body.rows).toEqual([{ text: 'hello' }])
      await end(sid)
      expect(await gateway.sql(token, 'select text from greetings')).toMatchObject(ended)
    } finally {
      await gateway.close()
      await scene.asSuperuser(`drop owned by ${role}; drop role ${role}`)
    }
  })

  it('SEC-37 PUBLIC may call two functions of the schema, and touch no table', async () => {
    expect(
      await scene.asSuperuser(`select p.proname as name from pg_proc p
         where pronamespace = 'rowpass'::regnamespace and has_function_privilege('public', oid, 'EXECUTE')
        union all select relname from pg_class
         where relnamespace = 'rowpass'::regnamespace and relkind in ('r', 'v', 'm', 'S', 'p')
           and has_table_privilege('public', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
         order by name`),
    ).toEqual([{ name: 'gateway_contracts' }, { name: 'refuse_ended_session' }])
  })

  it('SEC-36 may have a name that is no uuid, as other issuers give it', async () => {
    for (const sid of ['session_2N1xYz', 'ü😀', 'a:b;c', '00000000-0000-0000-0000-00000000000A', 'x'.repeat(2_000)]) {
      const token = await tokenOf(sid)
      expect((await scene.gateway.sql(token, readAll)).body.rows).toEqual(ofAda)
      await end(sid)
      expect(await scene.gateway.sql(token, readAll)).toMatchObject(ended)
    }
  })

  it.each([7, null, '', {}, ['a'], true])('cannot be named by %j: such a token has no session', async (sid) => {
    expect((await scene.gateway.sql(await tokenOf(sid), readAll)).body.rows).toEqual(ofAda)
  })

  it('is looked up for tokens that name a session, and for no others', async () => {
    const [token, without] = [await tokenOf(randomUUID()), await scene.gateway.issuer.token('ada')]
    await withConnection(scene.database.ownerUrl, async (client) => {
      await client.query('begin; lock table rowpass.revoked_sessions in access exclusive mode')
      expect((await scene.gateway.sql(without, readAll)).body.rows).toEqual(ofAda)
      const waiting = scene.gateway.sql(token, readAll)
      await client.query('rollback')
      expect((await waiting).body.rows).toEqual(ofAda)
    })
  })

  it('an error of a function of the owner is not taken for it', async () => {
    await scene.asOwner(`create function refuse() returns text language plpgsql as $$
        begin raise exception 'the session has been ended' using errcode = '28000'; end $$;
      grant execute on function refuse() to authenticated`)
    const { body } = await scene.gateway.sql(await tokenOf(randomUUID()), 'select refuse()')
    expect(body).toMatchObject({ code: '28000', message: 'the session has been ended', hint: null })
  })

  it.each(['authenticated', 'anonymous', 'rowpass_gateway', 'rowpass_issuer'])(
    'SEC-37 the role %s can neither see, end nor revive one',
    async (role) => {
      const calls = [
        'select * from rowpass.revoked_sessions',
        "insert into rowpass.revoked_sessions values (gen_random_uuid(), now() + interval '1 hour')",
        'delete from rowpass.revoked_sessions',
        "select rowpass.end_session('x')",
        "select rowpass.session_id('x')",
      ]
      for (const sql of calls) {
        await expect(scene.asSuperuser(`begin; set local role ${role}; ${sql}`)).rejects.toMatchObject({
          code: '42501',
        })
      }
    },
  )

  it('goes when its tokens have expired, a hundred rows with each that comes', async () => {
    await scene.asOwner('truncate rowpass.revoked_sessions')
    await scene.asOwner(`insert into rowpass.revoked_sessions
      select gen_random_uuid(), now() + interval '10 minutes' * sign(n - 150.5) from generate_series(1, 160) n`)
    const count = async () => Number((await scene.asOwner('select count(*) from rowpass.revoked_sessions'))[0]?.count)
    expect(await count()).toBe(60)
    await end(randomUUID())
    expect(await count()).toBe(11)
    await end(randomUUID(), "now() - interval '1 minute'")
    expect(await count()).toBe(12)
    await end(randomUUID(), "now() - interval '3 minutes'")
    expect(await count()).toBe(12)
  })

  it('a later end counts where a session is ended twice', async () => {
    const sid = randomUUID()
    await end(sid, "'2100-01-02'")
    await end(sid, "'2100-01-01'")
    expect(
      await scene.asOwner(
        `select expires_at = '2100-01-02 00:02' as late from rowpass.revoked_sessions where sid = '${sid}'`,
      ),
    ).toEqual([{ late: true }])
  })
})
