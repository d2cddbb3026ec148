/**
 * Runs the API under workerd, as a process of its own that ends with its parent.
 *
 * wrangler takes 1.5 s to load and ends its process on signals as it sees fit; here it does neither to the CLI.
 * The settings come by message, so that no secret is in arguments, environment or a file. The argument is the folder for
 * temporary files, which goes with the process.
 */
import { rmSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { unstable_DevEnv } from 'wrangler'
import { type ApiFront, createApiFront } from './front.ts'

/** What the parent sends. */
export interface ApiSettings {
  /** Path of the wrangler configuration. */
  readonly config: string
  readonly port: number
  /** Bindings of the Worker; all are handed over as secrets. */
  readonly bindings: Readonly<Record<string, string>>
}

/** What the parent hears. */
export type ApiMessage =
  | { readonly type: 'loaded' }
  | { readonly type: 'ready' }
  | { readonly type: 'reloaded'; ms: number }
  | { readonly type: 'failed'; text: string }

type BuildEvent = Parameters<InstanceType<typeof unstable_DevEnv>['dispatch']>[0]

const maxErrors = 5

const [, , scratch] = process.argv
let worker: { dispose(): Promise<void> } | undefined

process.on('disconnect', () => void leave())
const settings = new Promise<ApiSettings>((resolve) =>
  process.once('message', (message) => resolve(message as ApiSettings)),
)
try {
  const { unstable_DevEnv: DevEnv } = await import('wrangler')
  tell({ type: 'loaded' })
  const { config, port, bindings } = await settings
  const front = createApiFront()
  const builds = followBuilds(front)
  // What passes between wrangler's parts tells of each build; that one after the first has failed is only printed.
  class HeardEnv extends DevEnv {
    override dispatch(event: BuildEvent): void {
      super.dispatch(event)
      builds.hear(event)
    }
  }
  const started = await new HeardEnv().startWorker({
    config,
    envFiles: [],
    bindings: Object.fromEntries(
      Object.entries({ ...bindings, ...front.bindings }).map(([name, value]) => [
        name,
        { type: 'secret_text', value } as const,
      ]),
    ),
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      persist: false,
      logLevel: 'warn',
      watch: true,
    },
  })
  worker = started
  await Promise.all([started.ready, builds.first])
  await front.listen(port, await started.url)
  tell({ type: 'ready' })
} catch (error) {
  tell({ type: 'failed', text: error instanceof Error ? error.message : String(error) })
  await leave()
}

/** Follows the builds: the front hears of each one, and the parent of those after the first. */
function followBuilds(front: ApiFront) {
  let startedAt: number | undefined
  /** What the build under way, or the last one, has said; of one mistake wrangler says several things, in any order. */
  let errors: readonly string[] = []
  let settleFirst: ((error: Error | undefined) => void) | undefined
  const first = new Promise<void>((resolve, reject) => {
    settleFirst = (error) => (error === undefined ? resolve() : reject(error))
  })
  // Awaited later.
  first.catch(() => undefined)

  function fail(text: string): void {
    startedAt = undefined
    errors = [...errors, text].slice(-maxErrors)
    front.fail(errors.join('\n\n'))
    settleFirst?.(new Error(text))
  }

  const write = process.stderr.write.bind(process.stderr) as (...printed: unknown[]) => boolean
  process.stderr.write = (...printed: unknown[]) => {
    const text = stripVTControlCharacters(String(printed[0]))
    if ((startedAt !== undefined || errors.length > 0) && text.includes('[ERROR]'))
      fail(text.slice(text.indexOf('[ERROR]') + 8).trim())
    return write(...printed)
  }
  return {
    first,
    hear(event: BuildEvent): void {
      if (event.type === 'bundleStart' || event.type === 'reloadStart') {
        if (startedAt === undefined) errors = []
        startedAt ??= performance.now()
        front.hold()
      }
      if (event.type === 'error') fail(event.cause.message)
      if (event.type !== 'reloadComplete') return
      front.open()
      if (settleFirst === undefined)
        tell({ type: 'reloaded', ms: performance.now() - (startedAt ?? performance.now()) })
      settleFirst?.(undefined)
      settleFirst = undefined
      startedAt = undefined
      errors = []
    },
  }
}

/** A parent that has left hears nothing; `disconnect` ends this process then. */
function tell(message: ApiMessage): void {
  if (process.connected) process.send?.(message, () => undefined)
}

async function leave(): Promise<never> {
  await worker?.dispose().catch(() => undefined)
  // dispose() does not wait until its own folder in there is gone.
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  // Past wrangler's exit hooks, which report to the terminal. `process.ts` ends what is left of the group.
  process.kill(process.pid, 'SIGKILL')
  return new Promise<never>(() => undefined)
}
