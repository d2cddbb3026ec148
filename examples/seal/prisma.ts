// Prisma, over any of its adapters for PostgreSQL.
import { type RequestIdentity, sealed } from 'rowpass/seal'
import type { PrismaClient } from './prisma/generated/client.ts'

/** `prisma` is made once; what is sealed is made for each request. */
export async function addNote(prisma: PrismaClient, identity: RequestIdentity, body: string): Promise<string[]> {
  const mine = sealed(prisma, identity)
  await mine.notes.create({ data: { body } })
  await mine.$transaction((tx) => tx.notes.create({ data: { body: 'in a transaction' } }))
  const rows = await mine.notes.findMany({ orderBy: { id: 'asc' } })
  return rows.map((row) => row.body)
}
