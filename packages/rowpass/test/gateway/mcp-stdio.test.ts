import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runBridge } from '../../src/gateway/mcp/stdio.ts'
import { describePg, product } from '../support/pg.ts'
import { connectOver, mcpUrl, revisions } from './mcp-client.ts'
import { type Scene, startScene } from './scene.ts'

describePg('rowpass mcp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-mcp-'))
  let scene: Scene

  beforeAll(async () => {
    scene = await startScene({ ROWPASS_MCP: 'true' })
  })
  afterAll(async () => {
    await scene.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const start = (...options: string[]) =>
    new StdioClientTransport({
      command: process.execPath,
      args: [`${product}bin/rowpass.js`, 'mcp', '--url', mcpUrl(scene.gateway).href, ...options],
      stderr: 'pipe',
    })

  const tokenFile = (token: string): string => {
    const file = join(folder, 'token')
    writeFileSync(file, `${token}\n`, { mode: 0o600 })
    return file
  }

  it.each(revisions)(
    'passes messages of revision %s on with the token of a file, to the official client',
    async (revision) => {
      const { client, call, close } = await connectOver(start('--token-file', tokenFile(scene.ada)), revision)
      expect(client.getNegotiatedProtocolVersion()).toBe(revision)
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain('query')
      expect((await call('query', { sql: 'select body from notes' })).data.rows).toEqual([['of ada']])
      // The file is read again: whoever renews the token, or is another person now, writes it there.
      tokenFile(scene.bob)
      expect((await call('query', { sql: 'select owner from notes' })).data.rows).toEqual([['bob']])
      await close()
    },
  )

  it('asks its command again when the token is refused, and once for all who wait', async () => {
    const [asked, script] = [join(folder, 'asked'), join(folder, 'sign-in.sh')]
    writeFileSync(asked, '')
    const expired = await scene.gateway.issuer.token('ada', {}, 1)
    writeFileSync(join(folder, 'next'), JSON.stringify({ access_token: scene.ada, token_type: 'Bearer' }))
    writeFileSync(join(folder, 'first'), expired.slice(0, -4))
    writeFileSync(
      script,
      `echo x >> ${asked}\nif [ "$(wc -l < ${asked})" -gt 1 ]; then cat ${folder}/next; else cat ${folder}/first; fi\n`,
    )
    chmodSync(script, 0o700)
    const { call, close } = await connectOver(start('--token-command', `sh ${script}`), revisions[1])
    const answers = await Promise.all([1, 2, 3].map(() => call('query', { sql: 'select body from notes' })))
    for (const { data } of answers) expect(data.rows).toEqual([['of ada']])
    expect(readFileSync(asked, 'utf8')).toBe('x\nx\n')
    await close()
  })

  it('answers each request by its own id, whatever goes wrong, and writes nothing else', async () => {
    const input = new PassThrough()
    const lines: string[] = []
    const running = runBridge({
      input,
      write: (line) => lines.push(line),
      url: new URL('http://127.0.0.1:1/mcp'),
      token: async () => 'none',
      signal: new AbortController().signal,
    })
    input.write(
      '{"jsonrpc":"2.0","id":"a","method":"tools/list"}\nno JSON\n{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
    )
    input.end('\n')
    await running
    expect(lines.map((line) => JSON.parse(line)).sort((a) => (a.id === 'a' ? -1 : 1))).toEqual([
      { jsonrpc: '2.0', id: 'a', error: { code: -32_000, message: expect.stringMatching(/^gateway_unreachable: /) } },
      { jsonrpc: '2.0', id: null, error: { code: -32_700, message: expect.any(String) } },
    ])
  })

  it('gives a refusal of the gateway the id of what was refused', async () => {
    const input = new PassThrough()
    const lines: string[] = []
    const parts = { input, write: (line: string) => lines.push(line), url: mcpUrl(scene.gateway) }
    const running = runBridge({ ...parts, token: async () => 'a.b.c', signal: new AbortController().signal })
    input.end('{"jsonrpc":"2.0","id":5,"method":"tools/list"}\n')
    await running
    expect(JSON.parse(lines.join())).toMatchObject({ id: 5, error: { data: { code: 'token_invalid' } } })
  })
})
