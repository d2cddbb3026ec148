/**
 * The app behind a port of 127.0.0.1, on Node.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where it listens. */
export interface Host {
  readonly url: URL
  close(): Promise<void>
}

/** @param request asks the app, in this process */
export async function serveApp(request: (path: string, init: RequestInit) => Promise<Response>): Promise<Host> {
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)])
    const init = { method: incoming.method!, headers, ...(chunks.length > 0 && { body: Buffer.concat(chunks) }) }
    const answer = await request(incoming.url!, init)
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
