import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../rowpass/src/database/connect.ts'
import { isAlive } from '../../rowpass/src/database/processes.ts'
import { createTestDatabase, demo, product, repository, sealKeysText } from '../../rowpass/test/support/pg.ts'
import { openForServer } from '../src/postgres/data-folder.ts'
import { freePort } from '../src/postgres/server.ts'

const startMs = 60_000
const stopMs = 10_000

describe('rowpass dev', { timeout: 2 * startMs }, () => {
  let project: Project
  beforeAll(async () => {
    project = await createProject()
  })
  afterAll(() => project.remove())
  // A failed test must not leave a system behind.
  afterEach(() => Promise.all(project.running.splice(0).map(kill)))

  it('goes from a key to rows, rotates while it runs, and leaves nothing running', async () => {
    expect((await project.run(['keys', 'generate'])).code).toBe(0)
    const dev = await project.start()
    const { PORT: port, GATEWAY_PORT: gatewayPort } = project.env
    const api = `http://127.0.0.1:${port}`

    const lines = dev.output().trimEnd().split('\n')
    expect(lines.at(-1)).toMatch(
      new RegExp(`^ready: API ${api}, SQL gateway http://127\\.0\\.0\\.1:${gatewayPort}/sql \\(\\d+\\.\\d s\\)$`),
    )
    // The superuser of the embedded server has closed what its owner could not.
    expect(dev.output()).not.toContain('not yet')
    expect(dev.output()).toContain(`DEMO is on: anyone who reaches port ${port} can sign in as any seeded person.`)

    // SEC-78 A page whose name was made to point here gets nothing of either.
    for (const url of [`${api}/api/token`, `http://127.0.0.1:${gatewayPort}/readyz`]) {
      expect(await statusAt(url, 'evil.example')).toBeGreaterThanOrEqual(400)
      expect(await statusAt(url, `localhost:${port}`)).toBe(200)
    }

    const david = await signIn(api, 'david@neon.example')
    expect(await names(api, david)).toEqual({ users: ['David'], tenants: ['Neon'] })
    // SEC-70 Nothing tells what is hidden from David: a colleague's row, and a plan of it.
    const problems = [mei, nobody].map(async (id) => {
      const { request_id: _, ...problem } = await (await get(api, `users/${id}`, david)).json()
      return problem
    })
    const [hidden, missing] = await Promise.all(problems)
    expect(hidden).toMatchObject({ status: 404 })
    expect(hidden).toEqual(missing)
    expect((await get(api, 'users', david)).headers.has('Server-Timing')).toBe(false)
    expect(await explain(gatewayPort!, david)).toMatchObject({ hint: expect.stringMatching(/^statement_refused/) })
    const other = await signIn(api, 'employee@other.example')
    expect(await names(api, other)).toEqual({ users: ['Other Employee'], tenants: ['Other Company'] })

    // The key of the file is the first of the ring; another takes over, and no token is refused.
    const { kid } = JSON.parse(readFileSync(project.file('publicKey.jwk.json'), 'utf8'))
    expect(dev.output()).toContain(`key ring of the database, ES256 ${kid} (privateKey.jwk.json)`)
    expect(kidOf(david)).toBe(kid)
    const next = (await project.run(['keys', 'add'])).output.trim().replace('added ', '')
    const activated = await project.run(['keys', 'activate', next, '--force'])
    expect(activated.output).toBe(`signs now: ${next}\nretired ${kid}\n`)
    let rotated = david
    while (kidOf(rotated) !== next) {
      await delay(200)
      rotated = await signIn(api, 'david@neon.example')
    }
    for (const token of [david, rotated]) expect((await names(api, token)).users).toEqual(['David'])

    const [header, payload, signature] = david.split('.')
    const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString())
    const edited = Buffer.from(JSON.stringify({ ...claims, role: 'admin' })).toString('base64url')
    expect((await get(api, 'users', `${header}.${edited}.${signature}`)).status).toBe(401)
    expect((await get(api, 'users', '')).status).toBe(401)

    const printed = await project.run(['env', '--json'])
    const urls = JSON.parse(printed.output)
    expect(urls).toMatchObject({ API_URL: api, GATEWAY_URL: `http://127.0.0.1:${gatewayPort}/sql` })
    expect(urls.DATABASE_URL).toMatch(/^postgresql:\/\/authenticated@127\.0\.0\.1:\d+\/rowpass$/)
    expect(await count(urls.OWNER_DATABASE_URL, 'drizzle.__drizzle_migrations')).toBeGreaterThan(0)

    // Wrangler's has messages with tokens in them.
    for (const name of ['wrangler.log', 'gateway.log', 'postgres.log', 'secrets.json']) {
      expect(`${name} ${(statSync(project.file(`.rowpass/${name}`)).mode & 0o777).toString(8)}`).toBe(`${name} 600`)
    }

    // What PostgreSQL leaves open by default is closed by then: the log says otherwise.
    expect(logs(project)).toContain('connection_opened')
    // But for what only another version of PostgreSQL can.
    expect(logs(project)).not.toMatch(/"exposures":\[(?!"server_version"\])/)

    const tree = descendants(dev.pid)
    expect(tree.length).toBeGreaterThan(4)
    const secrets = JSON.parse(readFileSync(project.file('.rowpass/secrets.json'), 'utf8'))
    const { d } = JSON.parse(readFileSync(project.file('privateKey.jwk.json'), 'utf8'))
    for (const secret of [d, ...Object.values(secrets)]) {
      expect(tree.map(commandLine).join('\n')).not.toContain(secret)
      expect(dev.output() + logs(project)).not.toContain(secret)
    }

    dev.child.kill('SIGINT')
    expect(await exitOf(dev.child, stopMs)).toBe(0)
    expect(dev.output()).toMatch(/stopped\n$/)
    await until(() => tree.every((pid) => !isAlive(pid)))
    expect(existsSync(project.file('.rowpass/running.json'))).toBe(false)
    expect(temporaryFiles(project)).toEqual([])
    expect((await project.run(['env'])).code).toBe(3)
  })

  it('starts again with the same key, rows and secrets, and reads the program that the page shows', async () => {
    const dev = await project.start({ WHY: 'true', ROWPASS_ALLOW_EXPLAIN: 'true' })
    expect(dev.output()).toMatch(/migrations +up to date \(/)
    const { keys } = JSON.parse((await project.run(['keys', 'list', '--json'])).output)
    expect(keys.map(({ state }: { state: string }) => state)).toEqual(['retired', 'active'])
    expect(dev.output()).toContain(`key ring of the database, ES256 ${keys[1].kid} `)
    // SEC-68 What tells of hidden rows does so where it was asked to, and says so at its start.
    expect(dev.output()).toContain('WHY is on: answers tell how many rows are hidden')
    expect(dev.output()).toContain('ROWPASS_ALLOW_EXPLAIN is on: ')
    expect(logs(project)).toContain('explain_allowed')
    const api = `http://127.0.0.1:${project.env.PORT}`
    const david = await signIn(api, 'david@neon.example')
    expect((await get(api, 'users', david)).headers.get('Server-Timing')).toContain('11 rows hidden')
    expect(await explain(project.env.GATEWAY_PORT!, david)).toMatchObject({ command: 'EXPLAIN' })
    const shell = dev.output().match(/^ {4}[^\s{].*$/gm)!
    expect(shell).toHaveLength(3)
    const { stdout } = await sh(shell.join('\n'))
    expect(stdout).toContain('david@neon.example')
    expect(stdout).toContain('"Neon"')

    const second = await project.run(['dev'])
    expect(second.code).toBe(1)
    expect(second.output).toContain(`error[already_running]: Rowpass already runs in this folder: process ${dev.pid}`)
    const other = await project.run(['db', 'seed'])
    expect(other).toMatchObject({ code: 0, output: 'seeded\n' })

    // Long enough that no copy of the key ring is good any more.
    await delay(7_000)
    await Promise.all(Array.from({ length: 40 }, () => signIn(api, 'david@neon.example')))

    // The header is the one that Cloudflare's edge writes; here it comes from whoever tries passwords.
    const added = await project.run(['clients', 'add', 'web', '--public', '--grant', 'password'])
    expect(added.code).toBe(0)
    const statuses: number[] = []
    for (let turn = 1; turn <= 6; turn++) {
      const response = await fetch(`${api}/api/token`, {
        method: 'POST',
        headers: { 'CF-Connecting-IP': `192.0.2.${turn}`, 'X-Forwarded-For': `192.0.2.${turn}` },
        body: new URLSearchParams({
          grant_type: 'password',
          client_id: 'web',
          username: 'david@neon.example',
          password: 'wrong',
        }),
      })
      statuses.push(response.status)
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429])

    const tree = descendants(dev.pid)
    dev.child.kill('SIGKILL')
    await exitOf(dev.child, stopMs)
    await until(() => tree.every((pid) => !isAlive(pid)))
    expect(temporaryFiles(project)).toEqual([])
  })

  it('ends everything when a part of it ends', async () => {
    const dev = await project.start()
    const tree = descendants(dev.pid)
    process.kill(
      Number(readFileSync(project.file('.rowpass/postgres/postmaster.pid'), 'utf8').split('\n')[0]),
      'SIGQUIT',
    )
    expect(await exitOf(dev.child, stopMs)).toBe(1)
    expect(dev.output()).toContain('error[embedded_ended]: The embedded PostgreSQL ended unexpectedly')
    await until(() => tree.every((pid) => !isAlive(pid)))
  })

  it.each([50, 700, 1_500])('ends at SIGTERM %d ms after its first step', async (afterMs) => {
    const dev = project.launch()
    await until(() => dev.output().includes('keys') || existsSync(project.file('.rowpass/running.json')))
    await delay(afterMs)
    const tree = descendants(dev.pid)
    dev.child.kill('SIGTERM')
    expect(await exitOf(dev.child, stopMs)).toBe(0)
    await until(() => tree.every((pid) => !isAlive(pid)))
  })

  it('ends at once at the second signal, and leaves nothing running', async () => {
    const dev = await project.start()
    const tree = descendants(dev.pid)
    dev.child.kill('SIGINT')
    dev.child.kill('SIGINT')
    await exitOf(dev.child, stopMs)
    await until(() => tree.every((pid) => !isAlive(pid)))
    expect(existsSync(project.file('.rowpass/running.json'))).toBe(false)
    expect(temporaryFiles(project)).toEqual([])
  })

  it.each(['PORT', 'GATEWAY_PORT'])('names the port that is taken and the variable: %s', async (name) => {
    const squatter = createServer().listen(Number(project.env[name]), '127.0.0.1')
    await once(squatter, 'listening')
    try {
      const { code, output } = await project.run(['dev'])
      expect(code).toBe(1)
      expect(output).toContain(
        `error[port_taken]: The port is taken by another program: 127.0.0.1:${project.env[name]}`,
      )
      expect(output).toContain(`set ${name} to another one`)
    } finally {
      squatter.close()
    }
  })

  it('uses the database that OWNER_DATABASE_URL names, and signs nobody in with DEMO=false', async () => {
    const database = await createTestDatabase({ contents: 'bare' })
    const fresh = await createProject()
    try {
      const dev = await fresh.start({
        // Its login is that of other tests, and so is its CONNECTION LIMIT.
        ROWPASS_GATEWAYS: '8',
        OWNER_DATABASE_URL: database.ownerUrl,
        ROWPASS_DATABASE_URL: database.gatewayUrl,
        ISSUER_DATABASE_URL: database.issuerUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
        DEMO: 'false',
        MAIL_URL: 'http://127.0.0.1:1/',
      })
      const api = `http://127.0.0.1:${fresh.env.PORT}`
      expect(dev.output()).not.toContain('DEMO is on')
      expect((await fetch(`${api}/api/token`)).status).toBe(404)
      // There is no such path where no mail can be sent.
      expect((await fetch(`${api}/api/sign-up`, { method: 'POST' })).status).toBe(415)
      expect(existsSync(fresh.file('.rowpass/postgres'))).toBe(false)
      const { output: token } = await fresh.run([
        ...['token', '--sub', '2e7e25e8-5445-40bd-8f89-dc19bba64faa'],
        ...['--claim', 'tenant_id=f330c503-5e9c-46a7-8393-2995aeb03675', '--claim', 'role=member'],
      ])
      expect(await names(api, token.trim())).toEqual({ users: ['David'], tenants: ['Neon'] })
      dev.child.kill('SIGTERM')
      expect(await exitOf(dev.child, stopMs)).toBe(0)
    } finally {
      await fresh.remove()
      await database.close()
    }
  })

  it.each([
    ['a Worker that does not exist', `"main": "src/nothing.ts"`, ''],
    ['settings that the Worker refuses', `"main": "src/index.ts"`, 'https:// not a url'],
  ])('says why the API does not start: %s', async (_title, entry, issuer) => {
    const fresh = await createProject()
    try {
      const config = readFileSync(fresh.file('wrangler.jsonc'), 'utf8')
      expect(config).toContain('"main": "src/index.ts"')
      writeFileSync(fresh.file('wrangler.jsonc'), config.replace('"main": "src/index.ts"', entry))
      const dev = fresh.launch(issuer === '' ? {} : { ISSUER: issuer })
      expect(await exitOf(dev.child, startMs)).toBe(1)
      expect(dev.output()).toMatch(/^error\[worker_failed\]: The API does not run: \S/m)
    } finally {
      await fresh.remove()
    }
  })

  it('answers with the error while the code has one, and goes on once it has none', {
    timeout: 8 * startMs,
  }, async () => {
    const fresh = await createProject({ ownSource: true })
    try {
      const dev = await fresh.start()
      const api = `http://127.0.0.1:${fresh.env.PORT}`
      const file = fresh.file('src/routes/users.ts')
      const source = readFileSync(file, 'utf8')
      const personas = async () => (await fetch(`${api}/api/personas`, { signal: AbortSignal.timeout(startMs) })).status
      for (const [mistake, says] of [
        ['const unfinished = (', 'Unexpected end of file'],
        ['import "./nothing.ts"', 'Could not resolve "./nothing.ts"'],
        ['throw new Error("at the start")', 'at the start'],
      ] as const) {
        writeFileSync(file, `${source}\n${mistake}\n`)
        await until(() => dev.output().includes(says), startMs)
        for (const path of ['/', '/api/users', '/.well-known/jwks.json']) {
          const response = await fetch(api + path, { signal: AbortSignal.timeout(startMs) })
          expect(response.status).toBe(500)
          expect(await response.text()).toContain(says)
        }
        const reloads = dev.output().split('  reloaded ').length
        writeFileSync(file, source)
        await until(() => dev.output().split('  reloaded ').length > reloads, startMs)
        expect(await personas()).toBe(200)
      }
      expect(dev.output()).toMatch(/^ {2}reloaded {4}the API \(\d+ ms\)$/m)
    } finally {
      await fresh.remove()
    }
  })

  it('says in a folder without a project that it is none, and starts nothing', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'rowpass-empty-'))
    const { code, output } = await project.run(['dev'], empty)
    rmSync(empty, { recursive: true })
    expect(code).toBe(1)
    expect(output).toContain('has no wrangler.jsonc')
  })
})

