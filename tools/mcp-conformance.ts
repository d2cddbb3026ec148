/**
 * `npm run conformance:mcp`: holds `/mcp` of a gateway against the conformance suite of the Model Context Protocol, and asks it
 * with the official inspector. Both come from npm, as they are published; neither is needed by anything else here.
 *
 * Exits 1 where a scenario fails that tools/mcp-expected-failures.yml does not name, and where one passes that it names.
 */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startBenchDatabase } from '../bench/database.ts'
import { makeScratch } from '../bench/scratch.ts'
import { parseGatewayConfig } from '../packages/rowpass/src/gateway/config.ts'
import { createGateway } from '../packages/rowpass/src/gateway/server.ts'
import { issueToken } from '../packages/rowpass/src/issuer/issue.ts'
import { toJwks } from '../packages/rowpass/src/token/jwks.ts'
import { generateKey, importSigningKey } from '../packages/rowpass/src/token/key.ts'

/** Neither starts on Node 20. */
const suite = ['--package=node@22', '--package=@modelcontextprotocol/conformance@0.1.16', 'conformance']
const inspector = ['--package=node@22', '--package=@modelcontextprotocol/inspector@2.12.0', 'mcp-inspector', '--cli']
const expected = fileURLToPath(new URL('mcp-expected-failures.yml', import.meta.url))

const folder = makeScratch('rowpass-conformance')
const database = await startBenchDatabase(2, 3)
const key = await importSigningKey((await generateKey()).privateJwk)
const keys = createServer((_, response) => response.end(JSON.stringify(toJwks([key.publicJwk]))))
const iss = await listen(keys)
const token = await issueToken(key, { issuer: iss, audience: 'suite', subject: 'user-1', clientId: 'suite' })
let door: URL
/** The suite has no way to give a token: this adds it, and leaves everything else as it is. */
const front = createServer((incoming, response) => {
  const headers = { ...incoming.headers, authorization: `Bearer ${token}` }
  const sent = request(door, { method: incoming.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  sent.on('error', () => response.destroy())
  incoming.pipe(sent)
})
const fronted = await listen(front)
const gateway = createGateway(
  parseGatewayConfig({
    ROWPASS_DATABASE_URL: database.gatewayUrl,
    ROWPASS_SEAL_KEYS: database.sealKeys,
    ROWPASS_ISSUERS: JSON.stringify([{ iss, jwks_url: iss, audience: 'suite' }]),
    // One of its scenarios is a page at the address of the door.
    ...{ ROWPASS_PORT: '0', ROWPASS_MCP: 'true', ROWPASS_CORS_ORIGINS: fronted },
  }),
)
door = new URL('/mcp', await gateway.listen())

try {
  while (!gateway.ready()) await new Promise((resolve) => setTimeout(resolve, 20))
  console.log(await run(suite, ['server', '--url', `${fronted}/mcp`, '--expected-failures', expected]))
  const inspect = async (...args: string[]) =>
    JSON.parse(await run(inspector, [door.href, '--header', `Authorization: Bearer ${token}`, ...args]))
  const { tools } = await inspect('--method', 'tools/list')
  const names = tools.map(({ name }: { name: string }) => name).join()
  if (names !== 'describe,query,change,why') throw new Error(`the inspector lists ${names}`)
  const query = ['--method', 'tools/call', '--tool-name', 'query', '--tool-arg', 'sql=select owner_id from notes']
  const { structuredContent } = await inspect(...query)
  const rows = JSON.stringify(structuredContent?.rows)
  if (rows !== '[["user-1"],["user-1"],["user-1"]]') throw new Error(`the inspector has the rows ${rows}`)
  console.log('The inspector lists the tools, and has the rows of the token and no others.')
} finally {
  front.closeAllConnections()
  front.close()
  await gateway.close()
  keys.close()
  await database.close()
  rmSync(folder, { recursive: true, force: true })
}

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Runs a program of npm. @throws Error with what it printed where it fails */
async function run(program: readonly string[], args: readonly string[]): Promise<string> {
  const asked = promisify(execFile)('npx', ['--yes', ...program, ...args], { cwd: folder, maxBuffer: 1e8 })
  return (await asked).stdout
}
