/** PostgreSQL and a gateway for one program, as Neon's driver meets them. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { neon, neonConfig } from '@neondatabase/serverless'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { demo, repository } from '../../rowpass/test/support/pg.ts'
import { openForServer } from '../src/postgres/data-folder.ts'
import { type LocalSystem, startLocal } from '../src/start.ts'

const program = `${repository}packages/local/bin/rowpass-local.js`
const run = promisify(execFile)

describe('a local system', () => {
  let local: LocalSystem
  beforeAll(async () => {
    local = await startLocal({
      migrationsFolder: `${demo}drizzle`,
      seedFile: `${demo}seed.sql`,
      env: { OWNER_DATABASE_URL: 'postgresql://nobody:x@127.0.0.1:1/x', ROWPASS_MAX_STATEMENT_LENGTH: '1000' },
    })
    Object.assign(neonConfig, { fetchEndpoint: () => local.env.GATEWAY_URL })
  }, 180_000)
  afterAll(() => local.stop())

  it("gives rows to a token that it signs, by Neon's driver, as its policies say", async () => {
    const subject = '2e7e25e8-5445-40bd-8f89-dc19bba64faa'
    const authToken = await local.token(subject, { tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675' })
    const sql = neon(local.env.DATABASE_URL, { authToken })
    expect(await sql`select auth.user_id() as id, (select count(*)::int from tenants) as tenants`).toEqual([
      { id: subject, tenants: 1 },
    ])
  })

  it('takes the password of the owner instead of a token', async () => {
    const sql = neon(local.env.OWNER_DATABASE_URL)
    expect(await sql`select current_user as name`).toEqual([{ name: 'rowpass_owner' }])
    expect(new URL(local.env.OWNER_DATABASE_URL).hostname).toBe('127.0.0.1')
  })

  it('takes settings of the gateway from the environment, and no database of it', async () => {
    const authToken = await local.token('ada')
    const sql = neon(local.env.DATABASE_URL, { authToken })
    await expect(sql.query(`select '${'x'.repeat(1000)}'`)).rejects.toMatchObject({ code: '54000' })
  })
})

describe('rowpass-local', () => {
  it('runs a command with the variables, ends with its exit code, and leaves nothing behind', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'rowpass-alone-'))
    openForServer(temporary)
    const env = { ...process.env, TMPDIR: temporary }
    const script = 'console.log(process.env.GATEWAY_URL, process.env.ISSUER); process.exit(7)'
    const failed = await run(process.execPath, [program, '--', process.execPath, '-e', script], { env }).catch(
      (error: { code: number; stdout: string }) => error,
    )
    expect(failed).toMatchObject({
      code: 7,
      stdout: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/sql http:\/\/127\.0\.0\.1:\d+\n$/),
    })
    expect(readdirSync(temporary)).toEqual([])
    rmSync(temporary, { recursive: true })
  }, 180_000)

  it('with --empty starts a database with an owner, no role or table of ours, and no other setting', async () => {
    const script = `fetch(process.env.GATEWAY_URL, {
      method: 'POST',
      headers: { 'Neon-Connection-String': process.env.OWNER_DATABASE_URL },
      body: JSON.stringify({ query: "select usesuper, (select count(*)::int from pg_roles where rolname in ('authenticated', 'rowpass_gateway')) + (select count(*)::int from pg_namespace where nspname in ('rowpass', 'auth')) as ours from pg_user where usename = current_user", params: [] }),
    }).then(async (answer) => console.log((await answer.json()).rows, Object.keys(process.env).filter((name) => /DATABASE_URL|ISSUER|AUDIENCE|PRIVATE_KEY|JWKS_URL/.test(name))))`
    const { stdout } = await run(process.execPath, [program, '--empty', '--', process.execPath, '-e', script], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    })
    expect(stdout).toMatch(/usesuper: (false|'f'), ours: '?0'?/)
    expect(stdout).toContain("[ 'OWNER_DATABASE_URL' ]")
    await expect(startLocal({ empty: true, seedFile: `${demo}seed.sql` })).rejects.toMatchObject({
      code: 'config_invalid',
    })
  }, 180_000)

  it('says which folder of migrations is not there', async () => {
    const failed = startLocal({ migrationsFolder: 'drizzel' })
    await expect(failed).rejects.toMatchObject({
      code: 'config_invalid',
      detail: expect.stringMatching(/drizzel cannot be read/),
    })
  })

  it('says what cannot be run', async () => {
    const failed = await run(process.execPath, [program, '--', 'no-such-program']).catch(
      (error: { code: number; stderr: string }) => error,
    )
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining('no-such-program cannot be run (ENOENT)') })
  }, 180_000)
})
