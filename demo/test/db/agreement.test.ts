import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { SQL } from 'drizzle-orm'
import { getTableConfig, PgDialect } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeGrants } from '../../../packages/rowpass/src/cli/commands/db-grants.ts'
import {
  createTestDatabase,
  demo,
  describePg,
  repository,
  type TestDatabase,
} from '../../../packages/rowpass/test/support/pg.ts'
import { memberships, tenants, users } from '../../src/db/schema.ts'

describe('drizzle/', () => {
  it('is what drizzle-kit makes of src/db: if not, run npm run db:generate', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowpass-drizzle-'))
    try {
      cpSync(`${demo}drizzle`, folder, { recursive: true })
      const journal = () => readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')
      const before = journal()
      const config = join(folder, 'drizzle.config.ts')
      const out = JSON.stringify(relative(demo, folder))
      writeFileSync(
        config,
        `import config from ${JSON.stringify(`${demo}drizzle.config.ts`)}\nexport default { ...config, out: ${out} }`,
      )
      const kit = [`${repository}node_modules/drizzle-kit/bin.cjs`, 'generate', `--config=${relative(demo, config)}`]
      const said = execFileSync(process.execPath, kit, { cwd: demo, encoding: 'utf8' })
      expect(said).toContain('No schema changes')
      expect(journal()).toBe(before)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the grants in drizzle/', () => {
  it('are what src/schema says, and are not written again', async () => {
    expect(await writeGrants(demo, { check: true, except: [] })).toEqual({ outdated: false, written: undefined })
  })
})

describePg('the database after drizzle/', () => {
  let database: TestDatabase
  let client: pg.Client

  beforeAll(async () => {
    database = await createTestDatabase()
    client = new pg.Client(database.superuserUrl)
    await client.connect()
  })

  afterAll(async () => {
    await client.end()
    await database.close()
  })

  const lines = async (sql: string) =>
    (await client.query({ text: sql, rowMode: 'array' })).rows.map((row) => row.join(' '))

  it('SEC-47 SEC-48 has row-level security enabled and forced on every table, none owned by a role of requests', async () => {
    const tables = await lines(
      `select relname, relrowsecurity, relforcerowsecurity, relowner::regrole from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') order by 1`,
    )
    expect(tables).toEqual([
      'memberships true true rowpass_owner',
      'tenants true true rowpass_owner',
      'users true true rowpass_owner',
    ])
  })

  it('has the conditions of src/schema in its policies', async () => {
    const read = () => lines(`select * from pg_policies where schemaname = 'public' order by tablename, policyname`)
    const before = await read()
    await client.query('begin')
    for (const { name, policies } of [memberships, tenants, users].map(getTableConfig)) {
      for (const { name: policy, using, withCheck } of policies) {
        const clauses = [using && `using (${toText(using)})`, withCheck && `with check (${toText(withCheck)})`]
        await client.query(`alter policy ${policy} on ${name} ${clauses.filter(Boolean).join(' ')}`)
      }
    }
    const after = await read()
    await client.query('rollback')
    expect(after).toEqual(before)
  })

  it('SEC-53 has one policy for each command and role, and those of the issuer apart', async () => {
    const policies = await lines(
      `select tablename, policyname, permissive, cmd, roles, qual is not null, with_check is not null
       from pg_policies where schemaname = 'public' order by tablename, policyname`,
    )
    expect(policies).toEqual([
      'memberships memberships_delete PERMISSIVE DELETE {authenticated} true false',
      'memberships memberships_insert PERMISSIVE INSERT {authenticated} false true',
      'memberships memberships_select PERMISSIVE SELECT {authenticated} true false',
      'memberships memberships_select_rowpass_issuer PERMISSIVE SELECT {rowpass_issuer} true false',
      'memberships memberships_update PERMISSIVE UPDATE {authenticated} true true',
      'tenants tenants_delete PERMISSIVE DELETE {authenticated} true false',
      'tenants tenants_insert PERMISSIVE INSERT {authenticated} false true',
      'tenants tenants_insert_rowpass_issuer PERMISSIVE INSERT {rowpass_issuer} false true',
      'tenants tenants_select PERMISSIVE SELECT {authenticated} true false',
      'tenants tenants_update PERMISSIVE UPDATE {authenticated} true true',
      'users users_delete PERMISSIVE DELETE {authenticated} true false',
      'users users_insert PERMISSIVE INSERT {authenticated} false true',
      'users users_insert_rowpass_issuer PERMISSIVE INSERT {rowpass_issuer} false true',
      'users users_select PERMISSIVE SELECT {authenticated} true false',
      'users users_select_rowpass_issuer PERMISSIVE SELECT {rowpass_issuer} true false',
      'users users_update PERMISSIVE UPDATE {authenticated} true true',
    ])
  })

  it('asks in every policy of requests whether the tenant is the one of the token', async () => {
    const policies = await lines(
      `select policyname, expression from pg_policies, unnest(array[qual, with_check]) as expression
       where schemaname = 'public' and expression is not null and roles = '{authenticated}'`,
    )
    expect(policies).toHaveLength(15)
    for (const policy of policies) {
      expect(policy).toMatch(/\((tenant_)?id = \( SELECT auth\.claim_uuid\('tenant_id'::text\) AS/)
    }
  })

  it('SEC-51 grants exactly what is needed: no TRUNCATE, REFERENCES or TRIGGER, writes by column', async () => {
    const grants = await lines(
      `select grantee, relname, privilege, is_grantable from (
         select coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') as grantee, relname,
                privilege_type as privilege, is_grantable
           from pg_class, aclexplode(relacl)
          where relnamespace = 'public'::regnamespace and grantee <> relowner
         union all
         select coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), relname || '.' || attname,
                privilege_type, is_grantable
           from pg_class join pg_attribute on attrelid = pg_class.oid, aclexplode(attacl)
          where relnamespace = 'public'::regnamespace
       ) as grants order by relname, privilege, grantee`,
    )
    expect(grants).toEqual([
      'authenticated memberships DELETE false',
      'authenticated memberships SELECT false',
      'authenticated memberships.role INSERT false',
      'rowpass_issuer memberships.role SELECT false',
      'authenticated memberships.role UPDATE false',
      'authenticated memberships.tenant_id INSERT false',
      'rowpass_issuer memberships.tenant_id SELECT false',
      'authenticated memberships.user_id INSERT false',
      'rowpass_issuer memberships.user_id SELECT false',
      'authenticated tenants DELETE false',
      'authenticated tenants SELECT false',
      'authenticated tenants.id INSERT false',
      'rowpass_issuer tenants.id INSERT false',
      'authenticated tenants.name INSERT false',
      'rowpass_issuer tenants.name INSERT false',
      'authenticated tenants.name UPDATE false',
      'authenticated users DELETE false',
      'authenticated users SELECT false',
      'authenticated users.email INSERT false',
      'rowpass_issuer users.email INSERT false',
      'rowpass_issuer users.email SELECT false',
      'rowpass_issuer users.id INSERT false',
      'rowpass_issuer users.id SELECT false',
      'authenticated users.name INSERT false',
      'rowpass_issuer users.name INSERT false',
      'authenticated users.name UPDATE false',
      'authenticated users.role INSERT false',
      'rowpass_issuer users.role INSERT false',
      'rowpass_issuer users.role SELECT false',
      'authenticated users.tenant_id INSERT false',
      'rowpass_issuer users.tenant_id INSERT false',
      'rowpass_issuer users.tenant_id SELECT false',
    ])
  })

  it('SEC-57 has no referential action that would delete or change rows past the policies', async () => {
    const actions = await lines(
      `select conrelid::regclass::text, confdeltype, confupdtype from pg_constraint
       where contype = 'f' and connamespace = 'public'::regnamespace order by 1, 2`,
    )
    expect(actions).toEqual(['memberships r a', 'memberships r a', 'users r a'])
  })
})

function toText(condition: SQL): string {
  const { sql, params } = new PgDialect().sqlToQuery(condition)
  expect(params).toEqual([])
  return sql
}
