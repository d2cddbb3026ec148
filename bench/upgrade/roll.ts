/**
 * An upgrade as docs/production.md has it, and the way back: one version migrates and serves, the other migrates beneath it, and
 * gateways behind HAProxy are replaced one after the other, all of it under load.
 */
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../packages/local/src/postgres/server.ts'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { formatSealKeys, generateSealKey } from '../../packages/rowpass/src/seal/keys.ts'
import { chaosSql } from '../chaos/actions.ts'
import { addViolation, other, type Violation } from '../chaos/judge.ts'
import { checkDatabase } from '../chaos/run.ts'
import { notesOfOne } from '../chaos/world.ts'
import { type Command, startCommand } from '../command.ts'
import { type BenchUrls, makeBenchDatabase, makeNotes } from '../database.ts'
import { type Haproxy, type Server, startHaproxy } from '../haproxy.ts'
import { type Faults, findFaults, marksSql } from '../marks.ts'
import { makeCallers, type StageIssuer, startIssuer } from '../stage.ts'
import { type Load, type Phase, startLoad } from './load.ts'
import { knows, run, type Version } from './version.ts'

/** What to roll. */
export interface RollOptions {
  readonly from: Version
  readonly to: Version
  /** How long each phase lasts when both gateways take part. */
  readonly seconds: number
  /** The superuser of a server that has no database `rowpass`, and none of its roles. */
  readonly serverUrl: string
  /** An empty folder, for logs. */
  readonly directory: string
  readonly onProgress: (text: string) => void
}

/** What came of it. The roll was good when there are no violations. */
export interface RollReport {
  /** Each with the gateways that served in it, and how many requests each was sent. */
  readonly phases: readonly (Phase & { readonly gateways: string })[]
  readonly violations: readonly string[]
  readonly violationCount: number
  readonly acknowledged: number
  readonly faults: Faults
  /** Sessions that were ended on the way. */
  readonly ended: number
  /** What the older version's commands say of the database that the newer one has migrated. */
  readonly olderSays: { readonly migrate: string; readonly status: string }
}

const owners = 100
/** A version without it closes its port at once: its balancer has to take it out before. */
const drain = 'ROWPASS_DRAIN_SECONDS'
/** A gateway looks every half minute whether the database still serves it. */
const lookSeconds = 35
const patienceMs = 60_000
/** Of each gateway in each phase, so that a phase says something about it. */
const fewestRequests = 20

