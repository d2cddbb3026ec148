import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSchema, type Fault, loadFaults, runProof, type Variant } from '../../bench/faults/corpus.ts'
import { judge } from '../../bench/faults/judge.ts'
import { readCatalogHere } from '../../packages/rowpass/src/access/catalog/read.ts'
import { createModel } from '../../packages/rowpass/src/doctor/analysis/model.ts'
import { tryOutHere } from '../../packages/rowpass/src/doctor/run.ts'
import { loadParser } from '../../packages/rowpass/src/statement/parser.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../../packages/rowpass/test/support/pg.ts'

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

describePg('the corpus', () => {
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
    'shows that %s is a fault; the doctor finds it, and warns of nothing once it is fixed',
    async (_, fault) => {
      const broken = await tryVariant(client, fault, 'broken')
      const fixed = await tryVariant(client, fault, 'fixed')
      expect({ broken: broken.outcome, fixed: fixed.outcome }).toEqual(fault.proof)
      const { foundBy, falseAlarms } = judge({ splinter: false }, fault, { broken: broken.said, fixed: fixed.said })
      expect({ falseAlarms, found: foundBy !== undefined }).toEqual({ falseAlarms: [], found: true })
    },
  )
})

/** Builds a variant, hears the doctor, runs the proof, and rolls back: other tests of the server never meet its roles. */
async function tryVariant(client: pg.Client, fault: Fault, variant: Variant) {
  await client.query('begin')
  try {
    await buildSchema(client, fault, variant)
    await client.query('savepoint reading')
    const model = createModel(await readCatalogHere(client), await loadParser())
    // Reading sets the search path.
    await client.query('rollback to savepoint reading')
    const { findings } = await tryOutHere(client, model)
    await client.query('rollback to savepoint reading')
    const said = findings.map((finding) => ({
      rule: finding.code,
      note: finding.level === 'info',
      text: JSON.stringify(finding),
    }))
    return { said, outcome: await runProof(client, fault) }
  } finally {
    await client.query('rollback')
  }
}

/** Lines that only one of two texts has. */
function differingLines(a: string, b: string): number {
  const [left, right] = [a.split('\n'), b.split('\n')]
  return left.filter((line) => !right.includes(line)).length + right.filter((line) => !left.includes(line)).length
}
