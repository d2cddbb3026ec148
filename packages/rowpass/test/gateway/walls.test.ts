/**
 * The three walls, one at a time: each attack is run with no wall, to see that it is one, and then against each wall
 * that is said to stop it while the other two are down. SECURITY.md has the same table; it is compared with this one.
 *
 * Walls are taken down like this. The parser: statements go straight to a connection that carries the envelope. The
 * powerless login: one with rights takes its place. The seal: policies read the plain setting, as they do where claims
 * are not sealed.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { ticketOf } from '../../src/seal/form.ts'
import { type SealedSession, sealSession } from '../../src/seal/seal.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { describePg, isNoTestRole, repository } from '../support/pg.ts'
import { bobsSecret, type Scene, startScene } from './scene.ts'

type Wall = 'parser' | 'login' | 'seal'

interface Attack {
  readonly title: string
  /** In one transaction, after the envelope. The last one brings the gain. */
  readonly statements: readonly string[]
  /** Each of these stops it alone. */
  readonly stoppedBy: readonly Wall[]
  /** Whether the rows of the last statement are a gain; without it, it is enough that nothing failed. */
  readonly gains?: (rows: readonly unknown[][]) => boolean
  /** It reaches for another identity or its rows, and not for the session, the server or its time. */
  readonly identity: boolean
}

const readAll = 'select owner, body from public.notes'
const forged = '{"sub":"bob","exp":99999999999}'
const forge = `set_config('rowpass.claims', '${forged}', true)`
const seesBob = (rows: readonly unknown[][]): boolean => rows.flat().includes(bobsSecret)
const hasRows = (rows: readonly unknown[][]): boolean => rows.length > 0