/** Runs it. @throws Error when a step fails, with what the programs have said */
export async function roll(options: RollOptions): Promise<RollReport> {
  const { from, to, seconds, directory, onProgress } = options
  const issuer = await startIssuer()
  const closing: (() => unknown)[] = [() => issuer.close()]
  try {
    const urls = await makeBenchDatabase(options.serverUrl)
    const sealKeys = formatSealKeys([generateSealKey('upgrade')])
    const commandEnv = {
      OWNER_DATABASE_URL: urls.ownerUrl,
      ROWPASS_DATABASE_URL: urls.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeys,
      ROWPASS_GATEWAYS: '2',
    }
    const command = (version: Version, ...args: string[]) => run(version, args, commandEnv, directory)
    const migrate = async (version: Version) => {
      const { code, output, said } = await command(version, 'db', 'migrate', '--platform')
      if (code !== 0) throw new Error(`db migrate of ${version.name} ends with ${code}: ${said}${output}`)
      onProgress(`db migrate of ${version.name}: ${output.trim().split('\n').length} lines`)
    }
    await migrate(from)
    const asSuperuser = { ...commandEnv, OWNER_DATABASE_URL: urls.superuserUrl }
    const hardened = await run(from, ['db', 'harden'], asSuperuser, directory)
    if (hardened.code !== 0) throw new Error(`db harden of ${from.name} ends with ${hardened.code}: ${hardened.said}`)
    await makeNotes(urls, owners, notesOfOne)
    await withConnection(urls.ownerUrl, (client) => client.query(`${chaosSql}; ${marksSql}`))

    const gateways = await startGateways(options, urls, sealKeys, issuer)
    closing.push(() => gateways.close())
    const { callers, leaving } = await makePeople(issuer)
    const load = startLoad(gateways.haproxy.port, callers)
    closing.push(() => load.stop())
    const phases: RollReport['phases'][number][] = []

    async function phase(name: string, step: () => Promise<void>, atLeastSeconds = seconds): Promise<void> {
      onProgress(name)
      const counts = load.begin(name)
      const before = await gateways.requests()
      await step()
      await gateways.carriedByBoth()
      const leaver = leaving.pop()
      if (leaver !== undefined) await endSession(urls, load, leaver)
      await delay(atLeastSeconds * 1_000)
      await gateways.carriedByBoth()
      const after = await gateways.requests()
      load.begin('between')
      const sent = after.map((count, index) => `${gateways.names()[index]}: ${count - (before[index] ?? 0)}`)
      phases.push(Object.assign(counts, { gateways: sent.join(', ') }))
      onProgress(`${sent.join(', ')}; ${load.tally.violationCount} violations`)
    }

    await phase('before', async () => undefined)
    await phase('`db migrate` of the new version', () => migrate(to), Math.max(seconds, lookSeconds))
    await phase('first gateway replaced', () => gateways.replace(0, to))
    await phase('second gateway replaced', () => gateways.replace(1, to))
    const before = await installed(urls)
    const again = await command(from, 'db', 'migrate', '--platform')
    if ((await installed(urls)) !== before)
      addViolation(load.tally, other(`db migrate of ${from.name} has changed something`))
    const status = await command(from, 'status', '--json')
    await phase('back: first gateway of before', () => gateways.replace(0, from))
    await phase('back: second gateway of before', () => gateways.replace(1, from))
    await load.stop()
    const faults = await findFaults(urls.superuserUrl, load.marks)
    for (const [kind, times] of faultsOf(faults))
      if (times > 0) addViolation(load.tally, { kind, says: `${kind}: ${times}` })
    await checkDatabase(async () => urls.superuserUrl, load.tally, owners)
    return {
      phases,
      violations: load.tally.violations,
      violationCount: load.tally.violationCount,
      acknowledged: load.marks.acknowledged.size,
      faults,
      ended: phases.length,
      olderSays: {
        migrate: codeIn(again.said) ?? (again.code === 0 ? 'nothing to do' : again.said),
        status: problemsIn(status.output),
      },
    }
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${complaints(directory)}`, { cause: error })
  } finally {
    for (const step of closing.reverse()) await step()
    await withConnection(options.serverUrl, async (client) => {
      await client.query('drop database if exists rowpass with (force)')
      await client.query('drop role if exists web_login, web_user')
    })
  }
}

interface Gateways {
  readonly haproxy: Haproxy
  names(): readonly string[]
  /** Requests that each place was sent so far. */
  requests(): Promise<number[]>
  /** Waits until each is sent requests, and no check fails. */
  carriedByBoth(): Promise<void>
  /** Ends one as the page says, and starts the other version in its place. */
  replace(index: number, version: Version): Promise<void>
  close(): Promise<void>
}

async function startGateways(
  { from, directory }: RollOptions,
  urls: BenchUrls,
  sealKeys: string,
  issuer: StageIssuer,
): Promise<Gateways> {
  const ports = [await freePort(), await freePort()]
  const running: { version: Version; command: Command }[] = []
  let started = 0
  const start = async (port: number, version: Version): Promise<(typeof running)[number]> => {
    const settings = {
      ROWPASS_DATABASE_URL: urls.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeys,
      ROWPASS_ISSUERS: JSON.stringify([
        { iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass', max_ttl_seconds: 86_400 },
      ]),
      ROWPASS_PRIVATE_JWKS: 'true',
      ROWPASS_GATEWAYS: '2',
      ROWPASS_ADDRESS_HEADER: 'X-Forwarded-For',
      [drain]: '5',
      ROWPASS_PORT: String(port),
    }
    const env = Object.fromEntries(Object.entries(settings).filter(([name]) => knows(version, name)))
    const log = openSync(join(directory, `${++started}-${version.name}.log`), 'w')
    return { version, command: await startCommand(env, [], log, version.bin) }
  }
  for (const port of ports) running.push(await start(port, from))
  const haproxy = await startHaproxy(ports, directory)
  await until('both gateways are up', async () => (await serversOf(haproxy)).filter(({ isUp }) => isUp).length === 2)
  const requests = async () => (await serversOf(haproxy)).map((server) => server.requests)
  return {
    haproxy,
    names: () => running.map(({ version }) => version.name),
    requests,
    async carriedByBoth() {
      const before = await requests()
      await until('both gateways are sent requests', async () =>
        (await serversOf(haproxy)).every(
          ({ isUp, requests: now }, index) => isUp && now >= (before[index] ?? 0) + fewestRequests,
        ),
      )
    },
    async replace(index, version) {
      const { version: before, command } = running[index] as (typeof running)[number]
      const drainsItself = knows(before, drain)
      if (!drainsItself) await haproxy.take(index, 'drain')
      const code = await command.stop()
      if (code !== 0) throw new Error(`a gateway of ${before.name} has ended with ${code}`)
      running[index] = await start(ports[index] as number, version)
      if (!drainsItself) await haproxy.take(index, 'ready')
    },
    async close() {
      haproxy.close()
      await Promise.all(running.map(({ command }) => command.stop()))
    },
  }
}

/** While HAProxy starts there are none. */
function serversOf(haproxy: Haproxy): Promise<readonly Server[]> {
  return haproxy.servers().catch(() => [])
}

interface Leaver {
  readonly caller: Awaited<ReturnType<typeof makeCallers>>[number]
  readonly sid: string
}

/** Every second token has a session, and a few of these are ended on the way. */
async function makePeople(issuer: StageIssuer): Promise<{ callers: Leaver['caller'][]; leaving: Leaver[] }> {
  const callers = await makeCallers(issuer, owners, notesOfOne)
  const withSession = async (caller: Leaver['caller']): Promise<Leaver> => {
    const sid = crypto.randomUUID()
    return { caller: { ...caller, token: await issuer.token(caller.sub, undefined, sid) }, sid }
  }
  const leaving = await Promise.all(callers.slice(0, 10).map(withSession))
  const mixed = callers.map((caller, index) =>
    index % 2 === 0 ? caller : withSession(caller).then((made) => made.caller),
  )
  return { callers: await Promise.all(mixed), leaving }
}

/** Ends a session that the gateways know. */
async function endSession({ ownerUrl }: BenchUrls, load: Load, { caller, sid }: Leaver): Promise<void> {
  for (let time = 0; time < 10; time++) await load.readOwn(caller)
  await withConnection(ownerUrl, (client) => client.query('select rowpass.end_session($1)', [sid]))
  load.expectRefused(caller)
}

function faultsOf({ lost, twice, undead }: Faults): [Violation['kind'], number][] {
  return [
    ['acknowledged writes lost', lost],
    ['writes done twice', twice],
    ['refused writes done', undead],
  ]
}

/** Of everything that a migration records. */
async function installed({ superuserUrl }: BenchUrls): Promise<string> {
  return withConnection(superuserUrl, async (client) => {
    const { rows } = await client.query('select * from rowpass.migrations order by name')
    return JSON.stringify(rows)
  })
}

function codeIn(said: string): string | undefined {
  return /\b(database_newer|migration_\w+)\b/.exec(said)?.[1]
}

function problemsIn(output: string): string {
  try {
    const { problems } = JSON.parse(output) as { problems: readonly { readonly code: string }[] }
    return problems.map(({ code }) => code).join(', ') || 'nothing to do'
  } catch {
    return 'no such command there'
  }
}

/** Why gateways have complained, each of the first ones once. */
function complaints(directory: string): string {
  const logs = readdirSync(directory).filter((name) => name.endsWith('.log'))
  return logs
    .flatMap((name) => {
      const lines = readFileSync(join(directory, name), 'utf8').split('\n')
      return lines
        .filter((line) => /"level":[45]0/.test(line))
        .slice(-5)
        .map((line) => `${name}: ${line}`)
    })
    .join('\n')
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + patienceMs; !(await condition()); await delay(50)) {
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`)
  }
}
