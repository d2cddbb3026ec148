/** The official client of the Model Context Protocol, on a gateway of a test. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { TestGateway } from '../support/gateway.ts'

/** The revisions that the door speaks, as what a client is told to open with. */
export const revisions = ['2026-07-28', '2025-11-25'] as const

/** What a tool gave. */
export interface ToolAnswer {
  readonly isError: boolean
  /** All of its text. */
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever the tool answered; each test says what it expects
  readonly data: any
}

/** A client that is connected. */
export interface McpClient {
  readonly client: Client
  call(name: string, input?: Record<string, unknown>): Promise<ToolAnswer>
  close(): Promise<void>
}

export const mcpUrl = (gateway: TestGateway): URL => new URL('/mcp', gateway.url)

/** Connects with a token, in one revision of the protocol. */
export async function connectMcp(
  gateway: TestGateway,
  token: string,
  revision: string = revisions[0],
): Promise<McpClient> {
  const transport = new StreamableHTTPClientTransport(mcpUrl(gateway), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  })
  return connectOver(transport, revision)
}

/** The same over any transport. */
export async function connectOver(
  transport: Parameters<Client['connect']>[0],
  revision: string = revisions[0],
): Promise<McpClient> {
  const mode = revision === revisions[0] ? { pin: revision } : ('legacy' as const)
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  await client.connect(transport)
  return {
    client,
    async call(name, input = {}) {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: input })
      const text = (content as { type: string; text?: string }[]).map((each) => each.text ?? '').join('\n')
      return { isError: isError === true, text, data: structuredContent }
    },
    close: () => client.close(),
  }
}
