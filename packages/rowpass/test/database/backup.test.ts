import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openForServer } from '../../../local/src/postgres/data-folder.ts'
import { withConnection } from '../../src/database/connect.ts'
import { generateEncryptionKey } from '../../src/issuer/ring/encryption.ts'
import { startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { type OwnServer, startServerOf } from '../support/own-server.ts'
import { product, repository, sealKeysText, type TestDatabase } from '../support/pg.ts'

const execute = promisify(execFile)
/** The embedded PostgreSQL has neither pg_dump nor pg_restore; those of Debian's 15 take no server of a later major. */
const programs = '/usr/lib/postgresql/15/bin'
const live = '5e55a5e5-0000-4000-8000-000000000001'
const ended = '5e55a5e5-0000-4000-8000-000000000002'

/** The commands of the page, as they stand there: those that save, and those that restore. */
const [save = '', restore = ''] = [
  ...readFileSync(`${repository}docs/production.md`, 'utf8')
    .split(/^## /m)
    .filter((section) => section.startsWith('Backup and restore\n'))
    .join('')
    .matchAll(/^```text\n(.*?)^```$/gms),
].map(([, commands = '']) => commands.replaceAll(/^export .*\n/gm, ''))

if (!existsSync(join(programs, 'pg_dump'))) {
  describe.skip('a backup, without the pg_dump of PostgreSQL 15', () => {})
} else {
  describe('a backup with pg_dump, restored on another server', () => {
    let folder: string
    let servers: readonly [OwnServer, OwnServer]
    let before: TestGateway
    let tokens: { readonly live: string; readonly ended: string; readonly service: string }
    const encryptionKeys = generateEncryptionKey('one')

    const urlOn = (server: OwnServer, user?: string) => {
      const url = new URL('/shop', server.superuserUrl)
      if (user !== undefined) Object.assign(url, { username: user, password: `of-${user}` })
      return url.href
    }
    const databaseOn = (server: OwnServer): TestDatabase => ({
      name: 'shop',
      ownerUrl: urlOn(server, 'shop_owner'),
      gatewayUrl: urlOn(server, 'rowpass_gateway'),
      issuerUrl: urlOn(server, 'rowpass_issuer'),
      superuserUrl: urlOn(server),
      sealKeys: [{ name: 'none', secret: new Uint8Array(32) }],
      close: async () => undefined,
    })
    const query = (server: OwnServer, sql: string) =>
      withConnection(urlOn(server), async (client) => (await client.query(sql)).rows)

    /** Runs lines of a page in the folder; `npx rowpass` is that of this repository. */
    async function run(commands: string, server: OwnServer, more: Record<string, string> = {}): Promise<string> {
      const { ownerUrl, gatewayUrl, issuerUrl } = databaseOn(server)
      const prelude = `set -euo pipefail\nnpx() { shift; node ${product}bin/rowpass.js "$@"; }\n`
      const env = {
        PATH: `${programs}:${process.env.PATH}`,
        OWNER_DATABASE_URL: ownerUrl,
        ROWPASS_DATABASE_URL: gatewayUrl,
        ISSUER_DATABASE_URL: issuerUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
        KEY_ENCRYPTION_KEYS: encryptionKeys,
        OLD: urlOn(servers[0]),
        NEW: servers[1].superuserUrl,
        ...more,
      }
      return (await execute('bash', ['-c', prelude + commands], { cwd: folder, env })).stdout
    }

    const settings = (server: OwnServer): Record<string, string> => ({
      ROWPASS_DATABASE_URL: urlOn(server, 'rowpass_gateway'),
    })
    const rowsOf = async (gateway: TestGateway, token: string) => {
      const { status, body } = await gateway.sql(token, 'select id from notes order by id')
      return status === 200 ? body.rows : body.message
    }
    const findings = async (server: OwnServer) =>
      JSON.parse(await run('npx rowpass doctor --json --fail-on error', server, { OWNER_DATABASE_URL: urlOn(server) }))
        .findings
    const ring = async (server: OwnServer) => JSON.parse(await run('npx rowpass keys list --json', server)).keys

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'rowpass-backup-'))
      openForServer(folder)
      const start = (name: string) => {
        const place = join(folder, name)
        mkdirSync(place)
        openForServer(place)
        return startServerOf({ programsFolder: programs, version: '15' }, place)
      }
      servers = [await start('old'), await start('new')]
      const [old] = servers
      await withConnection(old.superuserUrl, async (client) => {
        await client.query(`create role shop_owner login createrole password 'of-shop_owner'`)
        await client.query('create database shop owner shop_owner')
      })
      await run('npx rowpass db migrate --platform; npx rowpass issuer migrate; npx rowpass keys rotate', old)
      await run('npx rowpass db harden --temporary-tables --functions --default-functions', old, {
        OWNER_DATABASE_URL: urlOn(old),
      })
      await withConnection(urlOn(old, 'shop_owner'), (client) =>
        client.query(`
          create table notes (id integer primary key, org text not null);
          create index on notes (org);
          alter table notes enable row level security;
          alter table notes force row level security;
          create policy notes_select on notes for select to authenticated using (org = (select auth.session()->>'org'));
          grant select on notes to authenticated`),
      )
      await query(old, `insert into notes values (1, 'a'), (2, 'a'), (3, 'b')`)
      await query(old, `select rowpass.end_session('${ended}', until => now() + interval '1 day')`)
      before = await startTestGateway(databaseOn(old), settings(old))
      const token = (sid: string) => before.issuer.token('ada', { org: 'a', sid })
      tokens = {
        live: await token(live),
        ended: await token(ended),
        service: await before.issuer.token('job', { org: 'b' }),
      }
      for (let times = 0; times < 3; times++) await rowsOf(before, tokens.live)
      await run(save, old)
      await run(restore, servers[1])
    }, 180_000)

    afterAll(async () => {
      await before?.close()
      for (const server of servers ?? []) await server.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    it('has nothing left to do on the new server', async () => {
      expect(restore).toContain('npx rowpass status')
      const status = JSON.parse(
        await run('npx rowpass status --json --strict', servers[1], { OWNER_DATABASE_URL: urlOn(servers[1]) }),
      )
      expect(status).toMatchObject({ problems: [], open: [], sql: { pending: [], withIssuer: true } })
      expect(status.sealKeys).toMatchObject([
        { name: 'test', state: 'same' },
        { name: 'spare', state: 'same' },
      ])
    })

    it('keeps rights, roles, policies and what was hardened: the doctor finds what it found before, and nothing else', async () => {
      const [old, restored] = [await findings(servers[0]), await findings(servers[1])]
      expect(old.length).toBeGreaterThan(0)
      expect(restored).toEqual(old)
    })

    it('takes a token of before, shows the same rows, and refuses one of a session that had been ended', async () => {
      const gateway = await startTestGateway(databaseOn(servers[1]), {
        ...settings(servers[1]),
        ROWPASS_ISSUERS: JSON.stringify([
          { iss: before.issuer.iss, jwks_url: before.issuer.jwksUrl, audience: 'rowpass' },
        ]),
      })
      try {
        expect(await rowsOf(gateway, tokens.live)).toEqual(await rowsOf(before, tokens.live))
        expect(await rowsOf(gateway, tokens.live)).toEqual([{ id: '1' }, { id: '2' }])
        expect(await rowsOf(gateway, tokens.service)).toEqual([{ id: '3' }])
        expect(await rowsOf(gateway, tokens.ended)).toBe('The session has been ended')
      } finally {
        await gateway.close()
      }
    })

    it('brings the key ring, and no ticket; the dump has no seal key', async () => {
      expect(await ring(servers[1])).toEqual(await ring(servers[0]))
      expect(await query(servers[0], 'select from rowpass.identities')).not.toEqual([])
      const contents = await run('pg_restore --file=- shop.dump', servers[0])
      const rowsIn = (table: string) =>
        /^COPY [^\n]*\n(.*?)^\\\.$/ms.exec(contents.slice(contents.indexOf(`COPY ${table} `)))?.[1]
      expect(rowsIn('rowpass.revoked_sessions')).toContain(ended)
      expect(contents).not.toMatch(/^COPY rowpass\.(identities|admitted_sessions|seal_keys) /m)
      const signed = await run('npx rowpass token --sub ada', servers[1])
      expect(signed.trim().split('.')).toHaveLength(3)
    })

    it('is refused to the owner where FORCE holds for them, and a dump that leaves rows out is not made', async () => {
      const asOwner = execute(join(programs, 'pg_dump'), ['--file=/dev/null', urlOn(servers[0], 'shop_owner')])
      await expect(asOwner).rejects.toThrow('query would be affected by row-level security policy for table "notes"')
    })

    it('is restored in the place of a database that is gone, and a gateway that was there goes on by itself', async () => {
      const [old] = servers
      await withConnection(old.superuserUrl, (client) => client.query('drop database shop with (force)'))
      expect(await rowsOf(before, tokens.live)).not.toEqual([{ id: '1' }, { id: '2' }])
      await run(
        'pg_restore --create --exit-on-error --dbname="$SERVER" shop.dump; npx rowpass db migrate --platform',
        old,
        {
          SERVER: old.superuserUrl,
        },
      )
      await waitUntil(async () => Array.isArray(await rowsOf(before, tokens.live)), 30_000)
      expect(await rowsOf(before, tokens.live)).toEqual([{ id: '1' }, { id: '2' }])
      expect(await rowsOf(before, tokens.ended)).toBe('The session has been ended')
    })
  })
}
