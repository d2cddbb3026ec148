/** The least that node:http needs to answer JSON with JSON. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request of the benchmark. */
export interface NoteRequest {
  readonly query: string
  readonly params: string[]
}

/** Reads a body. */
export function readJson(request: IncomingMessage): Promise<NoteRequest> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as NoteRequest))
  })
}

/** The token of a request; the benchmark always sends one. */
export function bearerOf(request: IncomingMessage): string {
  return (request.headers.authorization ?? '').slice('Bearer '.length)
}

/** Answers 200. */
export function answerJson(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value))
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length) })
  response.end(body)
}

/** Listens on a free port of 127.0.0.1 and returns it. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