interface Dev {
  readonly child: ChildProcess
  readonly pid: number
  output(): string
}

interface Project {
  readonly env: Record<string, string>
  readonly running: ChildProcess[]
  file(path: string): string
  launch(env?: Record<string, string>): Dev
  start(env?: Record<string, string>): Promise<Dev>
  run(argv: readonly string[], cwd?: string): Promise<{ code: number | null; output: string }>
  remove(): Promise<void>
}

/** A folder that looks like a fresh clone, with ports of its own, and with sources of its own where they are to be changed. */
async function createProject({ ownSource = false } = {}): Promise<Project> {
  const directory = mkdtempSync(join(tmpdir(), 'rowpass-dev-'))
  openForServer(directory)
  for (const name of ['src', 'web', 'drizzle']) {
    if (ownSource) cpSync(join(demo, name), join(directory, name), { recursive: true })
    else symlinkSync(join(demo, name), join(directory, name))
  }
  symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'))
  for (const name of ['wrangler.jsonc', 'seed.sql', 'people.json', 'package.json']) {
    copyFileSync(join(demo, name), join(directory, name))
  }
  mkdirSync(join(directory, 'tmp'))
  const env = {
    PATH: process.env.PATH!,
    TMPDIR: join(directory, 'tmp'),
    ...(await freePorts()),
  }
  const running: ChildProcess[] = []
  const launch = (argv: readonly string[], more: Record<string, string> = {}, cwd = directory): Dev => {
    const child = spawn(process.execPath, [join(product, 'bin', 'rowpass.js'), ...argv], {
      cwd,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.push(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    return { child, pid: child.pid!, output: () => output }
  }
  return {
    env,
    running,
    file: (path) => join(directory, path),
    launch: (more) => launch(['dev'], more),
    async start(more) {
      const dev = launch(['dev'], more)
      await until(() => /^ready.*\n/m.test(dev.output()) || dev.child.exitCode !== null, startMs)
      expect(dev.child.exitCode, dev.output()).toBeNull()
      return dev
    },
    async run(argv, cwd) {
      const { child, output } = launch(argv, {}, cwd)
      const [code] = await once(child, 'close')
      return { code, output: output() }
    },
    async remove() {
      await Promise.all(running.map(kill))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/**
 * Two ports that no other program is given meanwhile: both lie under those that the system hands out by itself, from which
 * the embedded server takes its own.
 */
async function freePorts(): Promise<{ PORT: string; GATEWAY_PORT: string }> {
  const [lowest] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/).map(Number)
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * (lowest! - 10_001))
    const both = [port, port + 1]
    if ((await Promise.all(both.map(freePort))).join() === both.join()) {
      return { PORT: String(port), GATEWAY_PORT: String(port + 1) }
    }
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const tree = descendants(child.pid!)
  child.kill('SIGKILL')
  await until(() => tree.every((pid) => !isAlive(pid)))
}

async function exitOf(child: ChildProcess, withinMs: number): Promise<number | null> {
  await until(() => child.exitCode !== null || child.signalCode !== null, withinMs)
  return child.exitCode
}

function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid
}

async function signIn(api: string, as: string): Promise<string> {
  const response = await fetch(`${api}/api/token?as=${as}`)
  expect(response.status).toBe(200)
  return (await response.json()).access_token
}

/** As `fetch`, which lets nobody choose the host. */
function statusAt(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // What a script of a page may send along, and wrangler's server believes.
    const headers = {
      Host: host,
      'MF-Original-URL': new URL(url).href.replace(/:\d+/, ''),
      'X-Forwarded-Host': '127.0.0.1',
    }
    request(url, { headers }, (response) => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
      .end()
  })
}

function get(api: string, path: string, token: string): Promise<Response> {
  return fetch(`${api}/api/${path}`, { headers: { authorization: `Bearer ${token}` } })
}

/** Somebody of David's tenant, and nobody. */
const mei = '07bed1a4-91e7-4570-ab05-ff128e872801'
const nobody = '00000000-0000-4000-8000-000000000000'

async function explain(gatewayPort: string, token: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${gatewayPort}/sql`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'neon-connection-string': 'postgresql://authenticated@127.0.0.1/rowpass',
    },
    body: JSON.stringify({ query: 'explain select * from users', params: [] }),
  })
  return response.json()
}

async function rows(api: string, path: 'users' | 'tenants', token: string) {
  const response = await get(api, path, token)
  const body = await response.json()
  expect({ status: response.status, body }).toMatchObject({ status: 200 })
  return body
}

async function names(api: string, token: string): Promise<Record<'users' | 'tenants', string[]>> {
  const { users } = await rows(api, 'users', token)
  const { tenants } = await rows(api, 'tenants', token)
  const name = (row: { name: string }) => row.name
  return { users: users.map(name), tenants: tenants.map(name) }
}

async function count(url: string, table: string): Promise<number> {
  return withConnection(url, async (client) => {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${table}`)
    return rows[0]!.n
  })
}

