/**
 * `rowpass dev`: the whole system on this machine, until it is asked to end.
 */

import { Command } from 'commander'
import { Failure } from 'rowpass'
import {
  bold,
  claimFolder,
  dim,
  type Io,
  loadProject,
  migrateDatabase,
  type NamedKeys,
  type OpenDatabase,
  openDatabase,
  type Project,
  prepareRing,
  type RunningUrls,
  readNamedKeys,
  seedDatabase,
  workerConfig,
} from 'rowpass/operate'
import { startGateway } from './gateway.ts'
import { createLadder, type Ladder } from './ladder.ts'
import { refuseTakenPorts } from './ports.ts'
import { describeSystem } from './summary.ts'
import { peerHeader } from './worker/front.ts'
import { launchApi } from './worker/process.ts'

const help = `
Without OWNER_DATABASE_URL it starts a PostgreSQL of its own and keeps the data in .rowpass/postgres.
With it, that database is migrated and seeded; DATABASE_URL alone works as well, if it can log in.

Settings, from the environment or .dev.vars:
  OWNER_DATABASE_URL  owner of the database, with CREATEROLE
  EMBEDDED_MEMORY_MB  memory of each process of its own PostgreSQL; a statement that needs more fails (default 512, 0 for
                      no limit; on Linux only)
  PORT                port of the API (default 8787)
  GATEWAY_PORT        port of the SQL gateway (default 4444)
  PRIVATE_KEY         private JWK that signs; or KEY_RING, KEY_RING_FILE (default: the key ring in the database, whose
                      first key is privateKey.jwk.json if that is there)
  ISSUER, AUDIENCE    iss and aud of the tokens (default: the API's URL, rowpass)
  DEMO                false turns off the sign-in of seeded people (default true)
  DEMO_HOSTS          with DEMO: host names that are answered besides loopback's and that of ISSUER (default none)
  WHY                 true lets the API say why it refused, with numbers of hidden rows (default false)
  ROWPASS_*           settings of the gateway

Examples:
  $ npx rowpass dev
  $ PORT=3000 GATEWAY_PORT=3001 npx rowpass dev
  $ OWNER_DATABASE_URL=postgresql://me:secret@db.example.com/app npx rowpass dev

Ends at Ctrl-C or SIGTERM; at the second Ctrl-C without waiting.`

const nameWidth = 12

/** The shell side of the command. */
export function define(io: Io): Command {
  return new Command('dev').addHelpText('after', help).action(() => runDev(io))
}

/**
 * Starts database, gateway and API, and runs until `io.signal` is aborted or one of them ends.
 *
 * Whatever happens, what it has started is ended before it returns.
 *
 * @throws Failure for everything that keeps the system from starting, or ends it
 */
export async function runDev(io: Io): Promise<void> {
  const project = loadProject(io)
  const ladder = createLadder()
  try {
    await start(io, project, ladder)
    await untilAskedToEnd(io, ladder)
  } catch (error) {
    if (!io.signal.aborted) throw error
  } finally {
    for (const error of await ladder.down()) io.stderr(`did not end as it should: ${String(error)}\n`)
  }
  io.stderr('stopped\n')
}

