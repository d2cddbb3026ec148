/**
 * Reads the parameters of an OAuth request: a form as RFC 6749 has it, or the same as a flat JSON object.
 */
import { OAuthError } from './oauth-error.ts'

/** Parameters by name; those without a value count as left out (RFC 6749 §3.2). */
export type Parameters = ReadonlyMap<string, string>

/** Bytes of a request body. An access token as a parameter may have 8192. */
export const maxBodyBytes = 16 * 1024

/** One member of a flat object: a name, a text, and what follows. */
const member = /\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*")\s*([,}])/y

/**
 * Reads the body.
 *
 * The query string is not looked at: RFC 6749 §2.3.1 forbids credentials there, and logs keep it.
 *
 * @throws OAuthError `invalid_request` for another method or content type, a body that is too large or malformed, a
 *   parameter that is there twice, and U+0000 in a value
 */
export async function readParameters(request: Request): Promise<Parameters> {
  if (request.method !== 'POST') throw invalid('The request is not a POST')
  const type = /^\s*([\w.+/-]+)/.exec(request.headers.get('Content-Type') ?? '')?.[1]?.toLowerCase()
  const text = await readText(request)
  if (type === 'application/x-www-form-urlencoded') return collect(new URLSearchParams(text))
  if (type === 'application/json') return collect(parseFlat(text))
  throw invalid('The body is neither application/x-www-form-urlencoded nor application/json')
}

/**
 * A parameter that has to be there.
 * @throws OAuthError `invalid_request`
 */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name)
  if (value === undefined) throw invalid(`The parameter ${name} is missing`)
  return value
}

/** Reads as it arrives, so that a body without a length is not held beyond the limit. */
async function readText(request: Request): Promise<string> {
  // What says itself that it is too large is not read at all.
  if (Number(request.headers.get('Content-Length')) > maxBodyBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = request.body?.getReader()
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    size += part.value.byteLength
    if (size > maxBodyBytes) {
      await reader?.cancel()
      throw tooLarge()
    }
    chunks.push(part.value)
  }
  const bytes = new Uint8Array(size)
  let end = 0
  for (const chunk of chunks) {
    bytes.set(chunk, end)
    end += chunk.byteLength
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid('The body is not UTF-8')
  }
}

function* parseFlat(text: string): Iterable<[string, string]> {
  const trimmed = text.trim()
  if (/^\{\s*\}$/.test(trimmed)) return
  let at = trimmed.startsWith('{') ? 1 : -1
  for (let last = false; !last; ) {
    member.lastIndex = at
    const found = at < 0 ? null : member.exec(trimmed)
    if (found === null) throw invalid('The body is not a JSON object whose values are texts')
    yield [parseText(found[1]), parseText(found[2])]
    at = member.lastIndex
    last = found[3] === '}'
  }
  if (at !== trimmed.length) throw invalid('Something follows the JSON object')
}

function parseText(literal = ''): string {
  try {
    return String(JSON.parse(literal))
  } catch {
    throw invalid('The body is not JSON')
  }
}

function collect(entries: Iterable<[string, string]>): Parameters {
  const parameters = new Map<string, string>()
  const seen = new Set<string>()
  for (const [name, value] of entries) {
    if (seen.has(name)) throw invalid('A parameter is there twice')
    seen.add(name)
    // U+FFFD stands for bytes that were no UTF-8; a lone surrogate has no form in UTF-8 at all.
    if (/[\0\ufffd\p{Cs}]/u.test(value)) throw invalid('A parameter holds characters that are not allowed')
    if (value !== '') parameters.set(name, value)
  }
  return parameters
}

function tooLarge(): OAuthError {
  return invalid(`The body is over ${maxBodyBytes} bytes`)
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description)
}
