/**
 * `rowpass gateway` as a process of its own, as it was built, and requests on connections of their own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { request } from 'node:http'
import { waitUntil } from './gateway.ts'
import { product } from './pg.ts'

/** A line of its log. */
export interface LogLine {
  readonly msg: string
  readonly worker?: number
  readonly [member: string]: unknown
}

/** A running gateway. */
export interface GatewayProcess {
  readonly child: ChildProcess
  readonly url: string
  /** What it has logged so far, lines that are whole. */
  text(): string
  lines(): readonly LogLine[]
  /** Ends it, by asking unless told otherwise. @returns its exit code */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

/** How long a process may take to start or end: the machine may be busy. */
export const patientMs = 60_000

/** Starts it and waits until it listens. @param env all of its environment but the path */
export async function startGatewayProcess(
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [`${product}bin/rowpass.js`, 'gateway', ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, said] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const listens = () => said.includes('listening on ') || child.exitCode !== null
  await waitUntil(listens, patientMs).catch(() => child.kill('SIGKILL'))
  const url = /listening on (\S+)/.exec(said)?.[1]
  if (url === undefined) throw new Error(`it does not listen: ${said}${out}`)
  // Callers ask again and again under load: each line is read once.
  const known: LogLine[] = []
  let read = 0
  return {
    child,
    url,
    text: () => out.slice(0, out.lastIndexOf('\n') + 1),
    lines() {
      const end = out.lastIndexOf('\n') + 1
      const fresh = out.slice(read, end).split('\n')
      known.push(...fresh.filter((line) => line !== '').map((line) => JSON.parse(line) as LogLine))
      read = end
      return known
    },
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

/** What came of a request. */
export interface Sent {
  readonly startedAt: number
  /** 0 where there was no answer. */
  readonly status: number
  readonly body?: { readonly rows?: Record<string, unknown>[]; readonly code?: string; readonly detail?: string }
  readonly error?: Error
}

/** Sends a statement on a connection of its own. Never rejects. */
export function sendAlone(url: string, database: string, token: string, query: string): Promise<Sent> {
  const startedAt = performance.now()
  const headers = {
    authorization: `Bearer ${token}`,
    'neon-connection-string': `postgresql://authenticated@db.example.test/${database}`,
    'neon-raw-text-output': 'true',
  }
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ startedAt, status: 0, error })
    const sent = request(url, { method: 'POST', agent: false, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', fail).on('end', () => {
        const status = response.statusCode ?? 0
        const isJson = response.headers['content-type'] === 'application/json'
        resolve({ startedAt, status, ...(isJson ? { body: JSON.parse(text) } : {}) })
      })
    })
    sent.on('error', fail).end(JSON.stringify({ query, params: [] }))
  })
}

/** Writes under load. */
export interface WriteLoad {
  readonly done: readonly (Sent & { readonly id: number })[]
  /** Lets the ones under way end. */
  stop(): Promise<void>
}

/** Clients that each send one `insert into kept values (<id>)` after the other, no id twice. */
export function startWrites(clients: number, send: (query: string) => Promise<Sent>): WriteLoad {
  const done: (Sent & { id: number })[] = []
  let next = 0
  let stopped = false
  const client = async (): Promise<void> => {
    while (!stopped && next < 20_000) {
      const id = next++
      done.push({ ...(await send(`insert into kept values (${id})`)), id })
    }
  }
  const all = Promise.all(Array.from({ length: clients }, client))
  return {
    done,
    async stop() {
      stopped = true
      await all
    },
  }
}

/** What the table `kept` has against what clients were told: nothing twice, nothing that was answered missing. */
export function wrongWrites(
  { done }: WriteLoad,
  rows: readonly Record<string, unknown>[],
): { readonly twice: unknown[]; readonly missing: number[] } {
  const times = new Map(rows.map(({ id, n }) => [id, n]))
  return {
    twice: rows.filter(({ n }) => n !== 1),
    missing: done.filter(({ id, status }) => status === 200 && times.get(id) !== 1).map(({ id }) => id),
  }
}
