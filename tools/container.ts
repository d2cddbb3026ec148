/**
 * `npm run container`: builds the image of packaging/container and runs it as its page says: as nobody, without capabilities, on a
 * root file system that is read-only, against a PostgreSQL of its own. With podman, as root or not.
 *
 *   npm run container -- [--node <image>] [--runtime crun|runc]
 *
 * Without `--node`, the base image is made of this machine's Node and npm, so that no registry of images is asked.
 * Exits 1 if something does not hold.
 */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeScratch } from '../bench/scratch.ts'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { createLocalDatabase } from '../packages/local/src/postgres/local-database.ts'
import { freePort } from '../packages/local/src/postgres/server.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { formatSealKeys, generateSealKey } from '../packages/rowpass/src/seal/keys.ts'
import { startTestIssuer } from '../packages/rowpass/test/support/gateway.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({ options: { node: { type: 'string' }, runtime: { type: 'string' } } })
const image = 'localhost/rowpass-tried'
const base = values.node ?? 'localhost/rowpass-tried-node'
const name = `rowpass-tried-${process.pid}`
/** As in the Containerfile. */
const user = 65_532

const folder = makeScratch('rowpass-container')
const server = await startEmbeddedPostgres({ directory: folder, durable: false })
const issuer = await startTestIssuer()
let code = 1
try {
  await main()
  code = 0
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
} finally {
  podman(['rm', '--force', '--ignore', name], { stdio: 'ignore' })
  await issuer.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
process.exit(code)

async function main(): Promise<void> {
  if (values.node === undefined) buildBase()
  buildImage()
  const ownerUrl = await createLocalDatabase(server.superuserUrl, 'owner-of-a-throw-away-database')
  const port = String(await freePort())
  const secrets = writeSecrets(ownerUrl)
  const options = [
    '--network=host',
    '--read-only',
    '--tmpfs=/tmp',
    '--cap-drop=all',
    '--security-opt=no-new-privileges',
    '--ulimit=nofile=1024:1024',
    '--ulimit=nproc=1024:1024',
  ]
  const files = [
    `--volume=${secrets}:/run/secrets:ro`,
    ...['OWNER_DATABASE_URL', 'ROWPASS_DATABASE_URL', 'ROWPASS_SEAL_KEYS', 'ROWPASS_ISSUERS'].map(
      (each) => `--env=${each}_FILE=/run/secrets/${each}`,
    ),
  ]
  const migrated = podman([
    'run',
    '--rm',
    ...options,
    ...files.filter((each) => !each.includes('ISSUERS')),
    image,
    'db',
    'migrate',
    '--platform',
  ])
  say(`it migrates a database: ${migrated.trim().split('\n').at(-1)}`)
  await withConnection(ownerUrl, (client) =>
    client.query(`create table notes (org text); insert into notes values ('a'), ('b'); alter table notes enable row level security;
      create policy p on notes to authenticated using (org = (select auth.session()->>'org')); grant select on notes to authenticated`),
  )
  const gateway = files.filter((each) => !each.includes('OWNER'))
  podman([
    'run',
    '--detach',
    `--name=${name}`,
    ...options,
    ...gateway,
    '--env=ROWPASS_HOST=127.0.0.1',
    `--env=ROWPASS_PORT=${port}`,
    '--env=ROWPASS_DATABASE_ALIASES=any',
    '--env=ROWPASS_PRIVATE_JWKS=true',
    image,
  ])
  await untilHealthy()
  say('its health is asked, and it is ready')
  const rows = await ask(port, await issuer.token('ada', { org: 'b' }))
  if (JSON.stringify(rows) !== '[{"org":"b"}]') throw new Error(`a token sees ${JSON.stringify(rows)}`)
  say('a token sees its row and no other')
  const inside = podman([
    'exec',
    name,
    'node',
    '-e',
    `
    const { writeFileSync, readFileSync } = require('node:fs')
    const tried = ['/x', '/opt/rowpass/x', '/run/secrets/x'].map((path) => { try { writeFileSync(path, ''); return path } catch (error) { return error.code } })
    const status = readFileSync('/proc/1/status', 'utf8')
    console.log(JSON.stringify({ uid: process.getuid(), tried, capabilities: /CapEff:\\s*(\\w+)/.exec(status)[1], noNewPrivileges: /NoNewPrivs:\\s*(\\d)/.exec(status)[1] }))`,
  ])
  const found = JSON.parse(inside)
  if (
    found.uid !== user ||
    found.tried.some((each: string) => each.startsWith('/')) ||
    Number(found.capabilities) !== 0 ||
    found.noNewPrivileges !== '1'
  )
    throw new Error(`it can do more than it should: ${inside}`)
  say(`inside: ${inside.trim()}`)
  podman(['stop', '--time=15', name])
  const ended = podman(['inspect', '--format={{.State.ExitCode}}', name]).trim()
  const log = podman(['logs', name])
  if (ended !== '0' || !log.includes('gateway_stopped')) throw new Error(`it ended with ${ended}:\n${log}`)
  say('SIGTERM ends it in good order')
  say(
    `the image has ${Math.round(Number(podman(['image', 'inspect', '--format={{.Size}}', image])) / 1e6)} MB, of which its base ${Math.round(Number(podman(['image', 'inspect', '--format={{.Size}}', base])) / 1e6)} MB`,
  )
}

/** What the program, npm and a RUN line need of this machine. */
function buildBase(): void {
  const root = join(folder, 'root')
  const programs = [process.execPath, '/bin/sh', '/bin/rm', '/usr/bin/env'].map((path) => realpathSync(path))
  for (const program of programs) {
    put(root, program)
    const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' })
    for (const [library] of stdout.matchAll(/\/\S+/g)) put(root, library)
  }
  for (const [path, program] of [
    ['bin/sh', '/bin/sh'],
    ['usr/local/bin/node', process.execPath],
    ['bin/rm', '/bin/rm'],
    ['usr/bin/env', '/usr/bin/env'],
  ] as const)
    link(root, path, realpathSync(program))
  const npm = [
    join(dirname(process.execPath), '../lib/node_modules/npm'),
    '/usr/lib/node_modules/npm',
    '/usr/share/nodejs/npm',
  ].find((path) => existsSync(path))
  if (npm === undefined) throw new Error('npm is not where it usually is; name a base image with --node')
  cpSync(realpathSync(npm), join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  link(root, 'usr/local/bin/npm', '/usr/local/lib/node_modules/npm/bin/npm-cli.js')
  for (const each of ['tmp', 'etc', 'root']) mkdirSync(join(root, each), { recursive: true })
  chmodSync(join(root, 'tmp'), 0o1777)
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n')
  writeFileSync(
    join(folder, 'Containerfile.base'),
    'FROM scratch\nCOPY root /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n',
  )
  podman(['build', '--quiet', '--tag', base, '--file', join(folder, 'Containerfile.base'), folder])
  say(`a base image of this machine's Node ${process.version}`)
}

function put(root: string, path: string): void {
  const target = join(root, path)
  if (existsSync(target)) return
  mkdirSync(dirname(target), { recursive: true })
  cpSync(realpathSync(path), target)
}

function link(root: string, path: string, to: string): void {
  const target = join(root, path)
  if (existsSync(target)) return
  mkdirSync(dirname(target), { recursive: true })
  symlinkSync(to, target)
}

function buildImage(): void {
  const context = join(folder, 'context')
  cpSync(join(repository, 'packaging/container'), context, { recursive: true })
  run('npm', ['run', '--silent', 'prepare'], { cwd: repository })
  run('npm', ['pack', '--silent', '--ignore-scripts', '--workspace=rowpass', `--pack-destination=${context}`], {
    cwd: repository,
  })
  if (!readdirSync(context).some((file) => file.endsWith('.tgz'))) throw new Error('npm has packed nothing')
  // What npm needs on this machine to reach its registry.
  const authority = process.env.NODE_EXTRA_CA_CERTS
  const trust =
    authority === undefined
      ? []
      : [`--volume=${realpathSync(authority)}:/authority.pem:ro`, '--env=NODE_EXTRA_CA_CERTS=/authority.pem']
  podman([
    'build',
    '--quiet',
    '--isolation=chroot',
    // The format of OCI has no health check.
    '--format=docker',
    '--network=host',
    ...trust,
    `--build-arg=NODE=${base}`,
    '--tag',
    image,
    context,
  ])
  say('the image is built')
}

/** As the compose file has them: readable for the account of the image, and for nobody else. */
function writeSecrets(ownerUrl: string): string {
  const place = join(folder, 'secrets')
  mkdirSync(place)
  const gatewayUrl = Object.assign(new URL(ownerUrl), {
    username: 'rowpass_gateway',
    password: 'of-a-throw-away-gateway',
  }).href
  const secrets = {
    OWNER_DATABASE_URL: ownerUrl,
    ROWPASS_DATABASE_URL: gatewayUrl,
    ROWPASS_SEAL_KEYS: formatSealKeys([generateSealKey('main')]),
    ROWPASS_ISSUERS: JSON.stringify([{ iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass' }]),
  }
  for (const [file, text] of Object.entries(secrets)) {
    writeFileSync(join(place, file), `${text}\n`, { mode: 0o400 })
    chownSync(join(place, file), user, user)
  }
  return place
}

async function untilHealthy(): Promise<void> {
  for (let times = 0; times < 120; times++) {
    if (spawnSync('podman', ['healthcheck', 'run', name], { stdio: 'ignore' }).status === 0) return
    await delay(500)
  }
  throw new Error(`it does not become ready:\n${podman(['logs', name])}`)
}

async function ask(port: string, token: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}`, 'neon-connection-string': 'postgresql://authenticated@any/any' }
  const body = JSON.stringify({ query: 'select org from notes', params: [] })
  const answer = await fetch(`http://127.0.0.1:${port}/sql`, { method: 'POST', headers, body })
  const { rows, message } = (await answer.json()) as { rows?: unknown; message?: string }
  return rows ?? message
}

function podman(argv: readonly string[], options: SpawnSyncOptions = {}): string {
  return run('podman', [...(values.runtime === undefined ? [] : [`--runtime=${values.runtime}`]), ...argv], options)
}

function run(program: string, argv: readonly string[], options: SpawnSyncOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, argv, { ...options, encoding: 'utf8' })
  if (error !== undefined) throw new Error(`${program} cannot be run: ${error.message}`)
  if (status !== 0 && options.stdio !== 'ignore')
    throw new Error(`${program} ${argv.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return stdout ?? ''
}

function say(text: string): void {
  console.log(`ok  ${text}`)
}
