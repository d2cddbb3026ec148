import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { openScratchServer } from '../../src/scratch/server.ts'
import { describePg, urlFor } from '../support/pg.ts'

const url = () => inject('superuserUrl')
const script = (text: string) => [{ name: 'made.sql', text, isSeed: false }]
const home = <T>(sql: string) =>
  withConnection(urlFor('postgres'), async (client) => (await client.query(sql)).rows as T[])

/** Of these, what is there. */
async function left(names: readonly string[]): Promise<string[]> {
  const list = names.map((name) => `'${name}'`).join(', ')
  const rows = await home<{ name: string }>(
    `select datname as name from pg_database where datname in (${list})
     union select rolname from pg_roles where rolname in (${list}) order by 1`,
  )
  return rows.map(({ name }) => name)
}

describePg('throw-away databases', () => {
  const [old, role, own] = ['rowpass_scratch_0123456789_0', 'scratch_test_left', 'scratch_test_own'] as const
  beforeAll(async () => {
    await home(`create database ${old}`)
    await home(
      `create role ${role}; comment on role ${role} is 'made for rowpass_scratch_0123456789'; create role ${own}`,
    )
  })
  afterAll(async () => {
    await home(`drop database if exists ${old}`)
    await home(`drop role if exists ${role}; drop role if exists ${own}`)
  })

  it('of a process that was killed go when the next one begins, and those of one that lives stay', async () => {
    const living = await openScratchServer(url())
    expect(await left([old, role, own])).toEqual([own])
    const { url: made } = await living.create().then(async (database) => {
      await database.load(script('create role scratch_test_made; create table t (id int)'))
      return database
    })
    const name = new URL(made).pathname.slice(1)
    const next = await openScratchServer(url())
    expect(await left([name, 'scratch_test_made'])).toEqual([name, 'scratch_test_made'])
    // What a kill takes from it.
    await home(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 815005
      and objid::bigint = (hashtext('${name.slice(0, 26)}')::bigint & 4294967295)`)
    await next.close()
    const last = await openScratchServer(url())
    expect(await left([name, 'scratch_test_made'])).toEqual([])
    await last.close()
    await living.close()
  })
})
