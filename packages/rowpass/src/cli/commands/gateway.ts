/**
 * `rowpass gateway`: the SQL gateway alone, for production.
 */
import { Command } from 'commander'
import { parseGatewayConfig, printGatewayConfig } from '../../gateway/config.ts'
import { createEventLog } from '../../gateway/log.ts'
import { createProxyFetch } from '../../gateway/proxy.ts'
import { createGateway } from '../../gateway/server.ts'
import type { Io } from '../io.ts'

const help = `
Takes its settings from ROWPASS_* variables only; see docs/configuration.md. A secret may come from a file: set
<NAME>_FILE to its path. Logs JSON lines to standard output. Ends at SIGTERM, after the requests under way.
Reads issuers, seal keys and who may log in with a password again at SIGHUP, from files named by <NAME>_FILE.

Examples:
  $ ROWPASS_DATABASE_URL=postgresql://rowpass_gateway:secret@localhost/app \\
    ROWPASS_SEAL_KEYS_FILE=/run/secrets/seal-keys \\
    ROWPASS_ISSUERS='[{"iss":"https://id.example.com","jwks_url":"https://id.example.com/jwks.json","audience":"app"}]' \\
    npx rowpass gateway
  $ npx rowpass gateway --print-config`

/** More would be gained by no more than 1 µs a request, and be lost with a process that is killed. */
const maxHoldMs = 20

/** The shell side of the command. */
export function define(io: Io): Command {
  return new Command('gateway')
    .option('--print-config', 'print the settings, secrets as ***, and check them')
    .addHelpText('after', help)
    .action((options: { printConfig?: true }) => {
      if (options.printConfig === true) io.stdout(`${printGatewayConfig(io.env).join('\n')}\n`)
      const config = parseGatewayConfig(io.env)
      return options.printConfig === true ? undefined : runGateway(io, config)
    })
}

/** Runs until `io.signal` is aborted. */
export async function runGateway(io: Io, config: ReturnType<typeof parseGatewayConfig>): Promise<void> {
  const emit = createEventLog({ write: (lines) => io.stdout(lines) }, { holdMs: maxHoldMs, chain: config.auditChain })
  const gateway = createGateway(config, { emit, fetch: createProxyFetch(io.env) })
  const ignoreReload = io.onReload(() => void gateway.reload(() => parseGatewayConfig(io.env)))
  try {
    const url = await gateway.listen()
    io.stderr(`listening on ${url}\n`)
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve()
      io.signal.addEventListener('abort', () => resolve(), { once: true })
    })
  } finally {
    ignoreReload()
    await gateway.close()
  }
}
