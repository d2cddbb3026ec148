/**
 * docs/seal.md as somebody follows it who has the connection string of a Neon-like database and an empty folder: what npm
 * installs there is what is packed. The examples of the page then compile and run against that.
 */
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseEnv, promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openForServer } from '../../../local/src/postgres/data-folder.ts'
import { withConnection } from '../../src/database/connect.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createGateway, type Gateway } from '../../src/gateway/server.ts'
import { type OwnServer, startOwnServer } from '../support/own-server.ts'
import { describePg, product, repository, sealKeysText } from '../support/pg.ts'
import { missingLines, runBlocks } from '../support/walk-through.ts'
import { type Registry, startRegistry } from './registry.ts'

const run = promisify(execFile)
const page = readFileSync(`${repository}docs/seal.md`, 'utf8')
/** What the examples are for: drivers, of which Prisma's adapter knows only its own pg, and types. */
const drivers = [
  '@neondatabase/serverless',
  '@prisma/adapter-pg',
  '@prisma/client',
  '@types',
  'drizzle-orm',
  'kysely',
  'pg',
  'postgres',
]

/** Each example as a person of its own. */
const program = `
import { neonConfig } from '@neondatabase/serverless'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import postgres from 'postgres'
import { createSeal } from 'rowpass/seal'
import * as neonHttp from './examples/neon-http.js'
import * as nodePostgres from './examples/node-postgres.js'
import * as postgresJs from './examples/postgres-js.js'
import * as prisma from './examples/prisma.js'
import { PrismaClient } from './examples/prisma/generated/client.js'

neonConfig.fetchEndpoint = process.env.ENDPOINT
const url = process.env.ROWPASS_DATABASE_URL
const seal = createSeal({ keys: process.env.ROWPASS_SEAL_KEYS })
const as = (sub) => seal({ sub, exp: Math.floor(Date.now() / 1000) + 60 })
const pool = new pg.Pool({ connectionString: url })
const sql = postgres(url, { onnotice: () => undefined })
const client = new PrismaClient({ adapter: new PrismaPg(pool) })
console.log(JSON.stringify([
  await neonHttp.addNote(url, await as('neon-http'), 'mine'),
  await nodePostgres.addNote(pool, await as('node-postgres'), 'mine'),
  await postgresJs.addNote(sql, await as('postgres-js'), 'mine'),
  await prisma.addNote(client, await as('prisma'), 'mine'),
]))
await Promise.all([client.$disconnect(), pool.end(), sql.end()])
`

describePg('docs/seal.md, with the packed package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-seal-'))
  const [data, work] = [join(folder, 'data'), join(folder, 'work')]
  let server: OwnServer
  let registry: Registry
  let gateway: Gateway

  beforeAll(async () => {
    openForServer(folder)
    for (const each of [data, work]) mkdirSync(each)
    execFileSync(process.execPath, ['--import', 'tsx', 'tools/build.ts', '--stale'], { cwd: repository })
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`], {
        cwd: product,
        encoding: 'utf8',
      }),
    )
    registry = await startRegistry(join(folder, packed.filename))
    server = await startOwnServer(data)
    await withConnection(server.superuserUrl, async (client) => {
      await client.query(
        `create role neon_superuser nologin createdb createrole replication bypassrls in role pg_read_all_data, pg_write_all_data;
         create role neondb_owner login createdb createrole password 'of-the-owner' in role neon_superuser`,
      )
      await client.query('create database neondb owner neondb_owner')
      await client.query('alter database neondb set neon.forward_ddl = on')
    })
    gateway = createGateway(
      parseGatewayConfig({
        ROWPASS_DATABASE_URL: ownerUrl(),
        ROWPASS_SEAL_KEYS: sealKeysText,
        ROWPASS_ISSUERS: JSON.stringify([{ iss: 'http://127.0.0.1:1', audience: 'nobody' }]),
        ROWPASS_PORT: '0',
        ROWPASS_PASSWORD_MODE: 'true',
      }),
    )
  }, 300_000)

  afterAll(async () => {
    await gateway?.close()
    await registry?.close()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const ownerUrl = (): string =>
    Object.assign(new URL(server.superuserUrl), {
      pathname: '/neondb',
      username: 'neondb_owner',
      password: 'of-the-owner',
    }).href

  it('leads from a connection string and an empty folder to the first row', { timeout: 300_000 }, async () => {
    const { blocks, code } = await runBlocks(page, work, {
      OWNER_DATABASE_URL: ownerUrl(),
      ROWPASS_PROGRAM: join(work, 'node_modules/rowpass/bin/rowpass.js'),
      npm_config_registry: registry.url,
      npm_config_ignore_scripts: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    })
    const wrong = blocks.filter((block) => missingLines(block).length > 0)
    expect(wrong.map((block) => ({ ...block, missing: missingLines(block) }))).toEqual([])
    expect({ code, blocks: blocks.length }).toEqual({ code: 0, blocks: 4 })
    expect(page).toContain(readFileSync(`${repository}examples/seal/notes.sql`, 'utf8'))
  })

  it('has examples that compile against it, and show to each person their own rows', { timeout: 300_000 }, async () => {
    for (const name of drivers) {
      mkdirSync(dirname(join(work, 'node_modules', name)), { recursive: true })
      rmSync(join(work, 'node_modules', name), { recursive: true, force: true })
      symlinkSync(join(repository, 'node_modules', name), join(work, 'node_modules', name))
    }
    cpSync(`${repository}examples/seal`, join(work, 'examples'), { recursive: true })
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      target: 'ES2023',
      module: 'NodeNext',
      types: ['node'],
      rewriteRelativeImportExtensions: true,
      skipLibCheck: true,
    }
    writeFileSync(join(work, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['examples'] }))
    writeFileSync(join(work, 'package.json'), '{ "private": true, "type": "module" }')
    writeFileSync(join(work, 'examples.js'), program)
    const says = await run(process.execPath, [`${repository}node_modules/typescript/bin/tsc`, '-p', work]).then(
      ({ stdout }) => stdout,
      ({ stdout }: { stdout: string }) => stdout,
    )
    expect(says).toBe('')
    const env = { ...parseEnv(readFileSync(join(work, '.dev.vars'), 'utf8')), ENDPOINT: (await gateway.listen()).href }
    const { stdout } = await run(process.execPath, ['examples.js'], { cwd: work, env })
    const [drizzle, transaction] = [
      ['mine', 'by Drizzle'],
      ['mine', 'in a transaction'],
    ]
    expect(JSON.parse(stdout)).toEqual([drizzle, drizzle, drizzle, transaction])
  })
})
