import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withConnection } from '../../rowpass/src/database/connect.ts'
import { isAlive } from '../../rowpass/src/database/processes.ts'
import type { Failure, FailureCode } from '../../rowpass/src/errors.ts'
import { openForServer } from '../src/postgres/data-folder.ts'
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from '../src/postgres/embedded.ts'
import { readPostmaster } from '../src/postgres/postmaster.ts'

const root = process.getuid?.() === 0

describe('the embedded PostgreSQL', () => {
  let used: string
  let directory: string
  let running: EmbeddedPostgres[]

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-embedded-'))
    openForServer(directory)
    running = []
  })

  afterEach(async () => {
    for (const server of running) await server.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  beforeAll(async () => {
    used = mkdtempSync(join(tmpdir(), 'rowpass-embedded-'))
    openForServer(used)
    await (await startEmbeddedPostgres({ directory: used, durable: false })).stop()
  })
  afterAll(() => rmSync(used, { recursive: true, force: true }))

  /** Makes the folder one in which the server has run before, faster than a first start. */
  const copyUsed = (): void => void execFileSync('cp', ['-a', join(used, '.rowpass'), directory])
  const start = async (options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> => {
    const server = await startEmbeddedPostgres({ directory, durable: false, ...options })
    running.push(server)
    return server
  }
  const data = (...path: string[]): string => join(directory, '.rowpass', 'postgres', ...path)

  it('starts in an empty folder, and is PostgreSQL 18 with locale C and UTF-8', async () => {
    const server = await start()
    expect(server).toMatchObject({ created: true, dataDirectory: data() })
    const facts = await query(
      server.superuserUrl,
      `select current_setting('server_version_num')::int / 10000 as major, datcollate as collation,
              pg_encoding_to_char(encoding) as encoding, current_setting('fsync') as fsync
         from pg_database where datname = current_database()`,
    )
    expect(facts).toEqual([{ major: 18, collation: 'C', encoding: 'UTF8', fsync: 'off' }])
  })

  it('keeps data, password and port from one start to the next', async () => {
    const first = await start({ durable: true })
    await query(first.superuserUrl, 'create table kept as select 7 as n')
    await first.stop()
    const second = await start({ durable: true })
    expect(second).toMatchObject({ created: false, superuserUrl: first.superuserUrl, port: first.port })
    expect(await query(second.superuserUrl, 'select n from kept')).toEqual([{ n: 7 }])
  })

  it('takes another free port when that of the last start is taken', async () => {
    const first = await start()
    await first.stop()
    const squatter = createServer().listen(first.port, '127.0.0.1')
    await once(squatter, 'listening')
    try {
      const second = await start()
      expect(second.port).not.toBe(first.port)
    } finally {
      squatter.close()
    }
  })

  it('ends within a second of its parent being killed, and starts again', async () => {
    const parent = await startInChild(directory)
    const server = readPostmaster(data())!
    expect(isAlive(server.pid)).toBe(true)
    parent.kill('SIGKILL')
    await until(() => !isAlive(server.pid))
    await start()
  })

  it('ends the server of a killed parent whose guardian was killed as well', async () => {
    const parent = await startInChild(directory)
    const server = readPostmaster(data())!
    const guardian = Number(readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1])
    killGuardians(guardian)
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    expect(isAlive(server.pid)).toBe(true)
    await start()
    expect(isAlive(server.pid)).toBe(false)
  })

  it('forgets a postmaster.pid whose pid belongs to another program now', async () => {
    copyUsed()
    const other = spawn('sleep', ['60'], { ...(root && { uid: 65534 }), stdio: 'ignore' })
    try {
      writeFileSync(data('postmaster.pid'), `${other.pid}\n${data()}\n1\n5432\n\n127.0.0.1\n\nready\n`)
      await start()
    } finally {
      other.kill()
    }
  })

  it('refuses a second start while the first one runs', async () => {
    await start()
    await expectFailure(start(), 'already_running', `process ${process.pid} uses the embedded database`)
  })

  it('lets exactly one of two starts at the same time win', async () => {
    const outcomes = await Promise.allSettled([start(), start()])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const loser = outcomes.find((outcome) => outcome.status === 'rejected')
    expect(loser?.reason).toMatchObject({ code: 'already_running' })
  })

  it('sets a new superuser password when secrets.json is lost', async () => {
    const first = await start()
    await query(first.superuserUrl, 'create table kept as select 7 as n')
    await first.stop()
    unlinkSync(join(directory, '.rowpass', 'secrets.json'))
    const second = await start()
    expect(second.superuserUrl).not.toBe(first.superuserUrl)
    expect(await query(second.superuserUrl, 'select n from kept')).toEqual([{ n: 7 }])
  })

  it('reports a taken port that was asked for', async () => {
    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const { port } = squatter.address() as { port: number }
    try {
      await expectFailure(start({ port }), 'port_taken', `127.0.0.1:${port}`)
    } finally {
      squatter.close()
    }
  })

  const broken: [string, FailureCode, string, () => void][] = [
    [
      'another major version',
      'embedded_data_invalid',
      'made by PostgreSQL 17',
      () => write(data('PG_VERSION'), '17\n'),
    ],
    ['no PG_VERSION', 'embedded_data_invalid', 'no PG_VERSION', () => unlinkSync(data('PG_VERSION'))],
    ['no pg_control', 'embedded_data_invalid', 'pg_control', () => unlinkSync(data('global', 'pg_control'))],
    [
      'a pg_control of zeros',
      'embedded_data_invalid',
      '',
      () => write(data('global', 'pg_control'), Buffer.alloc(8192)),
    ],
    ['no transaction log', 'embedded_data_invalid', '', () => rmSync(data('pg_wal'), { recursive: true })],
    [
      'a wrong line in postgresql.conf',
      'embedded_start_failed',
      '',
      () => write(data('postgresql.conf'), 'nonsense\n'),
    ],
    ['secrets that are not JSON', 'state_invalid', 'not a JSON object', () => write(secretsFile(), 'oh "password"')],
    ['a secret that is not text', 'state_invalid', 'not a text', () => write(secretsFile(), '{"superuserPassword":1}')],
  ]
  const secretsFile = (): string => join(directory, '.rowpass', 'secrets.json')

  it.each(broken)('explains %s and deletes nothing', async (_title, code, detail, breakIt) => {
    copyUsed()
    breakIt()
    const before = fingerprint(data())
    await expectFailure(start(), code, detail)
    expect(fingerprint(data())).toBe(before)
  })

  if (root)
    it('explains a data folder that belongs to another user', async () => {
      copyUsed()
      chmodSync(data(), 0o700)
      const child = await runInChild(directory, { uid: 1234, gid: 1234 })
      expect(child).toMatch(/embedded_data_invalid|state_invalid/)
    })

  it('leaves no half-made folder behind when the first start is interrupted', async () => {
    const parent = spawnStarter(directory)
    await until(() => existsSync(join(directory, '.rowpass')))
    await delay(100)
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    const server = await start()
    expect(await query(server.superuserUrl, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  if (root)
    it('keeps data and programs elsewhere when its uid cannot enter the project', async () => {
      chmodSync(directory, 0o700)
      const notes: string[] = []
      const folder = join('/var/lib/rowpass', createHash('sha256').update(directory).digest('hex').slice(0, 16))
      try {
        const server = await start({ onProgress: (text) => notes.push(text) })
        expect(server.dataDirectory).toBe(join(folder, 'postgres'))
        expect(notes[0]).toBe(`data is kept in ${server.dataDirectory}, because uid 65534 cannot enter ${directory}`)
        await server.stop()
        // What was begun there stays there, also when the project could be entered now.
        chmodSync(directory, 0o711)
        expect((await start()).dataDirectory).toBe(server.dataDirectory)
      } finally {
        for (const server of running) await server.stop()
        rmSync(folder, { recursive: true, force: true })
      }
    })
})

describe('a running embedded PostgreSQL', () => {
  let directory: string
  let server: EmbeddedPostgres

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-embedded-'))
    openForServer(directory)
    process.env.ROWPASS_CANARY = 'canary-in-the-environment'
    server = await startEmbeddedPostgres({ directory, durable: false })
    delete process.env.ROWPASS_CANARY
  })
  afterAll(async () => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('listens on 127.0.0.1 only and makes no unix socket', async () => {
    const settings = await query(
      server.superuserUrl,
      `select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets`,
    )
    expect(settings).toEqual([{ addresses: '127.0.0.1', sockets: '' }])
  })

  it('asks every login for its password by SCRAM', async () => {
    const rules = await query(server.superuserUrl, 'select distinct auth_method from pg_hba_file_rules')
    expect(rules).toEqual([{ auth_method: 'scram-sha-256' }])
    const wrong = new URL(server.superuserUrl)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({
      code: 'database_unavailable',
      detail: expect.stringContaining('password authentication failed'),
    })
  })

  it('keeps its secrets in a file that only the owner can read', async () => {
    expect(statSync(join(directory, '.rowpass', 'secrets.json')).mode & 0o777).toBe(0o600)
  })

  it('does not have its password, nor our environment, in the arguments and environment of the server', async () => {
    if (process.platform !== 'linux') return
    const { pid } = readPostmaster(server.dataDirectory)!
    const visible = readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    expect(visible).toContain(server.dataDirectory)
    expect(visible).not.toContain('canary')
    expect(visible).not.toContain(new URL(server.superuserUrl).password)
  })

  if (root)
    it('runs as uid 65534 when this process is root', async () => {
      expect(statSync(server.dataDirectory).uid).toBe(65534)
      expect(statSync(`/proc/${readPostmaster(server.dataDirectory)!.pid}`).uid).toBe(65534)
    })
})

async function query(url: string, sql: string): Promise<unknown[]> {
  return withConnection(url, async (client: pg.Client) => (await client.query(sql)).rows)
}

async function expectFailure(work: Promise<unknown>, code: FailureCode, detail: string): Promise<void> {
  const failure: Failure = await work.then(
    () => expect.fail('it started'),
    (error: unknown) => error as Failure,
  )
  expect(failure).toMatchObject({ name: 'Failure', code })
  expect(failure.detail).toContain(detail)
  expect(failure.detail).not.toContain('\n')
}

/** Overwrites a file whoever owns it, without changing the owner. */
function write(path: string, content: string | Buffer): void {
  writeFileSync(path, content)
}

/** Names and sizes of all files that a start does not write anyway. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  for (const name of ['base', 'global', 'PG_VERSION', 'postgresql.conf', 'pg_xact']) {
    const path = join(folder, name)
    if (!existsSync(path)) continue
    hash
      .update(name)
      .update(String(statSync(path).ino))
      .update(String(statSync(path).size))
  }
  return hash.digest('hex')
}

function spawnStarter(directory: string, account: { uid?: number; gid?: number } = {}): ChildProcess {
  const starter = fileURLToPath(new URL('../../rowpass/test/support/start-embedded.ts', import.meta.url))
  return spawn(process.execPath, ['--import', import.meta.resolve('tsx/esm'), starter, directory], {
    ...account,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function startInChild(directory: string): Promise<ChildProcess> {
  const child = spawnStarter(directory)
  for await (const chunk of child.stdout!) if (String(chunk).includes('started')) break
  return child
}

async function runInChild(directory: string, account: { uid: number; gid: number }): Promise<string> {
  let output = ''
  for await (const chunk of spawnStarter(directory, account).stdout!) output += String(chunk)
  return output
}

/** The shell that waits for the server, and its half that waits for us. */
function killGuardians(pid: number): void {
  for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)) {
    if (readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith('/bin/sh')) process.kill(child, 'SIGKILL')
  }
  process.kill(pid, 'SIGKILL')
}

async function until(condition: () => boolean, withinMs = 5_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; !condition(); await delay(10)) {
    if (Date.now() > deadline) expect.fail('the condition was not met in time')
  }
}