function logs(project: Project): string {
  const names = readdirSync(project.file('.rowpass')).filter((name) => name.includes('.log'))
  return names.map((name) => readFileSync(project.file(`.rowpass/${name}`), 'utf8')).join('\n')
}

/** What a run has left in either folder for temporary files, beside the cache of the loader. */
function temporaryFiles(project: Project): string[] {
  const folders = ['tmp', '.rowpass/tmp'].map(project.file).filter(existsSync)
  return folders.flatMap((folder) => readdirSync(folder)).filter((name) => !name.startsWith('tsx-'))
}

async function sh(script: string): Promise<{ stdout: string }> {
  const child = spawn('/bin/sh', ['-ec', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  expect(await once(child, 'close')).toEqual([0, null])
  return { stdout }
}

/** Pids of a process and of all that it started, directly or not. */
function descendants(pid: number): number[] {
  const parents = readdirSync('/proc').flatMap((name): [number, number][] => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]]
    } catch {
      return []
    }
  })
  const found = [pid]
  for (const each of found) found.push(...parents.filter(([, parent]) => parent === each).map(([child]) => child))
  return found
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return ''
  }
}

async function until(condition: () => boolean, withinMs = 5_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; !condition(); await delay(20)) {
    if (Date.now() > deadline) expect.fail(`the condition was not met in ${withinMs} ms`)
  }
}
