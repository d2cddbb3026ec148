/**
 * Schemas of varied shape in which there is nothing to find: a false alarm costs the trust of all others.
 */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runDoctor } from '../../src/doctor/run.ts'
import { createTestDatabase, describePg, product, type TestDatabase } from '../support/pg.ts'

const folder = `${product}test/doctor/schemas/`

describePg('a sound schema of another shape than the demo', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    const client = new pg.Client(database.superuserUrl)
    await client.connect()
    await client.query(readFileSync(`${folder}club.sql`, 'utf8'))
    await client.query('analyze')
    await client.end()
  })
  afterAll(() => database.close())

  it.each([undefined, ['club_member', 'club_visitor']])(
    'has no error and no warning, roles named: %s',
    async (roles) => {
      const { findings, roles: seen } = await runDoctor({ databaseUrl: database.superuserUrl, ...(roles && { roles }) })
      expect(seen).toEqual(['club_member', 'club_visitor'])
      const loud = findings.filter(({ level }) => level !== 'info')
      expect(loud.map(({ level, key, says, evidence }) => `${level} ${key}\n  ${says}\n  ${evidence}`)).toEqual([])
    },
  )
})
