/**
 * The subjects of the benchmark, started and ready to be put under load.
 */
import type { Run, Subject } from './measure.ts'
import { type Peer, startPeer } from './processes.ts'
import { changing, graphqlRequests, newTextRequests, personRequests, sqlRequests } from './requests.ts'
import { peopleTables, type Scene } from './scene.ts'
import type { EngineQuestion, EngineSubject } from './subjects/engine.ts'
import type { LoadJob, LoadResult } from './subjects/load.ts'

/** One HTTP server, and the requests that it is sent. */
interface Served {
  readonly name: string
  readonly peer: Peer
  readonly port: number
  readonly requests: readonly string[]
  readonly changing?: string
  /** What each answer holds. */
  readonly expect: string
}

/** HTTP servers with one load generator for all. */
export interface HttpSubjects {
  /** Closed load of so many clients, or open load of so many requests a second. */
  under(load: { readonly clients: number; readonly rate?: number; readonly durationMs: number }): Subject[]
  /** The servers, for another load generator. */
  readonly served: readonly Pick<Served, 'name' | 'port' | 'requests'>[]
  stop(): Promise<void>
}

/** One HTTP server, by the name of its file. */
export interface HttpSubject {
  readonly name: string
  readonly file: 'bare' | 'envelope' | 'postgraphile' | 'gateway'
  readonly args?: readonly string[]
  /** `ROWPASS_*` settings beside those of the scene. */
  readonly settings?: Scene['settings']
  /** What it is asked for: a row of `notes` by default. */
  readonly asks?: 'new texts' | keyof typeof peopleTables
}

/** What is compared over HTTP; the gateway once more with its audit log. */
const httpSubjects: readonly HttpSubject[] = [
  { name: 'bare', file: 'bare' },
  { name: 'envelope', file: 'envelope' },
  { name: 'PostGraphile', file: 'postgraphile' },
  { name: 'gateway', file: 'gateway' },
  { name: 'gateway, audit log', file: 'gateway', args: ['log'] },
]

/** The gateway with other policies and texts; the table of the first has a policy of one claim. */
export const policySubjects: readonly HttpSubject[] = [
  { name: 'one claim', file: 'gateway' },
  { name: 'two claims', file: 'gateway', asks: 'twoClaims' },
  { name: 'the demo’s policy, three claims', file: 'gateway', asks: 'demo' },
  { name: 'one claim, always-new texts', file: 'gateway', asks: 'new texts' },
]

/** Starts a process for each. */
export async function startHttpSubjects(
  toFile: (name: string) => string,
  scene: Scene,
  subjects: readonly HttpSubject[] = httpSubjects,
): Promise<HttpSubjects> {
  const load = startPeer(toFile('load'))
  const served: Served[] = []
  for (const { name, file, args, settings, asks } of subjects) {
    const peer = startPeer(toFile(file), args)
    const port = await peer.ask<number>({ ...scene, settings: { ...scene.settings, ...settings } } satisfies Scene)
    const expect = 'user-'
    const { callers, people } = scene
    if (asks === 'new texts') served.push({ name, peer, port, requests: newTextRequests(callers), changing, expect })
    else {
      const requests =
        file === 'postgraphile'
          ? graphqlRequests(callers)
          : asks === undefined
            ? sqlRequests(callers)
            : personRequests(people, peopleTables[asks])
      served.push({ name, peer, port, requests, expect })
    }
  }

  async function run(subject: Served, job: Omit<LoadJob, 'port' | 'requests' | 'changing' | 'expect'>): Promise<Run> {
    const { port, requests, changing, expect } = subject
    const asked = { port, requests, expect, ...(changing === undefined ? {} : { changing }) }
    const result = await load.ask<LoadResult>({ ...job, ...asked } satisfies LoadJob)
    if (result.failures > 0) throw new Error(`${subject.name}: ${result.failures} failures: ${result.firstFailure}`)
    return result
  }

  return {
    under: ({ clients, rate, durationMs }) =>
      served.map((subject) => ({
        name: subject.name,
        pid: subject.peer.pid,
        loadPid: load.pid,
        run: () => run(subject, { clients, rate, durationMs }),
      })),
    served,
    async stop() {
      await Promise.all([load, ...served.map(({ peer }) => peer)].map((peer) => peer.stop()))
    },
  }
}

/** The engine beside node-postgres, all in one process. */
export interface EngineSubjects {
  under(load: { readonly clients: number; readonly durationMs: number }): Subject[]
  stop(): Promise<void>
}

const engineSubjects: readonly EngineSubject[] = [
  'pg bare',
  'pg envelope',
  'engine bare',
  'engine',
  'engine, two claims',
  'engine, demo’s policy',
]

/** Starts the process. The engine has as many connections as the gateway has by default. */
export async function startEngineSubjects(
  toFile: (name: string) => string,
  scene: Scene,
  engine: { readonly poolSize: number; readonly pipelineDepth: number },
): Promise<EngineSubjects> {
  const peer = startPeer(toFile('engine'))
  await peer.ask({ scene, ...engine } satisfies EngineQuestion)
  return {
    under: ({ clients, durationMs }) =>
      engineSubjects.map((subject) => ({
        name: subject,
        pid: peer.pid,
        run: () => peer.ask<Run>({ subject, clients, durationMs } satisfies EngineQuestion),
      })),
    stop: () => peer.stop(),
  }
}
