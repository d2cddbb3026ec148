/**
 * The subjects of the benchmark, started and ready to be put under load.
 */
import type { Run, Subject } from './measure.ts'
import { type Peer, startPeer } from './processes.ts'
import { graphqlRequests, sqlRequests } from './requests.ts'
import type { Scene } from './scene.ts'
import type { EngineQuestion, EngineSubject } from './subjects/engine.ts'
import type { LoadJob, LoadResult } from './subjects/load.ts'

/** One HTTP server, and the requests that it is sent. */
interface Served {
  readonly name: string
  readonly peer: Peer
  readonly port: number
  readonly requests: readonly string[]
}

/** HTTP servers with one load generator for all. */
export interface HttpSubjects {
  /** Closed load of so many clients, or open load of so many requests a second. */
  under(load: { readonly clients: number; readonly rate?: number; readonly durationMs: number }): Subject[]
  stop(): Promise<void>
}

/** One HTTP server, by the name of its file. */
export interface HttpSubject {
  readonly name: string
  readonly file: 'bare' | 'envelope' | 'postgraphile' | 'gateway'
  readonly args?: readonly string[]
  /** `ROWPASS_*` settings beside those of the scene. */
  readonly settings?: Scene['settings']
}

/** What is compared over HTTP; the gateway once more with its audit log. */
const httpSubjects: readonly HttpSubject[] = [
  { name: 'bare', file: 'bare' },
  { name: 'envelope', file: 'envelope' },
  { name: 'PostGraphile', file: 'postgraphile' },
  { name: 'gateway', file: 'gateway' },
  { name: 'gateway, audit log', file: 'gateway', args: ['log'] },
]

/** Starts a process for each. */
export async function startHttpSubjects(
  toFile: (name: string) => string,
  scene: Scene,
  subjects: readonly HttpSubject[] = httpSubjects,
): Promise<HttpSubjects> {
  const load = startPeer(toFile('load'))
  const served: Served[] = []
  for (const { name, file, args, settings } of subjects) {
    const peer = startPeer(toFile(file), args)
    const port = await peer.ask<number>({ ...scene, settings: { ...scene.settings, ...settings } } satisfies Scene)
    const requests = file === 'postgraphile' ? graphqlRequests(scene.callers) : sqlRequests(scene.callers)
    served.push({ name, peer, port, requests })
  }

  async function run(subject: Served, job: Omit<LoadJob, 'port' | 'requests' | 'expect'>): Promise<Run> {
    const { port, requests } = subject
    const result = await load.ask<LoadResult>({ ...job, port, requests, expect: 'user-' } satisfies LoadJob)
    if (result.failures > 0) throw new Error(`${subject.name}: ${result.failures} failures: ${result.firstFailure}`)
    return result
  }

  return {
    under: ({ clients, rate, durationMs }) =>
      served.map((subject) => ({
        name: subject.name,
        pid: subject.peer.pid,
        run: () => run(subject, { clients, rate, durationMs }),
      })),
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

const engineSubjects: readonly EngineSubject[] = ['pg bare', 'pg envelope', 'engine', 'engine bare']

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
