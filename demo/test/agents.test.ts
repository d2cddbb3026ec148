/** The walk of docs/agents.md: its entry for `.mcp.json`, as an assistant starts it, and the same over HTTP. */
import { readFileSync } from 'node:fs'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectOver, revisions } from '../../packages/rowpass/test/gateway/mcp-client.ts'
import { describePg, repository } from '../../packages/rowpass/test/support/pg.ts'
import { type Host, serveApp } from './serve.ts'
import { type Stack, startStack } from './stack.ts'

interface Entry {
  readonly command: string
  readonly args: readonly string[]
}

describePg('the entry for .mcp.json in docs/agents.md', () => {
  const page = readFileSync(`${repository}docs/agents.md`, 'utf8')
  let stack: Stack
  let api: Host
  let entry: Entry

  beforeAll(async () => {
    stack = await startStack({ ROWPASS_MCP: 'true' })
    api = await serveApp(stack.request)
    const [, json = ''] = /```json\n(\{\n {2}"mcpServers".*?)```/s.exec(page) ?? []
    // The page has the usual ports; here they are free ones.
    const here = json
      .replace('http://127.0.0.1:4444/', new URL('/', stack.gatewayUrl).href)
      .replace('http://localhost:8787/', api.url.href)
    entry = (JSON.parse(here) as { mcpServers: { rowpass: Entry } }).mcpServers.rowpass
  })
  afterAll(async () => {
    await api.close()
    await stack.close()
  })

  it.each(revisions)('connects the official client in revision %s, as David', async (revision) => {
    const { command, args } = entry
    const transport = new StdioClientTransport({ command, args: [...args], cwd: repository, stderr: 'pipe' })
    const { client, call, close } = await connectOver(transport, revision)
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['describe', 'query', 'change', 'why'])
    expect((await call('query', { sql: 'select name from users' })).data.rows).toEqual([['David']])
    await close()
  })

  it.each(revisions)('has over HTTP the same answer in revision %s', async (revision) => {
    const signedIn = await fetch(new URL('/api/token', api.url))
    const { access_token: token } = (await signedIn.json()) as { access_token: string }
    const url = new URL(entry.args[entry.args.indexOf('--url') + 1]!)
    const headers = { authorization: `Bearer ${token}` }
    const { call, close } = await connectOver(
      new StreamableHTTPClientTransport(url, { requestInit: { headers } }),
      revision,
    )
    expect((await call('query', { sql: 'select name from users' })).data.rows).toEqual([['David']])
    await close()
  })
})
