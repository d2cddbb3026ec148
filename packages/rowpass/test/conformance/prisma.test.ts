/**
 * Prisma's adapters through the interface that Prisma Client drives them by; no generated client is needed.
 */
import type { PrismaNeon } from '@prisma/adapter-neon'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { openScene, type Scene } from './scene.ts'
import { adapterWithPassword, adapterWithToken } from './snippets/prisma.ts'

type SqlDriverAdapter = Awaited<ReturnType<PrismaNeon['connect']>>
type SqlQuery = Parameters<SqlDriverAdapter['queryRaw']>[0]

/** A query as Prisma Client hands it on. */
function query(sql: string, ...args: (string | number)[]): SqlQuery {
  const argTypes = args.map(
    (arg) => ({ scalarType: typeof arg === 'string' ? 'string' : 'int', arity: 'scalar' }) as const,
  )
  return { sql, args, argTypes }
}

describePg('Prisma’s adapter for Neon', () => {
  let scene: Scene
  let adapter: SqlDriverAdapter

  beforeAll(async () => {
    scene = await openScene()
  })
  afterAll(() => scene.close())

  describe('over WebSocket with a password', () => {
    beforeAll(async () => {
      adapter = await adapterWithPassword(scene.passwordUrl).connect()
    })
    afterAll(() => adapter.dispose())

    it('reads and writes', async () => {
      const { columnNames, rows } = await adapter.queryRaw(query('select id, name from things where id = $1', 1))
      expect({ columnNames, rows }).toEqual({ columnNames: ['id', 'name'], rows: [[1, 'one']] })
      expect(await adapter.executeRaw(query('update things set name = $2 where id = $1', 1, 'uno'))).toBe(1)
    })

    it('a transaction commits, or rolls back', async () => {
      for (const end of ['commit', 'rollback'] as const) {
        const transaction = await adapter.startTransaction('SERIALIZABLE')
        await transaction.executeRaw(query('update things set name = $2 where id = $1', 2, end))
        if (transaction.options.usePhantomQuery === false) await transaction.executeRaw(query(end))
        await transaction[end]()
      }
      expect((await adapter.queryRaw(query('select name from things where id = 2'))).rows).toEqual([['commit']])
    })

    it('errors are those that Prisma Client knows', async () => {
      const insert = adapter.executeRaw(query(`insert into things values (1, 'again')`))
      await expect(insert).rejects.toMatchObject({
        cause: { kind: 'UniqueConstraintViolation', originalCode: '23505', constraint: { fields: ['id'] } },
      })
      await expect(adapter.queryRaw(query('select * from nowhere'))).rejects.toMatchObject({
        cause: { kind: 'TableDoesNotExist', table: 'nowhere' },
      })
    })
  })

  describe('over HTTP with a token', () => {
    it('every statement is the bearer’s', async () => {
      const ada = await adapterWithToken(scene.tokenUrl, await scene.gateway.issuer.token('ada')).connect()
      const bob = await adapterWithToken(scene.tokenUrl, await scene.gateway.issuer.token('bob')).connect()
      expect(await ada.executeRaw(query('insert into notes (body) values ($1)', 'hers'))).toBe(1)
      expect((await ada.queryRaw(query('select owner, body from notes'))).rows).toEqual([['ada', 'hers']])
      expect((await bob.queryRaw(query('select owner, body from notes'))).rows).toEqual([])
      const theft = bob.executeRaw(query('insert into notes (owner, body) values ($1, $2)', 'ada', 'his'))
      await expect(theft).rejects.toMatchObject({ code: '42501' })
    })

    it('transactions are not possible over HTTP, says the adapter', async () => {
      const ada = await adapterWithToken(scene.tokenUrl, await scene.gateway.issuer.token('ada')).connect()
      await expect(ada.startTransaction()).rejects.toThrow('Transactions are not supported in HTTP mode')
    })
  })
})
