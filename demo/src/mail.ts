/**
 * Hands messages over to whatever sends mail: a POST of JSON to MAIL_URL. Under DEMO without one, they go to the log.
 */
import type { Mail } from 'rowpass/issuer'
import type { Settings } from './env.ts'

const timeoutMs = 5_000

/**
 * How messages are handed over; undefined where there is no way, so that nobody can sign up.
 *
 * The body is `{ to, kind, token }`: `kind` says which text to send, `token` belongs into the link of it; `known` and
 * `unknown` have none.
 */
export function createDelivery({ mailUrl, demo }: Settings): ((mail: Mail) => Promise<void>) | undefined {
  if (mailUrl !== undefined) return (mail) => post(mailUrl.reveal(), mail)
  if (demo === undefined) return undefined
  return async (mail) => console.log(JSON.stringify({ type: 'mail', ...mail }))
}

async function post(url: string, mail: Mail): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(mail),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`the mail service answers ${response.status}`)
}
