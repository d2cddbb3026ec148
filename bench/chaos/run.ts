/**
 * The chaos run: a thousand identities send whatever they like while everything around the gateways goes wrong.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { residentBytes } from '../processes.ts'
import { median } from '../statistics.ts'
import { type Action, actions, newEntry, ownEntries, ownRow, pickAction } from './actions.ts'
import { ChaosClient } from './client.ts'
import { type Disturbance, onServer } from './disturb.ts'
import { addViolation, createTally, isDisturbed, judge, other, type Tally, toTotal, type Violation } from './judge.ts'
import { type ChaosCaller, Ledger } from './ledger.ts'
import { notesOfOne, owners, type World } from './world.ts'

/** How to run it. */
export interface ChaosOptions {
  /** Fewest requests: there are more while a disturbance still goes on. */
  readonly requests: number
  /** Requests under way at a time; 64. */
  readonly clients?: number
  /** Ends the run early, with what came until then. */
  readonly signal?: AbortSignal
  readonly onProgress?: (text: string) => void
}

/** What came of it. The run was good when there are no violations. */
export interface ChaosReport {
  readonly tally: Tally
  readonly requests: number
  /** How often each disturbance happened. */
  readonly disturbances: ReadonlyMap<string, number>
  readonly seconds: number
  /** Resident memory of the largest process of a gateway: medians of the second and the last quarter of the run. */
  readonly memory: { readonly earlyMiB: number; readonly lateMiB: number }
}

const abortShare = 0.02
const maxAbortMs = 30
const newKeyShare = 0.05
const maxGrowthMiB = 64
const settleMs = 60_000
const recoveryClients = 64
/** How long a client waits after an answer that says that something is broken. */
const backOffMs = 50
/** After an acknowledged write its owner reads it, at once or a while later, when replicas begin to have it. */
const readBackWithinMs = 300
const seenShare = 0.8
/** Of the right answers to reads: a run in which replicas do nothing says nothing of them. */
const fewestByReplica = 0.01
const progressEveryMs = 10_000

/** A gateway, as the run uses it. */
interface Door {
  readonly port: number
  readonly callers: readonly ChaosCaller[]
  /** Some of them, with tokens of the new key. */
  readonly renewed: ChaosCaller[]
  /** Who has written, and when to read it: the next first. */
  readonly written: { readonly caller: ChaosCaller; readonly at: number }[]
}

