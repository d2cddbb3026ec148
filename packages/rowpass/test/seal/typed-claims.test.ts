import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { become } from '../../src/access/identity.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const one = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const two = 'E3E0BC31-2DF8-4410-9B5D-FF71CF509A8E'

/** What each function makes of a claim; the functions that are not named give NULL. */
const claims: [claim: unknown, read: Record<string, unknown>][] = [
  ['admin', { text: 'admin' }],
  ['', { text: '' }],
  ["it's \\ \n é", { text: "it's \\ \n é" }],
  [one, { text: one, uuid: one }],
  [two, { text: two, uuid: two.toLowerCase() }],
  [`${one}\n`, { text: `${one}\n` }],
  [`{${one}}`, { text: `{${one}}` }],
  [one.replaceAll('-', ''), { text: one.replaceAll('-', '') }],
  [one.slice(1), { text: one.slice(1) }],
  [`${one}0`, { text: `${one}0` }],
  [one.replace('f', '-'), { text: one.replace('f', '-') }],
  [one.replace('f', 'g'), { text: one.replace('f', 'g') }],
  [one.replace('f', '٣'), { text: one.replace('f', '٣') }],
  ['42', { text: '42', int: '42' }],
  ['-7', { text: '-7', int: '-7' }],
  ['0', { text: '0', int: '0' }],
  ['007', { text: '007' }],
  ['-0', { text: '-0' }],
  ['--7', { text: '--7' }],
  ['7-', { text: '7-' }],
  ['-', { text: '-' }],
  ['+7', { text: '+7' }],
  ['٣', { text: '٣' }],
  ['-999999999999999999', { text: '-999999999999999999', int: '-999999999999999999' }],
  ['-1000000000000000000', { text: '-1000000000000000000' }],
  ['4 2', { text: '4 2' }],
  [0, { int: '0' }],
  [-12, { int: '-12' }],
  [999_999_999_999_999, { int: '999999999999999' }],
  ['999999999999999999', { text: '999999999999999999', int: '999999999999999999' }],
  ['1000000000000000000', { text: '1000000000000000000' }],
  [1e300, {}],
  [1.5, {}],
  [true, { bool: true }],
  [false, { bool: false }],
  ['true', { text: 'true' }],
  [null, {}],
  [{ admin: true }, {}],
  [[], { uuids: [], texts: [] }],
  [[one], { uuids: [one], texts: [one] }],
  [[one, two], { uuids: [one, two.toLowerCase()], texts: [one, two] }],
  [['admin'], { texts: ['admin'] }],
  [['a"b', 'c,d', '', 'NULL', '{', '\\'], { texts: ['a"b', 'c,d', '', 'NULL', '{', '\\'] }],
  [[one, 'x'], { texts: [one, 'x'] }],
  [[one, 1], {}],
  [[one, null], {}],
  [[[one]], {}],
  [[one, [two]], {}],
]
const kinds = ['text', 'uuid', 'int', 'bool', 'uuids', 'texts']

describePg('typed claims', () => {
  let database: TestDatabase
  let owner: pg.Client

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    owner = new pg.Client(database.ownerUrl)
    await owner.connect()
  })
  afterAll(async () => {
    await owner.end()
    await database.close()
  })

  const readAll = async (given: Readonly<Record<string, unknown>>, name = 'claim') => {
    await owner.query('begin')
    try {
      await become(owner, { role: 'authenticated', claims: given }, { kind: 'sealed' })
      const list = kinds.map((kind) => `auth.claim_${kind}($1) as ${kind}`)
      const { rows } = await owner.query(`select ${list.join(', ')}`, [name])
      return Object.fromEntries(Object.entries(rows[0]).filter(([, value]) => value !== null))
    } finally {
      await owner.query('rollback')
    }
  }

  it.each(claims.map(([claim, read]) => [JSON.stringify(claim), claim, read] as const))(
    'SEC-43 the claim %s is read as what it is, and is NULL as anything else',
    async (_title, claim, read) => {
      expect(await readAll({ sub: 'x', claim })).toEqual(read)
    },
  )

  it('SEC-43 without the claim, without any claims and after the transaction, each is NULL', async () => {
    expect(await readAll({ sub: 'x' })).toEqual({})
    expect(await readAll({})).toEqual({})
    const list = kinds.map((kind) => `auth.claim_${kind}('sub') is null as ${kind}`)
    const { rows } = await owner.query(`select ${list.join(', ')}`)
    expect(new Set(Object.values(rows[0]))).toEqual(new Set([true]))
  })

  it('SEC-43 functions and operators of another schema do not make a uuid of what is none', async () => {
    await owner.query(`create schema evil;
      create function evil.translate(text, text, text) returns text language sql immutable
        return '00000000-0000-0000-0000-000000000000';
      create function evil.yes(text, text) returns boolean language sql immutable return true;
      create operator evil.= (leftarg = text, rightarg = text, function = evil.yes);
      grant usage on schema evil to authenticated;
      set search_path = evil, pg_catalog, public`)
    try {
      expect(await readAll({ sub: 'x', claim: 'admin' })).toEqual({ text: 'admin' })
      expect(await readAll({ sub: 'x', claim: one })).toEqual({ text: one, uuid: one })
    } finally {
      await owner.query('reset search_path; drop schema evil cascade')
    }
  })

  it('PostgreSQL puts the expression in the place of the call, so that a claim costs no call of its own', async () => {
    const { rows } = await owner.query(`explain verbose select ${kinds.map((kind) => `auth.claim_${kind}('c')`)}`)
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(
      /^(?!.*claim_(text\(|uuid\(|int|bool|uuids)).*rowpass/s,
    )
  })

  it('SEC-63 the functions are for the two roles of requests, and are as safe as they can be declared', async () => {
    const { rows } = await owner.query(
      `select distinct provolatile, proparallel, prosecdef, proacl::text from pg_proc where proname like 'claim\\_%'`,
    )
    expect(rows).toEqual([
      {
        provolatile: 's',
        proparallel: 's',
        prosecdef: false,
        proacl: '{rowpass_owner=X/rowpass_owner,authenticated=X/rowpass_owner,anonymous=X/rowpass_owner}',
      },
    ])
  })
})
