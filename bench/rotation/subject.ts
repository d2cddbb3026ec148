/**
 * What the drill asks of an issuer, and the scale of its time.
 */

/** One second of the drill stands for this many of real life. */
export const scale = 300
/** How long verifiers keep a key set: 300 s in real life. */
export const maxAgeSeconds = 1
/** How long tokens live: 10 min in real life. */
export const ttlSeconds = 2
/** From one rotation to the next, and at least what ours needs: 8 min in real life. */
export const cycleMs = 1_600

/** An issuer that rotates its keys the way its documentation says. */
export interface Subject {
  readonly name: string
  /** For the table: what one rotation does. */
  readonly says: string
  /** As a gateway is told; undefined where its tokens are none that a gateway takes. */
  readonly trust: Readonly<Record<string, unknown>> | undefined
  readonly jwksUrl: string
  /** A new token of this lifetime, signed with the key that signs now. */
  token(ttlSeconds: number): Promise<string>
  /** One rotation; resolves when the new key signs. */
  rotate(): Promise<void>
  /** Takes the key that signs out at once; another signs from then on. */
  remove(): Promise<void>
  /** How often the key set was fetched. */
  fetches(): number
  close(): Promise<void>
}

/**
 * The token of an answer.
 * @throws Error with the answer when it holds none
 */
export async function tokenOf(response: Response, member: 'token' | 'access_token'): Promise<string> {
  const text = await response.text()
  const token = response.ok ? (JSON.parse(text) as Record<string, unknown>)[member] : undefined
  if (typeof token === 'string') return token
  throw new Error(`no token, but ${response.status}: ${text.slice(0, 200)}`)
}

/** Waits. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