/** Runs in a world that has just been set up, and is good for one run. */
export async function runChaos(
  world: World,
  { requests, clients = 64, signal, onProgress }: ChaosOptions,
): Promise<ChaosReport> {
  const tally = createTally()
  const memory: number[] = []
  const happened = new Map<string, number>()
  const doors = world.doors.map(({ port, callers }): Door => {
    const keeping = callers.map((caller): ChaosCaller => ({ ...caller, ledger: new Ledger() }))
    return { port, callers: keeping, renewed: [], written: [] }
  })
  const startedAt = performance.now()
  let sent = 0
  let disturbed = false
  let shown = 0

  const disturbances = world.disturbances(requests, async () => {
    for (const { callers, renewed } of doors) {
      renewed.push(...(await Promise.all(callers.slice(0, 50).map((caller) => renew(world, caller)))))
    }
  })
  const onHappened = ({ name, at }: Disturbance): void => {
    happened.set(name, (happened.get(name) ?? 0) + 1)
    if (at.length < 10) onProgress?.(`${((performance.now() - startedAt) / 1_000).toFixed(0)} s: ${name}`)
  }
  const share = () => sent / requests
  const onFailed = ({ name }: Disturbance, error: unknown): void =>
    addViolation(tally, other(`the run could not go on with "${name}": ${error}`))
  const disturbing = Promise.all(
    disturbances.map((each) => disturb(each, share, onHappened, signal).catch((error) => onFailed(each, error))),
  ).then(() => {
    disturbed = true
  })

  async function user(door: Door): Promise<void> {
    const client = new ChaosClient(door.port)
    while ((sent < requests && signal?.aborted !== true) || !disturbed) {
      sent += 1
      if (sent % Math.ceil(requests / 200) === 0) memory.push(Math.max(...world.pids().map(residentBytes)))
      const outcome = await sendNext(world, door, client, tally)
      if (isDisturbed(outcome)) await delay(backOffMs)
    }
    client.close()
  }

  const progress = setInterval(() => {
    const seconds = (performance.now() - startedAt) / 1_000
    const left = Math.max(((requests - sent) * seconds) / sent, 0)
    const byReplica = toTotal(tally.byReplica.values())
    onProgress?.(
      `${seconds.toFixed(0)} s: ${sent} requests, ${(sent / seconds).toFixed(0)}/s, ${byReplica} answered by replicas, ` +
        `${tally.violationCount} violations, about ${left.toFixed(0)} s to go`,
    )
    for (const says of tally.violations.slice(shown)) onProgress?.(says)
    shown = tally.violations.length
  }, progressEveryMs)
  try {
    await Promise.all(Array.from({ length: clients }, (_, index) => user(doors[index % doors.length] as Door)))
    await disturbing
  } finally {
    clearInterval(progress)
  }
  const seconds = (performance.now() - startedAt) / 1_000
  for (const door of doors) await checkRecovery(door, tally)
  await checkDatabase(world.superuserUrl, tally, owners)
  await checkEntries(world, tally, doors)
  if (world.replicaPorts.length > 0) checkReplicas(tally)
  const quarter = (index: number) =>
    median(memory.slice((memory.length * index) / 4, (memory.length * (index + 1)) / 4))
  const [earlyMiB, lateMiB] = [quarter(1) / 2 ** 20, quarter(3) / 2 ** 20]
  if (lateMiB - earlyMiB > maxGrowthMiB) addViolation(tally, other(`memory grew from ${earlyMiB} to ${lateMiB} MiB`))
  return { tally, requests: sent, disturbances: happened, seconds, memory: { earlyMiB, lateMiB } }
}

async function disturb(
  disturbance: Disturbance,
  progress: () => number,
  onHappened: (disturbance: Disturbance) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const share of disturbance.at) {
    while (progress() < share) {
      if (signal?.aborted === true) return
      await delay(5)
    }
    await disturbance.run()
    onHappened(disturbance)
  }
}

/** The same owner, with a token of the key of now. */
async function renew({ issuer }: World, caller: ChaosCaller): Promise<ChaosCaller> {
  return { ...caller, token: await issuer.token(caller.sub, String(decodeJwt(caller.token).tenant_id)) }
}

/** @returns its outcome */
async function sendNext(world: World, door: Door, client: ChaosClient, tally: Tally): Promise<string> {
  const due = door.written[0]
  if (due !== undefined && due.at < performance.now()) {
    door.written.shift()
    return sendOne(world, client, tally, ownEntries, due.caller, { after: true })
  }
  const action = pickAction(actions)
  const renewed = door.renewed.length > 0 && Math.random() < newKeyShare
  let caller: ChaosCaller
  do caller = pick(renewed ? door.renewed : door.callers)
  while (action.changes === true && caller.ledger.writing)
  const outcome = await sendOne(world, client, tally, action, caller, { renewed })
  if (action === newEntry && outcome === 'ok') {
    door.written.push({ caller, at: performance.now() + Math.random() * readBackWithinMs })
  }
  return outcome
}

/**
 * @param kind.after whether it is the one that follows a write
 * @param kind.renewed whether the caller has a token of the new key
 */
async function sendOne(
  world: World,
  client: ChaosClient,
  tally: Tally,
  { kind, changes = false, prepare }: Action,
  caller: ChaosCaller,
  { after = false, renewed = false },
): Promise<string> {
  const { ledger, token } = caller
  const says = Math.random() < seenShare
  const told = says && ledger.seen !== 'none'
  const name = after ? `${kind} after a write, ${told ? '`Rowpass-Seen` sent back' : 'without `Rowpass-Seen`'}` : kind
  const prepared = prepare(caller, crypto.randomUUID())
  if (changes) ledger.writing = true
  const startedAt = performance.now()
  const answer = await client.send({
    ...{ token, body: prepared.body, seen: says ? ledger.seen : undefined },
    abortAfterMs: Math.random() < abortShare ? Math.random() * maxAbortMs : undefined,
  })
  if (changes) ledger.writing = false
  if (answer.kind === 'answered' && answer.seen !== undefined) ledger.seen = answer.seen
  const mayBeLost = world.mayBeLost(startedAt, performance.now())
  const outcome = judge(tally, name, prepared, answer, { mayBeUntrusted: renewed, mayBeLost })
  prepared.settle?.(outcome)
  return outcome
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)] as T
}

