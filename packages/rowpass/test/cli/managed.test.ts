/**
 * `rowpass db migrate --seal` as the first user of managed platforms, by what their documentation says of it (docs/seal.md has
 * the sources), up to the first row. Neon's is in demo/test/neon.test.ts.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { openForServer } from '../../../local/src/postgres/data-folder.ts'
import { withConnection } from '../../src/database/connect.ts'
import { createSeal } from '../../src/seal/create-seal.ts'
import { sealed } from '../../src/seal/sealed.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { type OwnServer, startOwnServer } from '../support/own-server.ts'
import { describePg, repository } from '../support/pg.ts'

interface Platform {
  readonly name: string
  /** Its first user. */
  readonly user: string
  /** By a superuser, in the database `app`. */
  readonly sql: string
  /** What policies ask for the subject of the claims. */
  readonly subject: string
}

const password = 'of-the-first-user'

const platforms: readonly Platform[] = [
  {
    name: 'Amazon RDS',
    user: 'master',
    sql: `create role rds_superuser nologin; create role rds_password nologin;
      grant pg_monitor, pg_signal_backend, rds_password to rds_superuser with admin option;
      create role master with login nosuperuser inherit createdb createrole noreplication valid until 'infinity'
        password '${password}' in role rds_superuser;
      alter database app owner to master`,
    subject: 'auth.user_id()',
  },
  {
    name: 'Cloud SQL',
    user: 'first',
    sql: `create role cloudsqlsuperuser nologin createdb createrole; grant pg_monitor to cloudsqlsuperuser;
      create role first login createdb createrole password '${password}' in role cloudsqlsuperuser;
      alter database app owner to cloudsqlsuperuser`,
    subject: 'auth.user_id()',
  },
  {
    name: 'Supabase',
    user: 'project_owner',
    sql: `${readFileSync(`${repository}corpus/shapes/supabase.sql`, 'utf8')};
      grant anon, authenticated, service_role to project_owner with admin option;
      alter role project_owner nobypassrls password '${password}'; alter database app owner to project_owner`,
    subject: `(rowpass.session() ->> 'sub')`,
  },
]

describePg('a managed PostgreSQL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-managed-'))
  let server: OwnServer
  let sandbox: Sandbox

  beforeAll(async () => {
    openForServer(folder)
    server = await startOwnServer(folder)
  })
  afterEach(async () => {
    sandbox.remove()
    await withConnection(server.superuserUrl, async (client) => {
      await client.query('drop database app with (force)')
      const { rows } = await client.query(
        `select string_agg(quote_ident(rolname), ', ') as names from pg_roles where rolname !~ '^(pg_|postgres$)'`,
      )
      await client.query(`drop role ${rows[0].names}`)
    })
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const urlFor = (user?: string, secret = password): string =>
    Object.assign(new URL(server.superuserUrl), {
      pathname: '/app',
      ...(user !== undefined && { username: user, password: secret }),
    }).href

  it.each(platforms.map((platform) => [platform.name, platform] as const))(
    'SEC-83 %s: its first user prepares it, and rows need a seal',
    async (_name, { user, sql, subject }) => {
      sandbox = createSandbox()
      await withConnection(server.superuserUrl, (client) => client.query('create database app'))
      await withConnection(urlFor(), (client) => client.query(sql))
      const settings = {
        OWNER_DATABASE_URL: urlFor(user),
        ROWPASS_DATABASE_URL: urlFor('app_login', 'of-the-application'),
      }

      for (const run of [1, 2]) {
        const { code, stderr } = await sandbox.run(['db', 'migrate', '--seal'], settings)
        expect({ run, code, stderr }).toMatchObject({ code: 0 })
      }
      await withConnection(urlFor(user), (client) =>
        client.query(
          `create table notes (owner text not null);
           alter table notes enable row level security, force row level security;
           create policy own on notes to authenticated using (owner = (select ${subject}));
           grant select, insert on notes to authenticated`,
        ),
      )
      const { ROWPASS_DATABASE_URL, ROWPASS_SEAL_KEYS } = JSON.parse(
        (await sandbox.run(['env', '--sealed', '--json'], settings)).stdout,
      )
      const seal = createSeal({ keys: ROWPASS_SEAL_KEYS })
      const pool = new pg.Pool({ connectionString: ROWPASS_DATABASE_URL, max: 1 })
      const as = async (sub: string) => sealed(pool, await seal({ sub, exp: Math.floor(Date.now() / 1000) + 60 }))
      const ask = 'select owner from notes'
      try {
        await (await as('ada')).query(`insert into notes values ('ada')`)
        expect((await (await as('ada')).query(ask)).rows).toEqual([{ owner: 'ada' }])
        expect((await (await as('bob')).query(ask)).rows).toEqual([])
        await expect(pool.query(ask)).rejects.toMatchObject({ code: '42501' })
        await pool.query(
          `set role authenticated; set request.jwt.claims = '{"sub": "ada"}'; set rowpass.claims = '{"sub": "ada"}'`,
        )
        expect((await pool.query(ask)).rows).toEqual([])
      } finally {
        await pool.end()
      }
    },
  )
})
