import { PrismaNeon } from '@prisma/adapter-neon'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Prisma, PrismaClient } from '../../../../examples/seal/prisma/generated/client.ts'
import { sealed } from '../../src/seal/sealed.ts'
import { describePg } from '../support/pg.ts'
import { openSealScene, type SealScene } from './scene.ts'

/** Prisma's own limits are those of a machine that does nothing else. */
const transactionOptions = { maxWait: 30_000, timeout: 30_000 }
const bodies = { select: { body: true }, orderBy: { id: 'asc' } } as const

describePg('Prisma Client, sealed', () => {
  let scene: SealScene
  beforeAll(async () => {
    scene = await openSealScene()
  })
  afterEach(() => scene.asOwner(`delete from notes where body not like 'of %'`))
  afterAll(() => scene.close())

  // One connection, so that whatever is left in it is found.
  const adapters = {
    'adapter-pg': () => new PrismaPg({ connectionString: scene.url, max: 1 }),
    'adapter-neon': () => new PrismaNeon({ connectionString: scene.neonUrl, max: 1 }),
  }

  describe.each(Object.entries(adapters))('over %s', (_name, connect) => {
    let prisma: PrismaClient
    const as = (identity: SealScene['ada']) => sealed(prisma, identity)
    beforeAll(() => {
      prisma = new PrismaClient({ adapter: connect(), transactionOptions })
    })
    afterAll(() => prisma.$disconnect())

    it('every kind of operation runs as its identity', async () => {
      const [ada, bob] = [as(scene.ada), as(scene.bob)]
      const made = await ada.notes.create({ data: { body: 'x' } })
      expect(made).toMatchObject({ owner: 'ada', body: 'x' })
      expect(await bob.notes.findMany(bodies)).toEqual([{ body: 'of bob' }])
      expect(await bob.notes.findUnique({ where: { id: made.id } })).toBeNull()
      expect(await bob.notes.updateMany({ where: { id: made.id }, data: { body: 'y' } })).toEqual({ count: 0 })
      await expect(bob.notes.update({ where: { id: made.id }, data: { body: 'y' } })).rejects.toMatchObject({
        code: 'P2025',
      })
      await expect(bob.notes.create({ data: { owner: 'ada', body: 'not hers' } })).rejects.toThrow('row-level security')
      expect(await ada.notes.createMany({ data: [{ body: 'a' }, { body: 'b' }] })).toEqual({ count: 2 })
      expect(await ada.notes.count()).toBe(4)
      expect(await ada.notes.aggregate({ _count: true, _max: { body: true } })).toEqual({
        _count: 4,
        _max: { body: 'x' },
      })
      expect(await ada.notes.groupBy({ by: ['owner'], _count: true })).toEqual([{ owner: 'ada', _count: 4 }])
      const upserted = await ada.notes.upsert({ where: { id: made.id }, update: { body: 'z' }, create: { body: 'z' } })
      expect(upserted.body).toBe('z')
      expect(await ada.$queryRaw`select auth.user_id() as it, ${1}::int as one`).toEqual([{ it: 'ada', one: 1 }])
      expect(await ada.$executeRaw`delete from notes where body = ${'z'}`).toBe(1)
      expect(await ada.notes.deleteMany({ where: { body: { not: 'of ada' } } })).toEqual({ count: 2 })
    })

    it('SEC-43 without a seal there are no rows', async () => {
      await expect(prisma.notes.findMany()).rejects.toThrow('permission denied')
      const [, rows] = await prisma.$transaction([
        prisma.$executeRawUnsafe('set local role authenticated'),
        prisma.notes.findMany(),
      ])
      expect(rows).toEqual([])
    })

    it('a batch is one transaction, with its options', async () => {
      const ada = as(scene.ada)
      const [made, rows] = await ada.$transaction([
        ada.notes.create({ data: { body: 'a' } }),
        ada.notes.findMany(bodies),
      ])
      expect([made.owner, rows]).toEqual(['ada', [{ body: 'of ada' }, { body: 'a' }]])
      const level = ada.$queryRaw`select current_setting('transaction_isolation') as it`
      expect(await ada.$transaction([level], { isolationLevel: 'Serializable' })).toEqual([[{ it: 'serializable' }]])
      const failing = [ada.notes.create({ data: { body: 'gone' } }), ada.$queryRaw`select 1/0`]
      await expect(ada.$transaction(failing)).rejects.toThrow('division by zero')
      expect(await ada.notes.count()).toBe(2)
      // A constraint that is checked at the end.
      await expect(ada.notes.create({ data: { body: 'of ada' } })).rejects.toMatchObject({ code: 'P2002' })
    })

    it('an interactive transaction is one, with others in it', async () => {
      const ada = as(scene.ada)
      const seen = await ada.$transaction(
        async (tx) => {
          await tx.notes.create({ data: { body: 'kept' } })
          const undone = tx.$transaction(async (inner) => {
            await inner.notes.deleteMany()
            throw new Error('mine')
          })
          await expect(undone).rejects.toThrow('mine')
          await tx.$transaction((inner) => inner.notes.create({ data: { body: 'inner' } }))
          const level = await tx.$queryRaw`select current_setting('transaction_isolation') as it, auth.user_id() as who`
          return [level, await tx.notes.findMany(bodies)]
        },
        { isolationLevel: 'RepeatableRead' },
      )
      expect(seen).toEqual([
        [{ it: 'repeatable read', who: 'ada' }],
        [{ body: 'of ada' }, { body: 'kept' }, { body: 'inner' }],
      ])
      const failing = ada.$transaction(async (tx) => {
        await tx.notes.deleteMany()
        throw new Error('mine')
      })
      await expect(failing).rejects.toThrow('mine')
      expect(await ada.notes.count()).toBe(3)
      expect(await as(scene.bob).notes.count()).toBe(1)
    })

    it('SEC-42 SEC-83 what a statement leaves in the session is not there for the next', async () => {
      const { claims, seal } = scene.ada.session
      const ada = as(scene.ada)
      await ada.$queryRaw`select set_config('rowpass.claims', ${claims}, false), set_config('rowpass.seal', ${seal}, false),
        set_config('role', 'authenticated', false), set_config('search_path', 'evil', false), pg_advisory_lock(83)::text`
      await expect(prisma.notes.findMany()).rejects.toThrow('permission denied')
      expect(await as(scene.bob).notes.findMany(bodies)).toEqual([{ body: 'of bob' }])
      const [locks] = await prisma.$queryRaw<object[]>`
        select count(*)::int as n from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`
      expect(locks).toEqual({ n: 0 })
    })

    it('an operation is sent when somebody waits for it, and once', async () => {
      const ada = as(scene.ada)
      const operation = ada.notes.create({ data: { body: 'once' } })
      expect(await ada.notes.count()).toBe(1)
      expect((await operation).id).toBe((await operation).id)
      expect(await ada.notes.count()).toBe(2)
    })

    it('what an extension adds is sealed, whether it came before or after', async () => {
      const asked: string[] = []
      const extension = Prisma.defineExtension({
        query: {
          $allModels: {
            async $allOperations({ operation, args, query }) {
              asked.push(operation)
              return query(args)
            },
          },
        },
        result: { notes: { loud: { needs: { body: true }, compute: ({ body }) => body.toUpperCase() } } },
        model: {
          notes: {
            async first() {
              const found = await Prisma.getExtensionContext(this).findFirst(bodies)
              return found?.body
            },
          },
        },
        client: {
          async $howMany() {
            return (Prisma.getExtensionContext(this) as unknown as PrismaClient).notes.count()
          },
        },
      })
      for (const bob of [sealed(prisma.$extends(extension), scene.bob), as(scene.bob).$extends(extension)]) {
        expect((await bob.notes.findMany({ select: { loud: true } })).map(({ loud }) => loud)).toEqual(['OF BOB'])
        expect(await bob.notes.first()).toBe('of bob')
        expect(await bob.$howMany()).toBe(1)
      }
      expect(asked).toEqual(['findMany', 'findFirst', 'count', 'findMany', 'findFirst', 'count'])
    })

    it('operations that are not sealed are refused among those that are, and the other way round', async () => {
      const ada = as(scene.ada)
      expect(() => ada.$transaction([ada.notes.count(), prisma.notes.count()])).toThrow(
        expect.objectContaining({ code: 'option_invalid' }),
      )
      await expect(Promise.resolve().then(() => prisma.$transaction([ada.notes.count()]))).rejects.toThrow(
        'Prisma Client',
      )
    })
  })

  it('SEC-83 look-ups of the same moment are not joined across identities', async () => {
    const prisma = new PrismaClient({
      adapter: new PrismaPg({ connectionString: scene.url, max: 4 }),
      transactionOptions,
    })
    const rows = await scene.asOwner('select id, owner from notes order by id')
    const seen = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        const [identity, owner] = at % 2 === 0 ? [scene.ada, 'ada'] : [scene.bob, 'bob']
        const mine = sealed(prisma, identity)
        const found = await Promise.all(rows.map(({ id }) => mine.notes.findUnique({ where: { id: id as number } })))
        return found.every((note, index) => note?.owner === (rows[index]?.owner === owner ? owner : undefined))
      }),
    )
    expect(seen).not.toContain(false)
    await prisma.$disconnect()
  })
})
