/**
 * The API under workerd, as `wrangler dev` runs it.
 */
import { demo } from '../../packages/rowpass/test/support/pg.ts'
import type { Stack } from './stack.ts'

/** A running Worker. */
export interface RunningWorker {
  readonly url: URL
  close(): Promise<void>
}

/** Starts the Worker of wrangler.jsonc with the bindings of a stack, on a free port of 127.0.0.1. */
export async function startWorker(stack: Stack): Promise<RunningWorker> {
  // Read when wrangler is loaded: no look-up of cf.json, no metrics, no banner.
  Object.assign(process.env, {
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
  })
  const { unstable_startWorker } = await import('wrangler')
  const { ASSETS: _, ...texts } = stack.bindings
  const worker = await unstable_startWorker({
    config: `${demo}wrangler.jsonc`,
    envFiles: [],
    bindings: Object.fromEntries(
      Object.entries(texts).map(([name, value]) => [name, { type: 'secret_text', value: String(value) } as const]),
    ),
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      persist: false,
      watch: false,
      logLevel: 'none',
    },
  })
  await worker.ready
  return { url: await worker.url, close: () => worker.dispose() }
}
