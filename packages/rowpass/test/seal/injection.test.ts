/**
 * The application as the attacker: a hostile text stands in its SQL, and no parser is in front. Each attack runs over a
 * sealed database as Ada; what it is after are the rows of Bob, or what a later statement of somebody else does.
 */
import { readFileSync } from 'node:fs'
import { neon } from '@neondatabase/serverless'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PrismaClient } from '../../../../examples/seal/prisma/generated/client.ts'
import { sealed } from '../../src/seal/sealed.ts'
import { describePg, repository } from '../support/pg.ts'
import { bobsSecret, openSealScene, type SealScene } from './scene.ts'

interface Attack {
  readonly title: string
  /** What stands in the place of a statement of the application, one after the other. */
  readonly texts: readonly string[]
  /** Whether it is held, whichever way it is run. */
  readonly holds: boolean
}

const forged = '{"sub":"bob","exp":99999999999}'
const forge = `set_config('rowpass.claims', '${forged}', true)`
const readAll = 'select owner, body from public.notes'

const held = (title: string, ...texts: string[]): Attack => ({ title, texts, holds: true })
const open = (title: string, ...texts: string[]): Attack => ({ title, texts, holds: false })

/** An attack that is held shows no row of Bob, and changes none; one that is not succeeds without an error. */
const attacks: readonly Attack[] = [
  held('claims by set_config()', `select ${forge}`, readAll),
  held('claims by SET', `set local rowpass.claims = '${forged}'`, readAll),
  held('claims by DO', `do $$ begin perform ${forge}; end $$`, readAll),
  held('claims by query_to_xml()', `select query_to_xml($$select ${forge}$$, true, false, '')`, readAll),
  held('claims and rows in one statement', `select ${forge}, (select string_agg(body, ',') from public.notes)`),
  held('claims by a second statement in one text', `select 1; select ${forge}; ${readAll}`),
  held('no seal at all', `select set_config('rowpass.seal', '', true), ${forge}`, readAll),
  held('the role of nobody', 'set role anonymous', readAll),
  held('rights of the login by RESET ROLE', 'reset role', readAll),
  held('rights of the login by SET ROLE NONE', 'set role none', readAll),
  held('rights of the login by the end of the transaction', 'commit', readAll),
  held('SET ROLE of the owner', 'set role rowpass_owner', readAll),
  held('SET SESSION AUTHORIZATION of the owner', 'set session authorization rowpass_owner', readAll),
  held('the keys of the seal', 'select encode(inner_pad, $$hex$$) from rowpass.seal_keys'),
  held('row-level security switched off', 'set row_security = off', readAll),
  held('policies switched off', 'alter table public.notes disable row level security'),
  held('a policy that allows everything', 'create policy open on public.notes using (true)'),
  held('rights by GRANT', 'grant all on public.notes to anonymous'),
  held('a function in front of another', 'create function public.lower(text) returns text language sql return $1'),
  held('the table by COPY', `copy public.notes to '/dev/null'`),
  held('files of the server', `select pg_read_file('PG_VERSION')`),
  held('a temporary table in front of another', 'create temp table notes (id int, owner text, body text)'),
  held('the passwords of roles', 'select rolpassword from pg_authid'),
  held('rows of others by UPDATE', `update public.notes set owner = 'ada' where owner = 'bob'`),
  held('a row for others by INSERT', `insert into public.notes (owner, body) values ('bob', 'not his')`),
  open('settings', `select set_config('statement_timeout', '0', true)`),
  open('time by pg_sleep()', 'select pg_sleep(0)'),
  open('locks by pg_advisory_lock()', 'select pg_advisory_xact_lock(83)'),
  open('locks of rows of one’s own', 'select body from public.notes for update'),
  open('the notices of others by LISTEN', 'listen news'),
  open(
    'settings of later sessions by ALTER ROLE',
    `do $$begin execute 'reset role'; execute format('alter role %I in database %I set application_name = mine', session_user, current_database()); end$$`,
  ),
  open('statements of other sessions', 'select query from pg_stat_activity where usename = session_user'),
  open('the end of other sessions', 'select pg_terminate_backend(0)'),
  open('counts of hidden rows by EXPLAIN', `explain analyze select 1 from public.notes where body >= 'c'`),
  open('sizes of tables by pg_class', `select relpages, reltuples from pg_class where relname = 'notes'`),
]

