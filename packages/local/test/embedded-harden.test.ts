import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadProject } from '../../rowpass/src/cli/project.ts'
import { migrateDatabase, openDatabase } from '../../rowpass/src/cli/project-database.ts'
import { withConnection } from '../../rowpass/src/database/connect.ts'
import { openForServer } from '../src/postgres/data-folder.ts'

const query = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
  withConnection(url, async (client) => {
    const result = await client.query(sql)
    return Array.isArray(result) ? [] : result.rows
  })

describe('the embedded database of a project', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-embedded-harden-'))
    openForServer(directory)
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('SEC-72 SEC-73 what npm start hardens goes on, also after an earlier version has hardened it', async () => {
    const project = loadProject({ cwd: directory, env: {} })
    const database = await openDatabase(project)
    try {
      const superuserUrl = database.superuserUrl!
      const migrate = () => migrateDatabase(project, database, { platformOnly: true })
      await migrate()
      await query(
        superuserUrl,
        `delete from rowpass.hardening; create role app login password 'app';
       alter default privileges revoke execute on functions from public;
       alter default privileges for role rowpass_owner revoke execute on functions from public;
       create extension pg_trgm`,
      )
      const appUrl = new URL(database.ownerUrl)
      Object.assign(appUrl, { username: 'app', password: 'app' })
      await expect(query(appUrl.href, `select 'abc' % 'abc' as yes`)).rejects.toMatchObject({ code: '42501' })

      await migrate()
      await query(database.ownerUrl, 'create extension citext; create type span as range (subtype = float8)')
      const uses = [
        `select 'abc' % 'abc' as yes`,
        `select 'A'::citext = 'a' as yes`,
        'select span(1, 2) @> 1.5::float8 as yes',
      ]
      for (const url of [database.ownerUrl, appUrl.href]) {
        for (const sql of uses) expect([sql, await query(url, sql)]).toEqual([sql, [{ yes: true }]])
      }
      const [row] = await query(
        superuserUrl,
        `select rolconnlimit as "limit", current_setting('max_connections')::int as max from pg_roles where rolname = 'rowpass_gateway'`,
      )
      expect(row).toEqual({ limit: 18, max: 100 })
    } finally {
      await database.stop()
    }
  })
})
