import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFaults, prove } from '../../bench/faults/corpus.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const faults = loadFaults()

/** Lines of the requirements about policies; 62 is about the server's version, which no schema can plant. */
const lines = Array.from({ length: 17 }, (_, index) => 47 + index).filter((line) => line !== 62)

describe('the planted faults', () => {
  it('are forty, and come from every line of the requirements about policies', () => {
    expect(faults).toHaveLength(40)
    const covered = faults.flatMap(({ requirements }) => requirements)
    expect(lines.filter((line) => !covered.includes(line))).toEqual([])
  })

  it.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s differs from its fixed version by a few lines, and its proof by none',
    (_, { sql }) => {
      expect(sql.broken).not.toBe(sql.fixed)
      expect(differingLines(sql.broken, sql.fixed)).toBeLessThanOrEqual(16)
    },
  )
})

describePg('the proofs', () => {
  let database: TestDatabase
  let client: pg.Client

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
  })
  afterAll(async () => {
    await client?.end()
    await database?.close()
  })

  it.each(faults.map((fault) => [fault.name, fault] as const))(
    'show that %s is one, and is not there once fixed',
    async (_, fault) => {
      const outcomes = { broken: await prove(client, fault, 'broken'), fixed: await prove(client, fault, 'fixed') }
      expect(outcomes).toEqual(fault.proof)
    },
  )
})

/** Lines that only one of two texts has. */
function differingLines(a: string, b: string): number {
  const [left, right] = [a.split('\n'), b.split('\n')]
  return left.filter((line) => !right.includes(line)).length + right.filter((line) => !left.includes(line)).length
}