/** Prisma reads no answer of the type void, and so only those of attacks that would show something. */
type PrismaMethod = '$queryRawUnsafe' | '$executeRawUnsafe'

describePg('SQL that an attacker writes into the statements of an application', () => {
  let scene: SealScene
  let pool: pg.Pool
  let prisma: PrismaClient

  beforeAll(async () => {
    scene = await openSealScene()
    pool = new pg.Pool({ connectionString: scene.url, max: 1 })
    prisma = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions: { maxWait: 30_000, timeout: 30_000 } })
  })
  afterAll(async () => {
    await prisma.$disconnect()
    await pool.end()
    await scene.close()
  })

  /** Each text on its own; in one transaction, as a batch over HTTP; in one transaction of a connection. */
  const ways: Record<string, (texts: readonly string[], send: PrismaMethod) => Promise<unknown>> = {
    'one by one over HTTP': (texts) => inTurn(texts, (text) => sealed(neon(scene.neonUrl), scene.ada).query(text)),
    'a batch over HTTP': (texts) => {
      const sql = sealed(neon(scene.neonUrl), scene.ada)
      return sql.transaction(texts.map((text) => sql.query(text)))
    },
    'one by one over a pool': (texts) =>
      inTurn(texts, async (text) => (await sealed(pool, scene.ada).query(text)).rows),
    'a transaction of a pool': async (texts) => {
      const client = await sealed(pool, scene.ada).connect()
      try {
        await client.query('begin')
        const results = await inTurn(texts, async (text) => (await client.query(text)).rows)
        await client.query('rollback')
        return results
      } finally {
        client.release()
      }
    },
    'a batch of Prisma': (texts, send) => {
      const ada = sealed(prisma, scene.ada)
      return ada.$transaction(texts.map((text) => ada[send](text)))
    },
    'a transaction of Prisma': (texts, send) =>
      sealed(prisma, scene.ada).$transaction((tx) => inTurn(texts, (text) => tx[send](text))),
  }

  async function inTurn<T>(texts: readonly string[], run: (text: string) => PromiseLike<T>): Promise<T[]> {
    const results: T[] = []
    for (const text of texts) results.push(await run(text))
    return results
  }

  const titled = (holds: boolean) =>
    attacks.filter((attack) => attack.holds === holds).map((attack) => [attack.title, attack.texts] as const)

  describe.each(Object.keys(ways))('%s', (way) => {
    it.each(titled(true))('SEC-83 gets no other identity by %s', async (_title, texts) => {
      const seen = await Promise.resolve(ways[way]?.(texts, '$queryRawUnsafe')).catch((error: Error) => {
        if (!/^(OptionError|PrismaClient\w+)$/.test(error.name)) expect(error).toHaveProperty('code')
        return undefined
      })
      expect(JSON.stringify(seen ?? null)).not.toContain(bobsSecret)
      expect(await scene.asOwner(`select body from notes where owner = 'bob' order by id`)).toEqual([
        { body: bobsSecret },
      ])
      // Neither does whoever comes next, with a seal or without.
      expect((await sealed(pool, scene.bob).query(readAll)).rows).toEqual([{ owner: 'bob', body: bobsSecret }])
      await expect(pool.query(readAll)).rejects.toMatchObject({ code: '42501' })
    })

    it.each(titled(false))('may well do: %s', async (_title, texts) => {
      await ways[way]?.(texts, '$executeRawUnsafe')
    })
  })

  it('SECURITY.md has this table', () => {
    const lines = readFileSync(`${repository}SECURITY.md`, 'utf8').split('\n')
    const start = lines.findIndex((line) => line.startsWith('| in the SQL of the application '))
    const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
    expect(lines.slice(start + 2, end)).toEqual(
      attacks.map(({ title, holds }) => `| ${title} | ${holds ? 'gains no identity' : 'not stopped'} |`),
    )
  })
})
