import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildEstate, faultEvery, faults, tableOf } from '../../../../bench/doctor/estate.ts'
import { readCatalog } from '../../src/access/catalog/read.ts'
import { createModel } from '../../src/doctor/analysis/model.ts'
import { type Diagnosis, diagnose } from '../../src/doctor/run.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const size = { tables: 200, functions: 30, views: 20 }

describePg('the doctor on a schema of hundreds of tables', () => {
  let database: TestDatabase
  let diagnosis: Diagnosis
  beforeAll(async () => {
    // The role of requests belongs to the server and is made with the platform.
    database = await createTestDatabase({ contents: 'platform' })
    const client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
    await buildEstate(client, 'authenticated', size)
    diagnosis = diagnose(createModel(await readCatalog(client), await loadParser()))
    await client.end()
  })
  afterAll(() => database.close())

  it.each([
    ['withoutRls', 'RLS002'],
    ['castOnColumn', 'RLS033'],
    ['withoutIndex', 'RLS035'],
    ['bareCall', 'RLS030'],
  ] as const)('finds each table with the fault %s and no other', (fault, code) => {
    const objects = diagnosis.findings.filter((each) => each.code === code).map(({ object }) => object)
    const expected = Array.from({ length: size.tables / faultEvery }, (_, at) =>
      tableOf(at * faultEvery + faults[fault]),
    )
    expect(objects.sort()).toEqual(expected.sort())
  })

  it('gives the same policy text on many tables the finding of its own table', () => {
    const keys = diagnosis.findings.map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
    for (const { object, evidence, fix, code } of diagnosis.findings.filter((each) => /^RLS03[0-5]$/.test(each.code))) {
      expect({ code, evidence }).toEqual({ code, evidence: expect.stringContaining(object) })
      if ('sql' in fix) expect(fix.sql.join()).toContain(object)
    }
  })
})
