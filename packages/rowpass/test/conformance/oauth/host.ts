/**
 * The API of a scene behind a port: on Node, or under workerd.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { app } from '../../../../../demo/src/app.ts'
import type { Scene } from '../../../../../demo/test/issuing/scene.ts'
import { startWorker } from '../../../../../demo/test/worker.ts'

/** Where the API listens. */
export interface Host {
  readonly url: URL
  close(): Promise<void>
}

/** On Node. */
export async function serveNode({ bindings }: Scene): Promise<Host> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)])
    const init = { method: request.method!, headers, ...(chunks.length > 0 && { body: Buffer.concat(chunks) }) }
    const answer = await app.request(request.url!, init, bindings)
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

/** Under workerd. */
export function serveWorker({ stack, bindings }: Scene): Promise<Host> {
  return startWorker({ ...stack, bindings: { ...stack.bindings, ...bindings, DEMO: 'false' } })
}
