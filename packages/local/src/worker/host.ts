/**
 * Runs the API under workerd, as a process of its own that ends with its parent.
 *
 * wrangler takes 1.5 s to load and ends its process on signals as it sees fit; here it does neither to the CLI.
 * The settings come by message, so that no secret is in arguments, environment or a file. The argument is the folder for
 * temporary files, which goes with the process.
 */
import { rmSync } from 'node:fs'
import { createApiFront } from './front.ts'

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
  | { readonly type: 'failed'; text: string }

const [, , scratch] = process.argv
let worker: { dispose(): Promise<void> } | undefined

process.on('disconnect', () => void leave())
const settings = new Promise<ApiSettings>((resolve) =>
  process.once('message', (message) => resolve(message as ApiSettings)),
)
try {
  const { unstable_startWorker } = await import('wrangler')
  tell({ type: 'loaded' })
  const { config, port, bindings } = await settings
  const front = createApiFront()
  const started = await unstable_startWorker({
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
  await started.ready
  await front.listen(port, await started.url)
  tell({ type: 'ready' })
} catch (error) {
  tell({ type: 'failed', text: error instanceof Error ? error.message : String(error) })
  await leave()
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
