/**
 * Rules about the database or the server as a whole, and the doctor on what Rowpass itself makes.
 */

import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Catalog } from '../../src/access/catalog/catalog.ts'
import { readCatalog } from '../../src/access/catalog/read.ts'
import { createModel } from '../../src/doctor/analysis/model.ts'
import { applyBaseline, baselineName, readBaseline } from '../../src/doctor/baseline.ts'
import { diagnose, runDoctor } from '../../src/doctor/run.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { createTestDatabase, demo, describePg, type TestDatabase } from '../support/pg.ts'

describePg('the doctor on the schema of the demo', () => {
  let database: TestDatabase
  let catalog: Catalog
  beforeAll(async () => {
    database = await createTestDatabase()
    const client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
    catalog = await readCatalog(client)
    await client.end()
  })
  afterAll(() => database.close())

  const codesOf = async (changed: Partial<Catalog> = {}): Promise<string[]> =>
    diagnose(createModel({ ...catalog, ...changed }, await loadParser())).findings.map(({ key }) => key)

  it('finds nothing at or above warning but what is accepted with a reason, and that is still there', async () => {
    const { findings } = await runDoctor({ databaseUrl: database.ownerUrl })
    const { open, stale } = applyBaseline(findings, readBaseline(`${demo}${baselineName}`))
    expect(open.filter(({ level }) => level !== 'info').map(({ key, says }) => [key, says])).toEqual([])
    expect(stale).toEqual([])
  })

  it('sees the same as any login', async () => {
    const seen = async (databaseUrl: string) => (await runDoctor({ databaseUrl })).findings.map(({ key }) => key)
    expect(await seen(database.gatewayUrl)).toEqual(await seen(database.ownerUrl))
    expect(await seen(database.superuserUrl)).toEqual(await seen(database.ownerUrl))
  })

  it('SEC-62 tells a server without the corrections of row-level security from one with them', async () => {
    const levelOf = async (version: number): Promise<string | undefined> => {
      const model = createModel({ ...catalog, database: { ...catalog.database, version } }, await loadParser())
      return diagnose(model).findings.find(({ key }) => key === 'RLS080:server')?.level
    }
    for (const version of [150013, 160009, 170005]) expect(await levelOf(version)).toBe('error')
    // These ask one clause of hidden rows, which takes SQL of the caller's own.
    for (const version of [150014, 160015, 170011, 180005]) expect(await levelOf(version)).toBe('info')
    for (const version of [150020, 160016, 170012, 180006, 190000]) expect(await levelOf(version)).toBe(undefined)
  })

  it('SEC-63 names what PostgreSQL gives to PUBLIC by default', async () => {
    const open = { ...catalog.database, grants: [{ grantee: 0, privilege: 'TEMPORARY' }] }
    expect(await codesOf({ database: open })).toContain('RLS064:database')
    expect(await codesOf({ database: { ...open, grants: [] } })).not.toContain('RLS064:database')
    expect(await codesOf()).toContain('RLS063:database')
  })

  it('SEC-56 says that numbers of rows are no secret', async () => {
    expect(await codesOf()).toContain('RLS074:database')
  })

  it('does not call sealed claims forgeable, and plain ones it does', async () => {
    expect(await codesOf()).not.toContain('RLS075:database')
    const [policy, ...policies] = catalog.policies
    const plain = { ...policy!, using: "(id = (NULLIF(current_setting('app.user'::text, true), ''::text))::uuid)" }
    expect(await codesOf({ policies: [plain, ...policies] })).toContain('RLS075:database')
  })

  it('SEC-83 names a policy that believes a setting beside the seal, by which rows of others are read', async () => {
    const other = await createTestDatabase()
    const query = async (databaseUrl: string, sql: string) => {
      const client = new pg.Client(databaseUrl)
      await client.connect()
      const results = (await client.query(sql)) as unknown as pg.QueryResult[] | pg.QueryResult
      await client.end()
      return (Array.isArray(results) ? results.at(-1) : results)?.rows
    }
    const unsealed = async () =>
      (await runDoctor({ databaseUrl: other.gatewayUrl })).findings.flatMap(({ code, key }) =>
        code === 'RLS076' ? key : [],
      )
    const forged = `set role authenticated; set app.support = 'everything'; select count(*)::int as seen from users`
    try {
      expect(await unsealed()).toEqual([])
      expect(await query(other.gatewayUrl, forged)).toEqual([{ seen: 0 }])
      await query(
        other.ownerUrl,
        `create policy support on users for select to authenticated
          using ((select current_setting('app.support', true)) = 'everything')`,
      )
      expect(await query(other.gatewayUrl, forged)).not.toEqual([{ seen: 0 }])
      expect(await unsealed()).toEqual(['RLS076:public.users:support'])
    } finally {
      await other.close()
    }
  })
})
