/**
 * A service that takes mails and keeps them.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Mail } from '../../../packages/rowpass/src/issuer/accounts.ts'

/** What the API has sent. */
export interface Mailbox {
  readonly url: string
  readonly mails: Mail[]
  /** Answers with this status from now on; 204 at first. */
  status: number
  empty(): void
  close(): Promise<void>
}

/** Starts one on loopback. */
export async function startMailbox(): Promise<Mailbox> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    mailbox.mails.push(JSON.parse(Buffer.concat(chunks).toString()))
    response.writeHead(mailbox.status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const mailbox: Mailbox = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    mails: [],
    status: 204,
    empty() {
      mailbox.mails.length = 0
      mailbox.status = 204
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  return mailbox
}
