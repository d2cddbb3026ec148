import { expect, it } from 'vitest'
import * as schema from '../../../../examples/policies/schema.ts'
import { runDoctor } from '../../src/doctor/run.ts'
import { describePg } from '../support/pg.ts'
import { createSchemaDatabase } from './schema-database.ts'

describePg('the doctor', () => {
  it('finds no fault in tables whose policies and grants are written from their declaration', async () => {
    const database = await createSchemaDatabase(schema)
    try {
      const { findings, tables } = await runDoctor({ databaseUrl: database.ownerUrl })
      expect(tables).toBeGreaterThanOrEqual(4)
      expect(findings.filter(({ level }) => level !== 'info').map(({ key, says }) => `${key}: ${says}`)).toEqual([])
      // A hint, which is meant: memberships are read with the rights of the caller.
      const hints = findings.filter(({ object }) => object.startsWith('public.'))
      expect([...new Set(hints.map(({ code, object }) => `${code} ${object}`))]).toEqual(['RLS041 public.documents'])
    } finally {
      await database.close()
    }
  })
})
