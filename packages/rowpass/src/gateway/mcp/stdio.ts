/**
 * The door for an assistant that starts its servers itself: lines of JSON-RPC on standard input go to a gateway's `/mcp`, and
 * its answers to standard output. It keeps nothing but the token and the revision that was agreed on.
 */
import { isJsonObject } from '../../token/strict-json.ts'

/** What a bridge is between. */
export interface BridgeParts {
  readonly input: AsyncIterable<Buffer | string>
  /** Takes one message as a line. Nothing else may come between. */
  readonly write: (line: string) => void
  readonly url: URL
  /** @param refused the gateway did not take the one before: another is needed */
  readonly token: (refused: boolean) => Promise<string>
  readonly signal: AbortSignal
}

const maxLineLength = 1024 * 1024
const maxUnderWay = 32
const versionKey = 'io.modelcontextprotocol/protocolVersion'

type Id = string | number | null

/** Runs until the input ends, or the signal is aborted; what is under way is answered first. */
export async function runBridge({ input, write, url, token, signal }: BridgeParts): Promise<void> {
  const underWay = new Map<Promise<void>, { readonly id: unknown; readonly abort: AbortController }>()
  let agreed: string | undefined

  const fail = (id: Id, code: number, message: string): void =>
    write(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }))

  async function post(text: string, headers: Record<string, string>, abort: AbortSignal): Promise<Response> {
    for (let refused = false; ; refused = true) {
      const authorization = `Bearer ${await token(refused)}`
      const options = { method: 'POST', body: text, redirect: 'error', signal: abort } as const
      const response = await fetch(url, { ...options, headers: { ...headers, authorization } })
      if (response.status !== 401 || refused) return response
      await response.body?.cancel()
    }
  }

  async function forward(text: string, abort: AbortController): Promise<void> {
    const message = parse(text)
    if (message === undefined) return fail(null, -32_700, 'Parse error: not one message of JSON-RPC in a line')
    const id = typeof message.id === 'string' || typeof message.id === 'number' ? message.id : null
    try {
      const response = await post(text, headersFor(message, agreed), AbortSignal.any([signal, abort.signal]))
      for (const answer of toMessages(await response.text())) {
        if (message.method === 'initialize' && isJsonObject(answer.result)) {
          agreed = String(answer.result.protocolVersion)
        }
        // What is refused before it is read has no id; the assistant waits for its own.
        write(JSON.stringify(answer.id === null ? { ...answer, id } : answer))
      }
    } catch (error) {
      if (id === null || abort.signal.aborted) return
      const reason = error instanceof Error ? error.message : 'it broke off'
      fail(id, -32_000, `gateway_unreachable: ${url.origin} gave no usable answer: ${reason}`)
    }
  }

  function take(line: string): void {
    const message = parse(line)
    if (message?.method === 'notifications/cancelled' && isJsonObject(message.params)) {
      for (const { id, abort } of underWay.values()) if (id === message.params.requestId) abort.abort()
      return
    }
    const abort = new AbortController()
    const work = forward(line, abort).finally(() => underWay.delete(work))
    underWay.set(work, { id: message?.id, abort })
  }

  let held = ''
  for await (const chunk of input) {
    const lines = `${held}${String(chunk)}`.split('\n')
    held = lines.pop() ?? ''
    if (held.length > maxLineLength) throw new TypeError(`a message is longer than ${maxLineLength} characters`)
    for (const line of lines.filter((each) => each.trim() !== '')) {
      while (underWay.size >= maxUnderWay) await Promise.race(underWay.keys())
      take(line)
    }
    if (signal.aborted) break
  }
  await Promise.all(underWay.keys())
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const message: unknown = JSON.parse(text)
    return isJsonObject(message) ? message : undefined
  } catch {
    return undefined
  }
}

/** What the protocol wants to see over HTTP of what stands in the message. */
function headersFor({ method, params }: Record<string, unknown>, agreed: string | undefined): Record<string, string> {
  const { name, _meta: meta } = isJsonObject(params) ? params : {}
  const claimed = isJsonObject(meta) ? meta[versionKey] : undefined
  const version = typeof claimed === 'string' ? claimed : method === 'initialize' ? undefined : agreed
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(version === undefined ? {} : { 'mcp-protocol-version': version }),
    ...(typeof claimed === 'string' && typeof method === 'string' ? { 'mcp-method': method } : {}),
    ...(typeof claimed === 'string' && typeof name === 'string' ? { 'mcp-name': name } : {}),
  }
}

/** An answer is one message, or a stream of them (`text/event-stream`). */
function toMessages(text: string): Record<string, unknown>[] {
  const whole = parse(text)
  if (whole !== undefined) return [whole]
  return text.split(/\r?\n/).flatMap((line): Record<string, unknown>[] => {
    const message = line.startsWith('data:') ? parse(line.slice('data:'.length)) : undefined
    return message === undefined ? [] : [message]
  })
}
