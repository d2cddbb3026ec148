/**
 * `rowpass gateway`: the SQL gateway alone, for production.
 */
import { Command } from 'commander'
import {
  type GatewayConfig,
  type GatewayEnv,
  parseGatewayConfig,
  printGatewayConfig,
  readSettingFiles,
} from '../../gateway/config.ts'
import { createEventLog, maxHoldMs } from '../../gateway/log.ts'
import { createProxyFetch } from '../../gateway/proxy.ts'
import { createGateway, type Gateway } from '../../gateway/server.ts'
import { createWorkers, type WorkersOptions } from '../../gateway/workers/workers.ts'
import type { Io } from '../io.ts'

const help = `
Takes its settings from ROWPASS_* variables only; see docs/configuration.md. A secret may come from a file: set
<NAME>_FILE to its path. Logs JSON lines to standard output. Ends at SIGTERM, after the requests under way.
Reads issuers, seal keys and who may log in with a password again at SIGHUP, from files named by <NAME>_FILE.

One process uses one processor. With --workers several share the port; one that ends is replaced. ROWPASS_POOL_SIZE is for all of them
together, 2 connections each at least; docs/configuration.md says which limits hold for each worker.

Examples:
  $ ROWPASS_DATABASE_URL=postgresql://rowpass_gateway:secret@localhost/app \\
    ROWPASS_SEAL_KEYS_FILE=/run/secrets/seal-keys \\
    ROWPASS_ISSUERS='[{"iss":"https://id.example.com","jwks_url":"https://id.example.com/jwks.json","audience":"app"}]' \\
    npx rowpass gateway
  $ ROWPASS_POOL_SIZE=16 npx rowpass gateway --workers 4
  $ npx rowpass gateway --print-config`

/** The shell side of the command. */
export function define(io: Io): Command {
  return new Command('gateway')
    .option('--workers <number>', 'processes that share the port: a number, or auto; goes before ROWPASS_WORKERS')
    .option('--print-config', 'print the settings, secrets as ***, and check them')
    .addHelpText('after', help)
    .action(({ workers, printConfig }: { workers?: string; printConfig?: true }) => {
      const env = workers === undefined ? io.env : { ...io.env, ROWPASS_WORKERS: workers }
      if (printConfig === true) io.stdout(`${printGatewayConfig(env).join('\n')}\n`)
      const read = readSettingFiles(env)
      const config = parseGatewayConfig(read)
      if (printConfig === true) return undefined
      return config.workers === 1 ? runGateway(io, env, config) : runWorkers(io, env, { env: read, config })
    })
}

async function runGateway(io: Io, env: GatewayEnv, config: GatewayConfig): Promise<void> {
  const emit = createEventLog({ write: (lines) => io.stdout(lines) }, { holdMs: maxHoldMs, chain: config.auditChain })
  const gateway = createGateway(config, { emit, fetch: createProxyFetch(io.env) })
  await serve(io, gateway, () => gateway.reload(() => parseGatewayConfig(env)))
}

async function runWorkers(io: Io, env: GatewayEnv, given: Pick<WorkersOptions, 'env' | 'config'>): Promise<void> {
  // For what is wrong with the proxy.
  createProxyFetch(io.env)
  const workers = createWorkers({ ...given, stdout: process.stdout })
  io.stderr(`${given.config.workers} workers\n`)
  await serve(io, workers, () => workers.reload(() => readSettingFiles(env)))
}

/** Runs until `io.signal` is aborted. */
async function serve(io: Io, gateway: Pick<Gateway, 'listen' | 'close'>, reload: () => Promise<void>): Promise<void> {
  const ignoreReload = io.onReload(() => void reload())
  const ended = new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve()
    io.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    const url = await Promise.race([gateway.listen(), ended])
    if (url !== undefined) io.stderr(`listening on ${url}\n`)
    await ended
  } finally {
    ignoreReload()
    await gateway.close()
  }
}
