/**
 * A statement that takes more memory than a process may have fails alone.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, describePg, type TestDatabase } from '../../rowpass/test/support/pg.ts'
import { openForServer } from '../src/postgres/data-folder.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/postgres/embedded.ts'
import { readPostmaster } from '../src/postgres/postmaster.ts'

const memoryMb = 512

/** A lower limit is as much of one, and sooner reached. */
const lowMb = 128

/** Each takes 1 to 3 GB where there is no limit. */
const hungry = [
  'select length(array_agg(g)::text) from generate_series(1, 50000000) g',
  `select length(string_agg(repeat('x', 1000), '')) from generate_series(1, 1000000)`,
  `select length(repeat('x', 1000000000))`,
  `with recursive t(x) as (select repeat('x', 8) union all select x || x from t where length(x) < 1000000000)
   select max(length(x)) from t`,
]

const open = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client(url)
  await client.connect()
  return client
}
const codeOf = (client: pg.Client, sql: string): Promise<unknown> =>
  client.query(sql).then(
    ({ rows }) => rows,
    (error: { code?: string }) => error.code,
  )
const dataLimit = (pid: number): string =>
  /^Max data size +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? ''

if (process.platform === 'linux')
  describe('the memory of the embedded PostgreSQL', () => {
    let directory: string
    let server: EmbeddedPostgres
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'rowpass-memory-'))
      openForServer(directory)
      server = await startEmbeddedPostgres({ directory, durable: false })
    })
    afterAll(async () => {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    it('is limited for each process, and the limit can be changed', async () => {
      const { pid } = readPostmaster(server.dataDirectory)!
      expect(dataLimit(pid)).toBe(String(memoryMb * 1024 * 1024))
      const other = mkdtempSync(join(tmpdir(), 'rowpass-memory-'))
      openForServer(other)
      const limits: string[] = []
      for (const megabytes of [0, 300]) {
        const started = await startEmbeddedPostgres({ directory: other, durable: false, memoryMb: megabytes })
        limits.push(dataLimit(readPostmaster(started.dataDirectory)!.pid))
        await started.stop()
      }
      rmSync(other, { recursive: true, force: true })
      expect(limits).toEqual([dataLimit(process.pid), String(300 * 1024 * 1024)])
    })

    it('SEC-75 statements that exhaust it fail with 53200, all at once, and no other session notices', {
      timeout: 180_000,
    }, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rowpass-memory-'))
      openForServer(folder)
      const low = await startEmbeddedPostgres({ directory: folder, durable: false, memoryMb: lowMb })
      const url = low.superuserUrl
      const attackers = await Promise.all(hungry.map(() => open(url)))
      const victims = await Promise.all([open(url), open(url), open(url)])
      const pids = async () =>
        Promise.all(
          [...attackers, ...victims].map(
            async (each) => (await each.query('select pg_backend_pid() as pid')).rows[0].pid,
          ),
        )
      const before = await pids()
      let over = false
      const answers = victims.map(async (victim) => {
        for (let count = 0; ; count++) {
          expect((await victim.query('select 1 as one')).rows).toEqual([{ one: 1 }])
          if (over) return count
          await delay(20)
        }
      })
      const codes = await Promise.all(hungry.map((sql, index) => codeOf(attackers[index]!, sql)))
      over = true
      expect(codes).toEqual(hungry.map(() => '53200'))
      for (const count of await Promise.all(answers)) expect(count).toBeGreaterThan(0)
      expect(await pids()).toEqual(before)
      for (const client of [...attackers, ...victims]) await client.end()
      await low.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    it('SEC-75 a stack that grows when nothing is left ends no process', { timeout: 120_000 }, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rowpass-memory-'))
      openForServer(folder)
      const small = await startEmbeddedPostgres({ directory: folder, durable: false, memoryMb: 64 })
      const client = await open(small.superuserUrl)
      const victim = await open(small.superuserUrl)
      // Both sides of the number of rows for which there is room, but for nothing more.
      const run = (rows: number) =>
        codeOf(
          client,
          `with a as materialized (select array_agg(repeat('x', 900)) as v from generate_series(1, ${rows}) g)
           select repeat('[', 200000 + 0 * array_length(v, 1))::json from a`,
        )
      let [fits, fails] = [100, 100_000]
      while (fails - fits > 20) {
        const middle = Math.floor((fits + fails) / 2)
        if ((await run(middle)) === '53200') fails = middle
        else fits = middle
      }
      const codes = new Set<unknown>()
      for (let rows = fits - 60; rows <= fails + 20; rows += 4) codes.add(await run(rows))
      expect([...codes].sort()).toEqual(['53200', '54001'])
      expect((await victim.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      await client.end()
      await victim.end()
      await small.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    it('SEC-75 leaves room for what a server does by itself, and for a result of 100 MB', async () => {
      const client = await open(server.superuserUrl)
      await client.query(`create table many as select g, md5(g::text) as text from generate_series(1, 200000) g`)
      for (const sql of ['create index on many (text)', 'vacuum analyze many', 'drop table many'])
        await client.query(sql)
      const { rows } = await client.query(`select repeat('x', 100000000) as x`)
      expect(rows[0].x).toHaveLength(100_000_000)
      await client.end()
    })
  })

/** As `LimitDATA=` of systemd does, here for one session of a server that somebody else has started. */
describePg('a server under a limit of data', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
  })
  afterAll(() => database.close())

  if (process.platform === 'linux')
    it('SEC-75 answers 53200 and keeps the session', { timeout: 120_000 }, async () => {
      const client = await open(database.superuserUrl)
      const victim = await open(database.superuserUrl)
      const { rows } = await client.query('select pg_backend_pid() as pid')
      const pid = Number(rows[0].pid)
      // As the account of the server: root may lack the right to do it to others.
      const { uid, gid } = statSync(`/proc/${pid}`)
      const account = process.getuid?.() === 0 ? { uid, gid } : {}
      execFileSync('prlimit', [`--data=${lowMb * 1024 * 1024}`, '--pid', String(pid)], account)
      for (const sql of hungry) expect([sql, await codeOf(client, sql)]).toEqual([sql, '53200'])
      expect((await client.query('select pg_backend_pid() as pid')).rows).toEqual(rows)
      expect((await victim.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      await client.end()
      await victim.end()
    })
})