const attacks: readonly Attack[] = [
  ...forgeries([
    ['claims by set_config()', `select ${forge}`],
    ['claims by SET', `set local rowpass.claims = '${forged}'`],
    ['claims by DO', `do $$ begin perform ${forge}; end $$`],
    ['claims by query_to_xml()', `select query_to_xml($$select ${forge}$$, true, false, '')`],
    ['claims by PREPARE and EXECUTE', `prepare forgery as select ${forge}; execute forgery`],
    ['claims by a second statement in one text', `select 1; select ${forge}`],
    ['claims by a ticket made up', `select ${forge}, set_config('rowpass.seal', repeat('0', 32), true)`],
  ]),
  {
    title: 'claims by a function of the owner that sets anything',
    statements: [`select public.set_any('rowpass.claims', '${forged}', true)`, readAll],
    stoppedBy: ['seal'],
    gains: seesBob,
    identity: true,
  },
  {
    title: 'claims by a function of their own',
    statements: [
      'reset role',
      `create function public.forge() returns text language sql as $$select ${forge}$$`,
      'select public.forge()',
      'set role authenticated',
      readAll,
    ],
    stoppedBy: ['parser', 'login', 'seal'],
    gains: seesBob,
    identity: true,
  },
  {
    title: 'claims of a later session, by ALTER ROLE',
    statements: ['reset role', `alter role current_user set rowpass.claims = '${forged}'`],
    stoppedBy: ['parser'],
    identity: false,
  },
  {
    title: 'no seal at all',
    statements: [`select set_config('rowpass.seal', '', true), ${forge}`, readAll],
    stoppedBy: ['parser', 'seal'],
    gains: seesBob,
    identity: true,
  },
  {
    title: 'functions in front of those of the seal',
    statements: [
      'reset role',
      'create schema evil',
      `create function evil.session() returns jsonb language sql as $$select '${forged}'::jsonb$$`,
      `create function evil.sha256(bytea) returns bytea language sql as $$select '\\x00'::bytea$$`,
      `select set_config('search_path', 'evil, rowpass, auth, pg_catalog', true), ${forge}`,
      'set role authenticated',
      readAll,
    ],
    stoppedBy: ['parser', 'login', 'seal'],
    gains: seesBob,
    identity: true,
  },
  ...roles([
    ['RESET ROLE', 'reset role'],
    ['SET ROLE NONE', 'set role none'],
    ['RESET SESSION AUTHORIZATION', 'reset session authorization'],
    ['the end of the transaction', 'commit'],
  ]),
  {
    title: 'SET ROLE of the owner',
    statements: ['set role rowpass_owner', 'select name from rowpass.seal_keys'],
    stoppedBy: ['parser', 'login'],
    gains: hasRows,
    identity: true,
  },
  {
    title: 'SET SESSION AUTHORIZATION of the owner',
    statements: ['set session authorization rowpass_owner', 'select name from rowpass.seal_keys'],
    stoppedBy: ['parser', 'login'],
    gains: hasRows,
    identity: true,
  },
  {
    title: 'the keys of the seal',
    statements: ['reset role', 'select encode(inner_pad, $$hex$$) from rowpass.seal_keys'],
    stoppedBy: ['parser', 'login'],
    gains: hasRows,
    identity: true,
  },
  ...definitions([
    ['the identities that the database remembers', 'select session from rowpass.identities'],
    [
      'an identity that it is to remember',
      `insert into rowpass.identities
         select sha256('1'), 'authenticated', 'infinity'::timestamptz, name, null::uuid, '${forged}'::jsonb, null::uuid, sha256('1')
           from rowpass.seal_keys limit 1`,
    ],
    ['policies switched off', 'alter table public.notes disable row level security'],
    ['a policy that allows everything', 'create policy open on public.notes using (true)'],
    ['rights by GRANT', 'grant all on public.notes to anonymous'],
    ['a role by CREATE ROLE', `create role ${`evil_${randomBytes(4).toString('hex')}`} superuser`],
    ['a trigger on the rows of others', 'create trigger t before update on public.notes execute function t()'],
    ['the table by COPY', "copy public.notes to '/dev/null'"],
    ['a program by COPY', "copy (select 1) to program 'cat'"],
    ['files of the server', `select pg_read_file('PG_VERSION')`],
    ['a temporary table in front of another', 'create temp table notes (id int)'],
    ['the passwords of roles', 'select rolpassword from pg_authid'],
  ]),
  ...nuisances([
    ['time by SET statement_timeout', 'set statement_timeout = 0'],
    ['time by UPDATE pg_settings', `update pg_settings set setting = '0' where name = 'statement_timeout'`],
    ['time by pg_sleep()', 'select pg_sleep(0)'],
    ['locks by pg_advisory_lock()', 'select pg_advisory_xact_lock(1)'],
    ['the notices of others by LISTEN', 'listen news'],
    ['the envelope by DEALLOCATE', 'prepare p as select 1; deallocate all'],
    ['the password of the login by ALTER ROLE', `reset role; alter role current_user password 'mine'`],
    ['counts of hidden rows by EXPLAIN', `explain analyze select 1 from public.notes where body >= 'c'`],
    ['sizes of tables by pg_class', `select relpages, reltuples from pg_class where relname = 'notes'`],
    ['places among hidden rows by ctid', 'select ctid from public.notes'],
  ]),
]

function forgeries(given: [title: string, statement: string][]): Attack[] {
  return given.map(([title, statement]) => ({
    title,
    statements: [statement, readAll],
    stoppedBy: ['parser', 'seal'],
    gains: seesBob,
    identity: true,
  }))
}

function roles(given: [title: string, statement: string][]): Attack[] {
  return given.map(([title, statement]) => ({
    title: `rights of the login by ${title}`,
    statements: [statement, readAll],
    stoppedBy: ['parser', 'login', 'seal'],
    gains: seesBob,
    identity: true,
  }))
}

function definitions(given: [title: string, statement: string][]): Attack[] {
  return given.map(([title, statement]) => ({
    title,
    statements: ['reset role', statement],
    stoppedBy: ['parser', 'login'],
    identity: true,
  }))
}

function nuisances(given: [title: string, statement: string][]): Attack[] {
  return given.map(([title, statement]) => ({
    title,
    statements: statement.split('; '),
    stoppedBy: ['parser'],
    identity: false,
  }))
}

