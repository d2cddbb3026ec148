import { readFileSync } from 'node:fs'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { addNote as overHttp } from '../../../../examples/seal/neon-http.ts'
import { addNote as overNodePostgres } from '../../../../examples/seal/node-postgres.ts'
import { addNote as overPostgresJs } from '../../../../examples/seal/postgres-js.ts'
import { PrismaClient } from '../../../../examples/seal/prisma/generated/client.ts'
import { addNote as overPrisma } from '../../../../examples/seal/prisma.ts'
import { describePg, repository } from '../support/pg.ts'
import { openSealScene, type SealScene } from './scene.ts'

describePg('the examples of docs/seal.md', () => {
  let scene: SealScene
  let pool: pg.Pool
  let sql: postgres.Sql
  let prisma: PrismaClient
  beforeAll(async () => {
    scene = await openSealScene()
    await scene.asOwner('drop table notes')
    await scene.asOwner(readFileSync(`${repository}examples/seal/notes.sql`, 'utf8'))
    pool = new pg.Pool({ connectionString: scene.url })
    prisma = new PrismaClient({ adapter: new PrismaPg(pool) })
    sql = postgres(scene.url, { onnotice: () => undefined })
  })
  afterEach(() => scene.asOwner('truncate notes'))
  afterAll(async () => {
    await prisma.$disconnect()
    await pool.end()
    await sql.end()
    await scene.close()
  })

  it.each([
    [
      'Neon’s driver over HTTP',
      'by Drizzle',
      (identity: SealScene['ada']) => overHttp(scene.neonUrl, identity, 'mine'),
    ],
    ['node-postgres', 'by Drizzle', (identity: SealScene['ada']) => overNodePostgres(pool, identity, 'mine')],
    ['postgres.js', 'by Drizzle', (identity: SealScene['ada']) => overPostgresJs(sql, identity, 'mine')],
    ['Prisma', 'in a transaction', (identity: SealScene['ada']) => overPrisma(prisma, identity, 'mine')],
  ])('run over %s, and show to each person their own rows', async (_driver, second, addNote) => {
    expect(await addNote(scene.ada)).toEqual(['mine', second])
    expect(await addNote(scene.bob)).toEqual(['mine', second])
  })
})
