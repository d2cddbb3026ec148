/**
 * The chaos run: a thousand identities send whatever they like while everything around the gateways goes wrong.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { residentBytes } from '../processes.ts'
import type { Caller } from '../scene.ts'
import { median } from '../statistics.ts'
import { type Action, actions } from './actions.ts'
import { type ChaosClient, createChaosClient } from './client.ts'
import { type Disturbance, onServer } from './disturb.ts'
import { addViolation, createTally, isDisturbed, judge, type Tally } from './judge.ts'
import { notesOfOne, owners, type World } from './world.ts'

/** How to run it. */
export interface ChaosOptions {
  readonly requests: number
  /** Requests under way at a time; 64. */
  readonly clients?: number
  readonly onProgress?: (text: string) => void
}

/** What came of it. The run was good when there are no violations. */
export interface ChaosReport {
  readonly tally: Tally
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
/** No machine that this runs on is slower than that. */
const slowestPerSecond = 200
const settleMs = 60_000
/** How long a client waits after an answer that says that something is broken. */
const backOffMs = 50

/** Runs in a world that has just been set up, and is good for one run. */
export async function runChaos(
  world: World,
  { requests, clients = 64, onProgress }: ChaosOptions,
): Promise<ChaosReport> {
  const { callers } = world
  const tally = createTally()
  const memory: number[] = []
  const newCallers: Caller[] = []
  const happened = new Map<string, number>()
  const doors = world.ports.map((port) => createChaosClient(port, Math.ceil(clients / world.ports.length)))
  const startedAt = performance.now()
  const deadline = startedAt + settleMs + (requests * 1_000) / slowestPerSecond
  let sent = 0

  const disturbances = world.disturbances(requests, async () => {
    const renewed = callers
      .slice(0, 50)
      .map(async (caller) => ({ ...caller, token: await world.issuer.token(caller.sub) }))
    newCallers.push(...(await Promise.all(renewed)))
  })
  const progress = () => sent / requests
  const disturbing = disturbances.map((each) =>
    disturb(each, progress, (name) => {
      happened.set(name, (happened.get(name) ?? 0) + 1)
      if (each.at.length < 50) onProgress?.(`${((performance.now() - startedAt) / 1_000).toFixed(0)} s: ${name}`)
    }),
  )

  async function user(client: ChaosClient): Promise<void> {
    while (sent < requests) {
      sent += 1
      if (sent % Math.ceil(requests / 200) === 0) memory.push(Math.max(...world.pids().map(residentBytes)))
      if (sent % Math.ceil(requests / 10) === 0) onProgress?.(`${sent} requests, ${tally.violationCount} violations`)
      if (performance.now() > deadline) {
        addViolation(tally, `not done in time: ${sent} of ${requests} requests`)
        sent = requests
      }
      const renewed = newCallers.length > 0 && Math.random() < newKeyShare
      const outcome = await sendOne(world, client, tally, pick(renewed ? newCallers : callers), renewed)
      if (isDisturbed(outcome)) await delay(backOffMs)
    }
  }

  await Promise.all(Array.from({ length: clients }, (_, index) => user(doors[index % doors.length] as ChaosClient)))
  await Promise.all(disturbing)
  const seconds = (performance.now() - startedAt) / 1_000
  for (const door of doors) await checkRecovery(door, tally, [...callers, ...newCallers])
  await checkDatabase(world, tally)
  for (const door of doors) door.close()
  const quarter = (index: number) =>
    median(memory.slice((memory.length * index) / 4, (memory.length * (index + 1)) / 4))
  const [earlyMiB, lateMiB] = [quarter(1) / 2 ** 20, quarter(3) / 2 ** 20]
  if (lateMiB - earlyMiB > maxGrowthMiB) addViolation(tally, `memory grew from ${earlyMiB} to ${lateMiB} MiB`)
  return { tally, disturbances: happened, seconds, memory: { earlyMiB, lateMiB } }
}

async function disturb(
  { name, at, run }: Disturbance,
  progress: () => number,
  onHappened: (name: string) => void,
): Promise<void> {
  for (const share of at) {
    while (progress() < share) await delay(5)
    await run()
    onHappened(name)
  }
}

/** @returns its outcome */
async function sendOne(
  world: World,
  client: ChaosClient,
  tally: Tally,
  caller: Caller,
  renewed: boolean,
): Promise<string> {
  const { kind, prepare } = pickAction()
  const prepared = prepare(caller, crypto.randomUUID())
  const abortAfterMs = Math.random() < abortShare ? Math.random() * maxAbortMs : undefined
  const startedAt = performance.now()
  const answer = await client.send(caller.token, prepared.body, abortAfterMs)
  const mayBeLost = world.mayBeLost(startedAt, performance.now())
  return judge(tally, kind, prepared, answer, { mayBeUntrusted: renewed, mayBeLost })
}

const totalWeight = actions.reduce((sum, { weight }) => sum + weight, 0)

function pickAction(): Action {
  let at = Math.random() * totalWeight
  for (const action of actions) {
    at -= action.weight
    if (at < 0) return action
  }
  return actions[0] as Action
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)] as T
}

/** When nothing goes wrong any more, everybody is answered again, those with the new key too. */
async function checkRecovery(client: ChaosClient, tally: Tally, callers: readonly Caller[]): Promise<void> {
  const [ownRow] = actions as readonly [Action, ...Action[]]
  for (const deadline = performance.now() + settleMs; ; ) {
    const trial = createTally()
    await Promise.all(
      callers.map(async (caller) => {
        const prepared = ownRow.prepare(caller, crypto.randomUUID())
        judge(trial, 'recovery', prepared, await client.send(caller.token, prepared.body), {})
      }),
    )
    if (trial.outcomes.get('recovery')?.get('ok') === callers.length) return
    if (performance.now() > deadline) {
      addViolation(tally, `no recovery: ${JSON.stringify([...(trial.outcomes.get('recovery') ?? [])])}`)
      return
    }
    await delay(100)
  }
}

/** No statement still runs, no lock is held, no row is lost, foreign or half written. */
async function checkDatabase(world: World, tally: Tally): Promise<void> {
  await onServer(world.superuserUrl, async (client) => {
    const { rows } = await client.query(
      `select (select count(*) from pg_stat_activity where usename = 'rowpass_gateway' and state <> 'idle')::int as busy,
              (select count(*) from pg_locks where locktype = 'advisory')::int as locks,
              (select count(*) from public.notes)::int as notes,
              (select count(*) from public.notes where owner_id <> 'user-' || (id - 1) / ${notesOfOne} + 1)::int as foreign,
              (select count(*) from public.notes where body like 'half%')::int as half`,
    )
    const expected = { busy: 0, locks: 0, notes: owners * notesOfOne, foreign: 0, half: 0 }
    const found = JSON.stringify(rows[0])
    if (found !== JSON.stringify(expected)) addViolation(tally, `the database is left with ${found}`)
  })
}
