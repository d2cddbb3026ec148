/**
 * Runs the gateway of a project inside this process.
 */

import { appendFileSync, closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from 'rowpass'
import {
  createEventLog,
  createGateway,
  createProxyFetch,
  type Gateway,
  type OpenDatabase,
  ownIssuer,
  type Project,
  parseGatewayConfig,
  stateFolder,
} from 'rowpass/operate'

const readyMs = 15_000
const pollMs = 10

/**
 * Starts the gateway and, unless `untilReady` is false, waits until it has reached the database.
 *
 * It trusts the tokens of the project's own API, and takes every other setting from the ROWPASS_* variables. Keys of
 * other issuers are fetched through HTTPS_PROXY. Its log goes to `.rowpass/gateway.log`.
 *
 * @throws Failure `port_taken`; `database_unavailable` when the gateway cannot log in
 * @throws ConfigError when a ROWPASS_* variable is wrong
 */
export async function startGateway(
  project: Project,
  database: Pick<OpenDatabase, 'gatewayUrl' | 'sealKeys'>,
  urls: { apiUrl: string; gatewayUrl: string },
  { untilReady = true } = {},
): Promise<{ says: string; close(): Promise<void> }> {
  const config = parseGatewayConfig(gatewayEnv(project, database, urls.apiUrl))
  const file = openSync(join(project.directory, stateFolder, 'gateway.log'), 'a', 0o600)
  const emit = createEventLog({ write: (line) => appendFileSync(file, line) }, { chain: config.auditChain })
  const gateway = createGateway(config, { emit, fetch: createProxyFetch(project.env) })
  const close = async (): Promise<void> => {
    await gateway.close()
    closeSync(file)
  }
  try {
    await gateway.listen()
    if (untilReady) await waitUntilReady(gateway)
    return { says: urls.gatewayUrl, close }
  } catch (error) {
    await close()
    if (!(error instanceof Failure) || error.code !== 'port_taken') throw error
    // `rowpass dev` takes the port from a setting of its own.
    const detail = error.detail?.replace('ROWPASS_PORT', 'GATEWAY_PORT') ?? ''
    throw new Failure('port_taken', { detail, cause: error })
  }
}

async function waitUntilReady(gateway: Gateway): Promise<void> {
  for (const deadline = Date.now() + readyMs; !gateway.ready(); await delay(pollMs)) {
    if (Date.now() < deadline) continue
    const detail = `the gateway could not log in within ${readyMs / 1000} s; the reason is in .rowpass/gateway.log`
    throw new Failure('database_unavailable', { detail })
  }
}

/** Never empty, which would mean any. What is wrong in it is for the API to refuse. */
function demoHosts({ issuer, env }: Project): string {
  return ['localhost', ...(URL.canParse(issuer) ? [new URL(issuer).hostname] : []), env.DEMO_HOSTS ?? ''].join(',')
}

function gatewayEnv(
  project: Project,
  database: Pick<OpenDatabase, 'gatewayUrl' | 'sealKeys'>,
  apiUrl: string,
): Record<string, string> {
  const given = Object.entries(project.env).filter(([name]) => name.startsWith('ROWPASS_'))
  return {
    ROWPASS_DATABASE_URL: database.gatewayUrl,
    ROWPASS_SEAL_KEYS: database.sealKeys,
    ROWPASS_ISSUERS: JSON.stringify([ownIssuer(project, apiUrl)]),
    ROWPASS_PRIVATE_JWKS: 'true',
    ROWPASS_PASSWORD_MODE: 'true',
    // Whoever reaches the API of a demo has a token.
    ...(project.demo && {
      ROWPASS_HOSTS: demoHosts(project),
      ROWPASS_MCP: 'true',
      ROWPASS_SERVER_TIMING: 'true',
    }),
    ...Object.fromEntries(given),
    ROWPASS_PORT: String(project.gatewayPort),
    ROWPASS_HOST: '127.0.0.1',
  }
}