describePg('the walls', () => {
  /** Policies that believe the plain setting: no seal. */
  let plain: Scene
  /** Policies as they should be. */
  let sealed: Scene
  /** The parser is the only wall: its login is a superuser, its policies are plain. */
  let behindParser: TestGateway
  let ada: string
  const strongName = `rowpass_test_strong_${randomBytes(4).toString('hex')}`

  beforeAll(async () => {
    plain = await startScene(
      {},
      `drop policy notes_own on notes;
       create policy notes_own on notes to authenticated
         using (owner = (select current_setting('rowpass.claims', true)::jsonb ->> 'sub'));
       create function t() returns trigger language plpgsql as 'begin return new; end'`,
    )
    sealed = await startScene()
    behindParser = await startTestGateway(plain.database, {
      ROWPASS_DATABASE_URL: plain.database.superuserUrl,
      ROWPASS_POOL_SIZE: '1',
    })
    ada = await behindParser.issuer.token('ada')
    // Every right but those of the owner: it may read the table, create things, and inherits what a request may do.
    await sealed.asSuperuser(
      `create role ${strongName} login inherit password 'strong' in role authenticated;
       grant create, temporary on database ${sealed.database.name} to ${strongName}, authenticated;
       grant create, usage on schema public to ${strongName}, authenticated;
       grant all on notes to ${strongName}, authenticated`,
    )
  })
  afterAll(async () => {
    await behindParser.close()
    await sealed.asSuperuser(`drop owned by ${strongName}; drop role ${strongName}`)
    await plain.close()
    await sealed.close()
  })

  const strongUrl = (): string => {
    const url = new URL(sealed.database.gatewayUrl)
    url.username = strongName
    url.password = 'strong'
    return url.href
  }

  function sealOfAda(scene: Scene): SealedSession {
    const exp = Math.floor(Date.now() / 1000) + 900
    return sealSession(scene.database.sealKeys[0], {
      role: 'authenticated',
      exp,
      claimsJson: JSON.stringify({ sub: 'ada', exp }),
    })
  }

  /**
   * Runs an attack on a connection, past the parser; says whether it gained anything. Nothing of it stays.
   * @param session of Ada: her sealed claims by default
   */
  function runPastParser(
    url: string,
    scene: Scene,
    { statements, gains }: Pick<Attack, 'statements' | 'gains'>,
    { claims, seal }: SealedSession = sealOfAda(scene),
  ): Promise<boolean> {
    return withConnection(url, async (client) => {
      await client.query('begin')
      await client.query(
        `select set_config('role', $1, true), set_config('rowpass.claims', $2, true), set_config('rowpass.seal', $3, true)`,
        ['authenticated', claims, seal],
      )
      try {
        let last: pg.QueryResult | undefined
        for (const text of statements) {
          const result = await client.query({ text, rowMode: 'array' })
          last = Array.isArray(result) ? result.at(-1) : result
        }
        return gains?.(last?.rows ?? []) ?? true
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error
        return false
      } finally {
        await client.query('rollback')
      }
    })
  }

  async function runAtParser({ statements }: Attack): Promise<{ status: number; refused: boolean; secret: boolean }> {
    const { status, body } = await behindParser.batch(ada, [...statements])
    const refused = body.code === '42601' || String(body.hint).startsWith('statement_refused')
    return { status, refused, secret: JSON.stringify(body).includes(bobsSecret) }
  }

  const titled = attacks.map((attack) => [attack.title, attack] as const)
  const against = (wall: Wall) => titled.filter(([, { stoppedBy }]) => stoppedBy.includes(wall))

  describe('with none of them', () => {
    it.each(titled)('%s: the attack succeeds', async (_title, attack) => {
      expect(await runPastParser(plain.database.superuserUrl, plain, attack)).toBe(true)
    })
  })

  describe('the parser alone, before a superuser and policies without a seal', () => {
    it.each(against('parser'))('SEC-37 SEC-38 SEC-39 SEC-40 stops %s', async (_title, attack) => {
      expect(await runAtParser(attack)).toEqual({ status: 400, refused: true, secret: false })
    })

    it('lets the rows of the caller through', async () => {
      expect((await behindParser.sql(ada, readAll)).body.rows).toEqual([{ owner: 'ada', body: 'of ada' }])
    })
  })

  describe('the powerless login alone, without a parser and with policies without a seal', () => {
    it.each(against('login'))('SEC-38 stops %s', async (_title, attack) => {
      expect(await runPastParser(plain.database.gatewayUrl, plain, attack)).toBe(false)
    })

    it('SEC-38 it has no right of its own in the cluster', async () => {
      const [role] = await plain.asSuperuser(
        `select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication, rolcanlogin,
           (select array_agg(roleid::regrole::text order by roleid::regrole::text) from pg_auth_members where member = r.oid and ${isNoTestRole}) as member_of,
           (select count(*)::int from pg_shdepend where refobjid = r.oid and deptype = 'o') as owns
         from pg_roles r where rolname = 'rowpass_gateway'`,
      )
      expect(role).toEqual({
        rolsuper: false,
        rolinherit: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolbypassrls: false,
        rolreplication: false,
        rolcanlogin: true,
        member_of: ['anonymous', 'authenticated'],
        owns: 0,
      })
    })

    it('SEC-43 as itself, and as either request role without an identity, it reads no row', async () => {
      await withConnection(sealed.database.gatewayUrl, async (client) => {
        await expect(client.query(readAll)).rejects.toMatchObject({ code: '42501' })
        await client.query('set role anonymous')
        await expect(client.query(readAll)).rejects.toMatchObject({ code: '42501' })
        await client.query('set role authenticated')
        expect((await client.query(readAll)).rows).toEqual([])
      })
    })
  })

  describe('the seal alone, without a parser and with a login that has rights', () => {
    it.each(against('seal'))('SEC-37 SEC-38 stops %s', async (_title, attack) => {
      expect(await runPastParser(strongUrl(), sealed, attack)).toBe(false)
    })

    it('lets the rows of the caller through', async () => {
      const rows = await runPastParser(strongUrl(), sealed, {
        statements: [readAll],
        gains: (found) => found.length === 1 && found[0]?.[1] === 'of ada',
      })
      expect(rows).toBe(true)
    })

    it('SEC-37 holds in parallel workers', async () => {
      const parallel = (text: string) =>
        runPastParser(strongUrl(), sealed, {
          statements: [
            `select set_config(name, 'on', true) from pg_settings where name in ('debug_parallel_query', 'force_parallel_mode')`,
            `select set_config('parallel_setup_cost', '0', true), set_config('min_parallel_table_scan_size', '0', true)`,
            text,
          ],
          gains: (found) => found.length === 1 && found[0]?.[1] === 'of ada',
        })
      expect(await parallel(`${readAll} where auth.user_id() = owner`)).toBe(true)
    })
  })

  describe('the seal alone, verified once and remembered', () => {
    let ticket: SealedSession

    beforeAll(async () => {
      const session = sealOfAda(sealed)
      await sealed.asSuperuser(`begin;
        select set_config('role', 'authenticated', true), set_config('rowpass.claims', '${session.claims}', true),
          set_config('rowpass.seal', '${session.seal}', true);
        select rowpass.admit_identity(); commit`)
      ticket = { claims: '', seal: ticketOf(session) }
    })

    it.each(against('seal'))('SEC-37 SEC-38 stops %s', async (_title, attack) => {
      expect(await runPastParser(strongUrl(), sealed, attack, ticket)).toBe(false)
    })

    it('lets the rows of the caller through', async () => {
      const gains = (found: readonly unknown[][]) => found.length === 1 && found[0]?.[1] === 'of ada'
      expect(await runPastParser(strongUrl(), sealed, { statements: [readAll], gains }, ticket)).toBe(true)
    })
  })

  it('every attack on identity is stopped by at least two walls, but for the one that the owner helps', () => {
    const single = attacks.filter(({ identity, stoppedBy }) => identity && stoppedBy.length < 2)
    expect(single.map(({ title }) => title)).toEqual(['claims by a function of the owner that sets anything'])
  })

  it('SECURITY.md has this table', () => {
    const lines = readFileSync(`${repository}SECURITY.md`, 'utf8').split('\n')
    const start = lines.findIndex((line) => line.startsWith('| attack '))
    const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
    const cells = lines.slice(start + 2, end).map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, 5),
    )
    const stops = (attack: Attack, wall: Wall) => (attack.stoppedBy.includes(wall) ? 'stops' : '–')
    expect(cells).toEqual(
      attacks.map((attack) => [attack.title, stops(attack, 'parser'), stops(attack, 'login'), stops(attack, 'seal')]),
    )
  })
})
