import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runSeed } from '../../../packages/rowpass/src/database/seed.ts'
import { createTestDatabase, demo, describePg, type TestDatabase } from '../../../packages/rowpass/test/support/pg.ts'
import { personas } from '../../src/personas.ts'

describePg('seed.sql', () => {
  let database: TestDatabase
  let superuser: pg.Client

  beforeAll(async () => {
    database = await createTestDatabase()
    superuser = new pg.Client(database.superuserUrl)
    await superuser.connect()
  })

  afterAll(async () => {
    await superuser.end()
    await database.close()
  })

  const seeded = async () => {
    const { rows } = await superuser.query(
      `select users.id, email, users.name, tenant_id as "tenantId", tenants.name as tenant, role
       from users join tenants on tenants.id = tenant_id`,
    )
    return rows
  }

  it('holds exactly the people whom the demo signs in', async () => {
    expect(byId(await seeded())).toEqual(byId(personas))
  })

  it('starts with David, and has one admin in each tenant', () => {
    expect(personas[0].id).toBe('2e7e25e8-5445-40bd-8f89-dc19bba64faa')
    const tenants = [...new Set(personas.map(({ tenantId }) => tenantId))].sort()
    expect(personas.flatMap(({ role, tenantId }) => (role === 'admin' ? [tenantId] : [])).sort()).toEqual(tenants)
  })

  it('changes nothing when it runs again, and puts back what was deleted', async () => {
    await superuser.query(`update users set name = 'Dave' where email = 'david@neon.example'`)
    await superuser.query(`delete from users where email = 'mei@neon.example'`)
    await runSeed(database.ownerUrl, `${demo}seed.sql`)
    const names = (await seeded()).map(({ name }) => name)
    expect(names).toContain('Dave')
    expect(names).toContain('Mei Tanaka')
    expect(names).toHaveLength(personas.length)
  })

  it('runs again unasked only after it was changed', async () => {
    await superuser.query(`delete from users where email = 'mei@neon.example'`)
    expect(await runSeed(database.ownerUrl, `${demo}seed.sql`, { onlyIfNew: true })).toBe(false)
    expect((await seeded()).map(({ name }) => name)).not.toContain('Mei Tanaka')
    const folder = mkdtempSync(join(tmpdir(), 'rowpass-seed-'))
    const changed = join(folder, 'seed.sql')
    writeFileSync(changed, `${readFileSync(`${demo}seed.sql`, 'utf8')}\n-- changed`)
    expect(await runSeed(database.ownerUrl, changed, { onlyIfNew: true })).toBe(true)
    expect(await runSeed(database.ownerUrl, changed, { onlyIfNew: true })).toBe(false)
    expect((await seeded()).map(({ name }) => name)).toContain('Mei Tanaka')
    rmSync(folder, { recursive: true })
  })

  it('leaves row-level security forced, also when it fails half way', async () => {
    await superuser.query('alter table users rename column email to mail')
    await expect(runSeed(database.ownerUrl, `${demo}seed.sql`)).rejects.toMatchObject({ code: 'seed_failed' })
    const { rows } = await superuser.query(
      `select bool_and(relforcerowsecurity) as forced from pg_class where relname in ('tenants', 'users')`,
    )
    expect(rows).toEqual([{ forced: true }])
  })
})

function byId<T extends { id: string }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => a.id.localeCompare(b.id))
}
