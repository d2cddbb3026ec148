/**
 * JSON that every reader reads alike: one value per name, no text or number that PostgreSQL's `jsonb` refuses.
 * The payload of a token is read here, and again by PostgreSQL; both must see the same claims.
 */

/** How deep arrays and objects may be nested. */
export const MAX_JSON_DEPTH = 32

/** The largest exponent, either way, of a number. Beyond it, JavaScript gives Infinity or 0 and `numeric` gives up. */
const MAX_EXPONENT = 308

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
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not a JSON object')
  scan(text)
  return { value: value as Record<string, unknown>, text }
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

/** In valid JSON these are all there is, but for white space, `true`, `false` and `null`. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\],:]/g

/** Walks text that is known to be JSON, and looks at what the parser lets pass. */
function scan(text: string): void {
  // One entry for each open bracket: the names seen in an object, undefined in an array.
  const open: (Set<string> | undefined)[] = []
  let nameNext = false
  for (const [token] of text.matchAll(tokens)) {
    const first = token[0]
    if (first === '"') {
      const string = checkString(token)
      if (nameNext) addName(open.at(-1), string)
    } else if (first === '{' || first === '[') {
      if (open.push(first === '{' ? new Set() : undefined) > MAX_JSON_DEPTH) throw new SyntaxError('nested too deep')
    } else if (first === '}' || first === ']') {
      open.pop()
    } else if (first !== ',' && first !== ':') {
      checkNumber(token)
    }
    nameNext = (first === '{' || first === ',') && open.at(-1) !== undefined
  }
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

function checkNumber(token: string): void {
  const exponent = /[eE](.*)/.exec(token)?.[1] ?? '0'
  if (!Number.isFinite(Number(token)) || Math.abs(Number(exponent)) > MAX_EXPONENT) {
    throw new SyntaxError('a number is out of range')
  }
}