async function start(io: Io, project: Project, ladder: Ladder): Promise<void> {
  const started = performance.now()
  const step = stepper(io)
  const config = workerConfig(project.directory)
  const folder = claimFolder(project.directory)
  ladder.add({ down: async () => folder.release() })
  await refuseTakenPorts([
    { name: 'PORT', port: project.port },
    { name: 'GATEWAY_PORT', port: project.gatewayPort },
  ])
  // The slowest part first: wrangler loads while the database starts.
  const api = launchApi(io)
  ladder.add({ down: api.stop, ended: api.ended.then(() => new Failure('worker_failed', { detail: 'it ended' })) })

  const named = await readNamedKeys(project)
  const database = await step('database', () => openDatabase(project, { onProgress: note(io) }))
  ladder.add({ down: database.stop, ended: database.ended.then(() => new Failure('embedded_ended')) })
  io.signal.throwIfAborted()
  const urls: RunningUrls = {
    ownerUrl: database.ownerUrl,
    databaseUrl: database.databaseUrl,
    gatewayUrl: `http://127.0.0.1:${project.gatewayPort}/sql`,
    apiUrl: `http://127.0.0.1:${project.port}`,
  }
  // Loaded late: nothing before it should wait for what only answers questions.
  const answering = project.demo ? await import('./why.ts') : undefined
  const why = project.why ? await answering?.startLocalWhy(project, database, urls) : undefined
  if (why !== undefined) ladder.add({ down: why.close })
  const showcase = await answering?.startLocalShowcase(project, database, urls, named === undefined)
  if (showcase !== undefined) ladder.add({ down: showcase.close })
  const bindings = { ...toBindings(project, named, urls, database), ...why?.bindings, ...showcase?.bindings }
  const ready = api.start({ config, port: project.port, bindings })
  // Awaited below; a failure before that must not end the process as unhandled.
  ready.catch(() => undefined)
  await step('migrations', () => prepare(project, database, note(io)))
  await step('keys', async () => named ?? prepareRing(project, database))
  io.signal.throwIfAborted()
  const gateway = await step('gateway', () => startGateway(project, database, urls))
  // Together: the gateway waits for requests under way, and the API is what sends them.
  ladder.add({ down: async () => void (await Promise.all([api.stop(), gateway.close()])) })
  await step('api', async () => {
    await Promise.race([ready.then(() => api.answer(project.port)), aborted(io.signal)])
    return { says: urls.apiUrl }
  })
  io.signal.throwIfAborted()
  folder.publish(urls)
  io.stdout(describeSystem(io, { project, urls, seconds: (performance.now() - started) / 1000 }))
}

function toBindings(
  project: Project,
  named: NamedKeys | undefined,
  urls: RunningUrls,
  database: OpenDatabase,
): Record<string, string> {
  const { MAIL_URL, ADDRESS_HEADER, DEMO_HOSTS } = project.env
  return {
    DATABASE_URL: urls.databaseUrl,
    ISSUER_DATABASE_URL: database.issuerUrl,
    GATEWAY_URL: urls.gatewayUrl,
    ...(named?.bindings ?? { KEY_ENCRYPTION_KEYS: database.encryptionKeys }),
    ISSUER: project.issuer,
    AUDIENCE: project.audience,
    DEMO: String(project.demo),
    ...(MAIL_URL !== undefined && { MAIL_URL }),
    // In the place of the one in wrangler.jsonc: Cloudflare's edge has seen none of these requests.
    ADDRESS_HEADER: ADDRESS_HEADER ?? peerHeader,
    ...(DEMO_HOSTS !== undefined && { DEMO_HOSTS }),
  }
}

async function prepare(
  project: Project,
  database: OpenDatabase,
  onProgress: (text: string) => void,
): Promise<{ says: string }> {
  const { platform, application } = await migrateDatabase(project, database, { onProgress })
  const seeded = (await seedDatabase(project, database, { onlyIfNew: true })) ? ', seed.sql' : ''
  const applied = `${platform.length} of the platform, ${application} of drizzle/`
  return { says: (platform.length + application === 0 ? 'up to date' : applied) + seeded }
}

/** Ends with the signal, or throws what ended by itself. */
async function untilAskedToEnd(io: Io, ladder: Ladder): Promise<void> {
  const failure = await Promise.race([aborted(io.signal), ladder.broken])
  if (failure !== undefined) throw failure
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

/** Prints one line for each step when it is done. */
function stepper(io: Io) {
  return async <T extends { says: string }>(name: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now()
    const result = await work()
    const ms = Math.round(performance.now() - started)
    io.stdout(`  ${bold(io, name.padEnd(nameWidth))}${result.says} ${dim(io, `(${ms} ms)`)}\n`)
    return result
  }
}

function note(io: Io): (text: string) => void {
  return (text) => io.stdout(`  ${dim(io, `${' '.repeat(nameWidth)}${text}`)}\n`)
}
