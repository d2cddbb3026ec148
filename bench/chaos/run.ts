/**
 * The chaos run: a thousand identities send whatever they like while everything around the gateway goes wrong.
 */
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { residentBytes, startPeer } from '../processes.ts'
import type { Caller } from '../scene.ts'
import { type Stage, setStage } from '../stage.ts'
import { median } from '../statistics.ts'
import { type Action, actions, chaosSql } from './actions.ts'
import { type ChaosClient, createChaosClient } from './client.ts'
import { type Disturbance, onServer, planDisturbances } from './disturb.ts'
import { addViolation, createTally, judge, type Tally } from './judge.ts'

/** How to run it. */
export interface ChaosOptions {
  readonly requests: number
  /** Path of the compiled subject `gateway`. */
  readonly gatewayFile: string
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
  /** Resident memory of the gateway: medians of the second and the last quarter of the run. */
  readonly memory: { readonly earlyMiB: number; readonly lateMiB: number }
}

const owners = 1_000
const notesOfOne = 10
const abortShare = 0.02
const maxAbortMs = 30
const newKeyShare = 0.05
const maxGrowthMiB = 64
/** No machine that this runs on is slower than that. */
const slowestPerSecond = 200
const settleMs = 30_000

const gatewaySettings = {
  ROWPASS_STATEMENT_TIMEOUT_MS: '200',
  ROWPASS_REQUEST_TIMEOUT_MS: '2000',
  ROWPASS_LOCK_TIMEOUT_MS: '400',
}

/** Sets everything up, runs, and takes everything down again. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const stage = await setStage({ owners, notesOfOne, poolSize: 1, settings: gatewaySettings })
  await withConnection(stage.database.ownerUrl, (client) => client.query(chaosSql))
  const gateway = startPeer(options.gatewayFile)
  try {
    const client = createChaosClient(await gateway.ask<number>(stage.scene), options.clients ?? 64)
    const report = await disturbedRun(stage, client, gateway.pid, options)
    client.close()
    return report
  } finally {
    await gateway.stop()
    await stage.close()
  }
}

async function disturbedRun(
  stage: Stage,
  client: ChaosClient,
  pid: number,
  { requests, clients = 64, onProgress }: ChaosOptions,
): Promise<ChaosReport> {
  const { callers } = stage.scene
  const tally = createTally()
  const memory: number[] = []
  const newCallers: Caller[] = []
  const happened = new Map<string, number>()
  const startedAt = performance.now()
  const deadline = startedAt + settleMs + (requests * 1_000) / slowestPerSecond
  let sent = 0

  const disturbances = planDisturbances(stage, requests, async () => {
    const renewed = callers
      .slice(0, 50)
      .map(async (caller) => ({ ...caller, token: await stage.issuer.token(caller.sub) }))
    newCallers.push(...(await Promise.all(renewed)))
  })
  const progress = () => sent / requests
  const disturbing = disturbances.map((each) => disturb(each, progress, happened))

  async function user(): Promise<void> {
    while (sent < requests) {
      sent += 1
      if (sent % Math.ceil(requests / 200) === 0) memory.push(residentBytes(pid))
      if (sent % Math.ceil(requests / 10) === 0) onProgress?.(`${sent} requests, ${tally.violationCount} violations`)
      if (performance.now() > deadline) throw new Error(`not done in time: ${sent} of ${requests} requests`)
      const renewed = newCallers.length > 0 && Math.random() < newKeyShare
      await sendOne(client, tally, pick(renewed ? newCallers : callers), renewed)
    }
  }

  await Promise.all(Array.from({ length: clients }, user))
  await Promise.all(disturbing)
  const seconds = (performance.now() - startedAt) / 1_000
  await checkRecovery(client, tally, [...callers, ...newCallers])
  await checkDatabase(stage, tally)
  const quarter = (index: number) =>
    median(memory.slice((memory.length * index) / 4, (memory.length * (index + 1)) / 4))
  const [earlyMiB, lateMiB] = [quarter(1) / 2 ** 20, quarter(3) / 2 ** 20]
  if (lateMiB - earlyMiB > maxGrowthMiB) addViolation(tally, `memory grew from ${earlyMiB} to ${lateMiB} MiB`)
  return { tally, disturbances: happened, seconds, memory: { earlyMiB, lateMiB } }
}

async function disturb(
  { name, at, run }: Disturbance,
  progress: () => number,
  happened: Map<string, number>,
): Promise<void> {
  for (const share of at) {
    while (progress() < share) await new Promise((resolve) => setTimeout(resolve, 5))
    await run()
    happened.set(name, (happened.get(name) ?? 0) + 1)
  }
}

async function sendOne(client: ChaosClient, tally: Tally, caller: Caller, renewed: boolean): Promise<void> {
  const { kind, prepare } = pickAction()
  const prepared = prepare(caller, crypto.randomUUID())
  const abortAfterMs = Math.random() < abortShare ? Math.random() * maxAbortMs : undefined
  judge(tally, kind, prepared, await client.send(caller.token, prepared.body, abortAfterMs), renewed)
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
        judge(trial, 'recovery', prepared, await client.send(caller.token, prepared.body), false)
      }),
    )
    if (trial.outcomes.get('recovery')?.get('ok') === callers.length) return
    if (performance.now() > deadline) {
      addViolation(tally, `no recovery: ${JSON.stringify([...(trial.outcomes.get('recovery') ?? [])])}`)
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** No statement still runs, no lock is held, no row is lost, foreign or half written. */
async function checkDatabase(stage: Stage, tally: Tally): Promise<void> {
  await onServer(stage, async (client) => {
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