/** When nothing goes wrong any more, everybody is answered again, those with the new key too. */
async function checkRecovery({ port, callers, renewed }: Door, tally: Tally): Promise<void> {
  const waiting = [...callers, ...renewed]
  for (const deadline = performance.now() + settleMs; ; ) {
    const trial = createTally()
    const next = waiting.values()
    const ask = async () => {
      const client = new ChaosClient(port)
      for (const caller of next) {
        const prepared = ownRow.prepare(caller, crypto.randomUUID())
        judge(trial, 'recovery', prepared, await client.send({ token: caller.token, body: prepared.body }), {})
      }
      client.close()
    }
    await Promise.all(Array.from({ length: recoveryClients }, ask))
    if (trial.outcomes.get('recovery')?.get('ok') === waiting.length) return
    if (performance.now() > deadline) {
      addViolation(tally, other(`no recovery: ${JSON.stringify([...(trial.outcomes.get('recovery') ?? [])])}`))
      return
    }
    await delay(100)
  }
}

/** What was acknowledged is there, once; what was refused is not. */
async function checkEntries(world: World, tally: Tally, doors: readonly Door[]): Promise<void> {
  const found = new Map<string, Map<number, number>>()
  await onServer(world.superuserUrl, async (client) => {
    found.clear()
    const { rows } = await client.query<{ owner_id: string; entry: number; times: number }>(
      'select owner_id, entry, count(*)::int as times from public.entries group by owner_id, entry',
    )
    for (const { owner_id, entry, times } of rows) {
      const own = found.get(owner_id) ?? new Map<number, number>()
      found.set(owner_id, own.set(entry, times))
    }
  })
  for (const { sub, ledger } of doors.flatMap(({ callers }) => callers)) {
    const { lost, twice, refusedButDone } = ledger.audit(found.get(sub) ?? new Map())
    const add = (kind: Violation['kind'], entries: number) => {
      for (let entry = 0; entry < entries; entry++) addViolation(tally, { kind, says: `an entry of ${sub}: ${kind}` })
    }
    add('acknowledged writes lost', lost)
    add('writes done twice', twice)
    add('refused writes done', refusedButDone)
  }
}

function checkReplicas(tally: Tally): void {
  let reads = 0
  for (const kind of tally.byReplica.keys()) reads += tally.outcomes.get(kind)?.get('ok') ?? 0
  const byReplica = toTotal(tally.byReplica.values())
  if (reads === 0 || byReplica / reads < fewestByReplica) {
    addViolation(tally, other(`replicas answered ${byReplica} of ${reads} reads`))
  }
}

/** No statement still runs, no lock is held, no row is lost, foreign or half written. */
export async function checkDatabase(superuserUrl: World['superuserUrl'], tally: Tally, owners: number): Promise<void> {
  await onServer(superuserUrl, async (client) => {
    const { rows } = await client.query(
      `select (select count(*) from pg_stat_activity where usename = 'rowpass_gateway' and state <> 'idle')::int as busy,
              (select count(*) from pg_locks where locktype = 'advisory')::int as locks,
              (select count(*) from public.notes)::int as notes,
              (select count(*) from public.notes where owner_id <> 'user-' || (id - 1) / ${notesOfOne} + 1)::int as foreign,
              (select count(*) from public.notes where body like 'half%')::int as half`,
    )
    const expected = { busy: 0, locks: 0, notes: owners * notesOfOne, foreign: 0, half: 0 }
    const found = JSON.stringify(rows[0])
    if (found !== JSON.stringify(expected)) addViolation(tally, other(`the database is left with ${found}`))
  })
}
