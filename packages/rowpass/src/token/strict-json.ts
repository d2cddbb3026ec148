/**
 * JSON that every reader reads alike: one value per name, no text or number that PostgreSQL's `jsonb` refuses.
 * The payload of a token is read here, and again by PostgreSQL; both must see the same claims.
 */

/** How deep arrays and objects may be nested. */
export const maxJsonDepth = 32

/** The largest exponent, either way, of a number. Beyond it, JavaScript gives Infinity or 0 and `numeric` gives up. */
const maxExponent = 308

/**
 * Parses the bytes of a JSON object.
 *
 * Refuses what RFC 8259 leaves to chance: names that occur twice in one object (also when spelt with escapes), invalid
 * UTF-8, a byte order mark, U+0000, lone surrogates, numbers out of range, and nesting over 32 levels.
 *
 * @returns the object, and its text exactly as it was sent
 * @throws SyntaxError with a sentence that does not quote the input
 * @see RFC 7515 §4, RFC 7519 §4, RFC 7493
 */
export function parseStrictJson(bytes: Uint8Array): { value: Record<string, unknown>; text: string } {
  const text = decodeUtf8(bytes)
  const value = parse(text)
  if (!isJsonObject(value)) throw new SyntaxError('not a JSON object')
  scan(text)
  return { value, text }
}

/** Whether a parsed value is an object: neither null nor an array. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new SyntaxError('not UTF-8')
  }
}

/** The parser's own message is dropped: it quotes its input. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new SyntaxError('not JSON')
  }
}

/** Walks text that is known to be JSON, and looks at what the parser lets pass. */
function scan(text: string): void {
  const escapes = text.includes('\\')
  // One entry for each open bracket: the names seen in an object, undefined in an array.
  const open: (Set<string> | undefined)[] = []
  let nameNext = false
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"': {
        const end = endOfString(text, at, escapes)
        const string = escapes ? checkString(text.slice(at, end)) : text.slice(at + 1, end - 1)
        if (nameNext) addName(open.at(-1), string)
        nameNext = false
        at = end - 1
        break
      }
      case '{':
        if (open.push(new Set()) > maxJsonDepth) throw new SyntaxError('nested too deep')
        nameNext = true
        break
      case '[':
        if (open.push(undefined) > maxJsonDepth) throw new SyntaxError('nested too deep')
        nameNext = false
        break
      case '}':
      case ']':
        open.pop()
        break
      case ',':
        nameNext = open.at(-1) !== undefined
        break
      default:
        if (isNumberStart(text.charCodeAt(at))) at = checkNumber(text, at) - 1
    }
  }
}

/** The index after the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number, escapes: boolean): number {
  if (!escapes) return text.indexOf('"', start + 1) + 1
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function addName(names: Set<string> | undefined, name: string): void {
  if (names?.has(name)) throw new SyntaxError('a name occurs twice')
  names?.add(name)
}

function checkString(token: string): string {
  if (!token.includes('\\')) return token.slice(1, -1)
  const string: string = JSON.parse(token)
  if (string.includes('\0')) throw new SyntaxError('a text holds U+0000')
  if (/\p{Surrogate}/u.test(string)) throw new SyntaxError('a text holds a lone surrogate')
  return string
}

/** A digit or a minus sign. */
function isNumberStart(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 45
}

const number = /-?\d[\d.eE+-]*/y
/** Whole numbers of up to 15 digits are what nearly all are, and always in range. */
const maxPlainLength = 15

/** @returns the index after the number that begins at `start` */
function checkNumber(text: string, start: number): number {
  let end = start
  while (isNumberStart(text.charCodeAt(end))) end++
  if (end - start <= maxPlainLength && !/[.eE+]/.test(text[end] ?? '')) return end
  number.lastIndex = start
  const token = number.exec(text)?.[0] ?? ''
  const exponent = /[eE](.*)/.exec(token)?.[1] ?? '0'
  if (!Number.isFinite(Number(token)) || Math.abs(Number(exponent)) > maxExponent) {
    throw new SyntaxError('a number is out of range')
  }
  return start + token.length
}
