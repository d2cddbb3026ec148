/**
 * demo/README.md as somebody follows it who has the connection string of a Neon project and nothing else. The server stands in
 * for Neon's: an owner with the rights of `neondb_owner`, and over HTTP our gateway's password mode, which speaks its contract.
 */
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openForServer } from '../../packages/local/src/postgres/data-folder.ts'
import { freePort } from '../../packages/local/src/postgres/server.ts'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { parseGatewayConfig } from '../../packages/rowpass/src/gateway/config.ts'
import { createGateway, type Gateway } from '../../packages/rowpass/src/gateway/server.ts'
import { type OwnServer, startOwnServer } from '../../packages/rowpass/test/support/own-server.ts'
import { demo, describePg, postgresMajor, repository, sealKeysText } from '../../packages/rowpass/test/support/pg.ts'
import { emptyDatabase, missingLines, runBlocks } from '../../packages/rowpass/test/support/walk-through.ts'
import { personas } from '../src/personas.ts'

const [david] = personas

describePg('the demo on Neon', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-neon-'))
  const clone = join(folder, 'demo')
  const rehearsal = join(folder, 'rehearsal')
  let server: OwnServer
  let gateway: Gateway

  beforeAll(async () => {
    openForServer(folder)
    const own = (path: string) => !/[\\/](\.rowpass|\.wrangler|\.dev\.vars|node_modules|\w+\.jwk\.json)$/.test(path)
    for (const copy of [clone, rehearsal]) {
      cpSync(demo, copy, { recursive: true, filter: own })
      chmodSync(copy, 0o755)
      symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'))
    }
    server = await startOwnServer(folder)
    await withConnection(server.superuserUrl, async (client) => {
      const { rows } = await client.query('show server_version_num')
      expect(Math.floor(Number(rows[0].server_version_num) / 10_000)).toBe(postgresMajor())
      await client.query(
        `create role neon_superuser nologin createdb createrole replication bypassrls in role pg_read_all_data, pg_write_all_data;
         create role neondb_owner login createdb createrole password 'of-the-owner' in role neon_superuser`,
      )
      await client.query('create database neondb owner neondb_owner')
      await client.query('alter database neondb set neon.forward_ddl = on')
    })
    gateway = createGateway(
      parseGatewayConfig({
        ROWPASS_DATABASE_URL: urlFor('neondb_owner'),
        ROWPASS_SEAL_KEYS: sealKeysText,
        ROWPASS_ISSUERS: JSON.stringify([{ iss: 'http://127.0.0.1:1', audience: 'nobody' }]),
        ROWPASS_PORT: '0',
        ROWPASS_PASSWORD_MODE: 'true',
      }),
    )
  }, 60_000)

  afterAll(async () => {
    await gateway?.close()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  const urlFor = (user: string): string =>
    Object.assign(new URL(server.superuserUrl), { pathname: '/neondb', username: user, password: 'of-the-owner' }).href

  it('demo/README.md runs as it stands, from the connection string to the first row', {
    timeout: 180_000,
  }, async () => {
    const { blocks, code } = await runBlocks(readFileSync(`${demo}README.md`, 'utf8'), clone, {
      OWNER_DATABASE_URL: urlFor('neondb_owner'),
      // What the driver would make of the host.
      GATEWAY_URL: (await gateway.listen()).href,
      PORT: String(await freePort()),
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_SEND_METRICS: 'false',
    })
    const wrong = blocks.filter((block) => missingLines(block).length > 0)
    expect(wrong.map((block) => ({ ...block, missing: missingLines(block) }))).toEqual([])
    expect({ code, blocks: blocks.length }).toEqual({ code: 0, blocks: 8 })
  })

  it('demo/README.md is rehearsed in an empty database of this machine, up to the deployment', {
    timeout: 180_000,
  }, async () => {
    const [page = ''] = readFileSync(`${demo}README.md`, 'utf8').split('## 7. Deploy')
    const settings = {
      PORT: String(await freePort()),
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_SEND_METRICS: 'false',
    }
    const { blocks, code } = await runBlocks(page, rehearsal, settings, emptyDatabase)
    const wrong = blocks.filter((block) => missingLines(block).length > 0)
    expect(wrong.map((block) => ({ ...block, missing: missingLines(block) }))).toEqual([])
    expect({ code, blocks: blocks.length }).toEqual({ code: 0, blocks: 7 })
  })

  it('who takes the password of the Worker from its secrets finds nobody', async () => {
    const { ROWPASS_DATABASE_URL: url = '' } = parseEnv(readFileSync(join(clone, '.dev.vars'), 'utf8'))
    const asked = [
      'select id from users',
      'update users set name = name returning id',
      'delete from users returning id',
    ]
    await withConnection(url, async (client) => {
      const { rows } = await client.query('select rolconnlimit from pg_roles where rolname = session_user')
      expect(rows).toEqual([{ rolconnlimit: 90 }])
      await expect(client.query('select id from users')).rejects.toMatchObject({ code: '42501' })
      await client.query(`set role authenticated; set request.jwt.claims = '{"sub": "${david.id}"}'`)
      for (const sql of asked) expect((await client.query(sql)).rows).toEqual([])
    })
  })
})

describe('docs/from-neon-demo.md', () => {
  const page = readFileSync(`${repository}docs/from-neon-demo.md`, 'utf8')
  /** The last cell of each row of a table. */
  const answersOf = (heading: string): string[] => {
    const [, section = ''] = page.split(`## ${heading}\n`)
    return [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (?!---).+ \| (.+) \|$/gm)]
      .map(([, cell = '']) => cell)
      .slice(1)
  }
  const named = (cells: readonly string[], form: RegExp): string[] =>
    cells.flatMap((cell) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text).filter((text) => form.test(text)),
    )

  it('names files that there are, and keys that are made', () => {
    const files = named(answersOf('Files'), /^[\w./-]+$/).filter(
      (name) => !/^(authToken|policies|wrangler\.toml)$|^rowpass\//.test(name),
    )
    expect(files).toContain('src/sealing.ts')
    expect(files.filter((name) => !existsSync(join(demo, name)))).toEqual([])
  })

  it('names settings that the API or the command line reads', () => {
    const variables = named(answersOf('Variables'), /^[A-Z_]+$/)
    expect(variables).toContain('ROWPASS_SEAL_KEYS')
    const read = ['demo/src/env.ts', 'demo/src/key-ring.ts', 'packages/rowpass/src/cli/project.ts']
    const sources = read.map((path) => readFileSync(join(repository, path), 'utf8')).join()
    expect([...new Set(variables)].filter((name) => !sources.includes(name))).toEqual([])
  })

  it('names scripts of the demo', () => {
    const scripts = named(answersOf('Commands'), /^npm run /).map((text) => text.slice('npm run '.length))
    expect(scripts).toHaveLength(6)
    const { scripts: own } = JSON.parse(readFileSync(`${demo}package.json`, 'utf8'))
    expect(scripts.filter((name) => !(name in own))).toEqual([])
  })
})
