/**
 * PostgreSQL's own parser (libpg_query, as WebAssembly), made safe to feed with hostile text.
 *
 * A text that nests too deeply exhausts the stack in the middle of C code and leaves that instance's memory in an
 * unknown state: later parses loop for ever. Such an instance is dropped, and a spare takes its place at once.
 *
 * In one thing it differs from a server: it takes a comment for a token, and so reports a syntax error for a comment
 * between the words of NOT IN, NOT LIKE, NULLS FIRST, WITH ORDINALITY, WITH TIME ZONE or FORMAT JSON, before UESCAPE,
 * or between the lines of one string. Never the other way round: in none of these places does it see another statement.
 * Such a text is read once more without its comments.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Failure } from '../errors.ts'
import { type PlPgSql, readPlPgSql } from './plpgsql.ts'

/** A node of the parse tree: `{ SelectStmt: {…} }`, or the fields of a node whose type its place tells. */
export type TreeNode = Readonly<Record<string, unknown>>

/** What became of a text. */
export type Parsed =
  | { readonly kind: 'tree'; readonly statements: readonly TreeNode[] }
  /** PostgreSQL's message; `position` counts characters from 1. */
  | { readonly kind: 'error'; readonly message: string; readonly position: number }
  /** Nested too deeply, a tree of more than 16 MiB, or too many operator characters in a row. */
  | { readonly kind: 'too_complex' }

/** A word of a text; offsets count bytes of its UTF-8. */
export interface Token {
  readonly start: number
  readonly end: number
  /** As it is written. */
  readonly text: string
  /** PostgreSQL's name of what the lexer took it for, such as `IDENT`, `SCONST`, `PARAM`. */
  readonly kind: string
}

/** The parser. One serves a whole process. */
export interface Parser {
  /**
   * Parses a text of any number of statements.
   *
   * Does NOT accept NUL or unpaired surrogates: the caller has refused them, since the two ends would read them
   * differently. Takes about 0.1 ms for an everyday statement and some 1 µs a character for a dense one:
   * `npm run bench:classify`.
   *
   * @throws Failure `overloaded` in the milliseconds after two texts in a row broke their instances
   */
  parse(sql: string): Parsed
  /** 16 hex digits, the same for texts that differ only in literals; `''` when there is none. The text has parsed before. */
  fingerprint(sql: string): string
  /** The words of a text that has parsed before; undefined when they cannot be told. Comments are left out. */
  tokens(sql: string): readonly Token[] | undefined
  /**
   * Reads a `create function … language plpgsql` and gives the SQL in it as trees, expressions as `select <expression>`.
   *
   * The tables and types of the database are not known here, so a body that depends on them may not be readable:
   * undefined then, as for a syntax error.
   */
  parsePlPgSql(definition: string): PlPgSql | undefined
}

/** The part of the Emscripten module that is used. */
interface Instance {
  readonly HEAPU8: Uint8Array
  _malloc(bytes: number): number
  _free(pointer: number): void
  _wasm_parse_query_raw(text: number): number
  _wasm_parse_plpgsql(text: number): number
  _wasm_free_parse_result(result: number): void
  _wasm_fingerprint(text: number): number
  _wasm_scan(text: number): number
  _wasm_free_string(text: number): void
  lengthBytesUTF8(text: string): number
  stringToUTF8(text: string, pointer: number, bytes: number): void
  UTF8ToString(pointer: number): string
  getValue(pointer: number, type: 'i32'): number
}

type InstanceFactory = (overrides: {
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): void
  print(): void
  printErr(): void
}) => Promise<Instance>

const maxTreeBytes = 16 * 1024 * 1024
/** A tree repeats what stands right of `set (a, b, …) =` for each column; no other text has as much tree for a UTF-16 unit. */
const maxTreeBytesPerUnit = 128
const anyTreeBytes = 1024 * 1024
/** PostgreSQL's lexer reads a run of operator characters again for each of them: the square of its length. */
const maxOperatorRereads = 10_000_000
/** What an instance has, and may not grow. */
const instanceBytes = 128 * 1024 * 1024
const defaultMaxBytes = 64 * 1024 * 1024

/** What the parser of a thread may take. */
export interface ParserLimits {
  /** Bytes of memory for one text, up to 128 MiB; default 64 MiB. A text that needs more is too complex. */
  readonly maxBytes?: number
  /** Whether another instance is ready for when a text breaks the first; default true. Else there is none for a moment. */
  readonly spare?: boolean
}

let loaded: Promise<Parser> | undefined

/**
 * Loads the parser: some tens of milliseconds the first time (`npm run bench:classify`); all later calls of the thread get
 * the same one, whatever their limits.
 * @throws the error of the file system or of WebAssembly when the package is damaged
 */
export function loadParser(limits: ParserLimits = {}): Promise<Parser> {
  loaded ??= load(limits)
  return loaded
}

async function load({ maxBytes = defaultMaxBytes, spare = true }: ParserLimits): Promise<Parser> {
  const require = createRequire(import.meta.url)
  // The module under the package's entry: that one keeps a single instance for good. package.json pins the version.
  const create: InstanceFactory = require('libpg-query/wasm/libpg-query.js')
  const code = await WebAssembly.compile(await readFile(require.resolve('libpg-query/wasm/libpg-query.wasm')))
  const start = async (): Promise<Instance> => {
    const instance = await create({
      instantiateWasm: (imports, done) => {
        void WebAssembly.instantiate(code, imports).then((instance) => {
          limitMemory(instance)
          done(instance)
        })
      },
      print() {},
      printErr() {},
    })
    // Kept from it, and never touched.
    instance._malloc(instanceBytes - maxBytes)
    return instance
  }
  return createParser(start, await start(), spare ? await start() : undefined, spare)
}

/** Refuses more memory, as an operating system would. */
function limitMemory({ exports }: WebAssembly.Instance): void {
  for (const memory of Object.values(exports)) {
    if (!(memory instanceof WebAssembly.Memory)) continue
    memory.grow = () => {
      throw new RangeError('out of memory')
    }
  }
}

function createParser(
  start: () => Promise<Instance>,
  first: Instance,
  second: Instance | undefined,
  keepsSpare: boolean,
): Parser {
  let active: Instance | undefined = first
  let spare = second
  let starting = false

  function replace(): void {
    active = spare
    spare = undefined
    refill()
  }

  function refill(): void {
    if (starting) return
    starting = true
    start().then(
      (instance) => {
        starting = false
        if (active === undefined) active = instance
        else spare ??= instance
        if (keepsSpare && spare === undefined) refill()
      },
      () => {
        starting = false
      },
    )
  }

  /** Runs `use`; undefined when it broke the instance. */
  function withInstance<T>(use: (instance: Instance) => T): T | undefined {
    const instance = active
    if (instance === undefined) {
      refill()
      throw new Failure('overloaded')
    }
    try {
      const result = use(instance)
      return result
    } catch {
      replace()
      return undefined
    }
  }

  return {
    parse(sql) {
      if (countOperatorRereads(sql) > maxOperatorRereads) return { kind: 'too_complex' }
      return withInstance((instance) => parseWith(instance, sql)) ?? { kind: 'too_complex' }
    },
    fingerprint: (sql) => withInstance((instance) => fingerprintWith(instance, sql)) ?? '',
    parsePlPgSql: (definition) => withInstance((instance) => plpgsqlWith(instance, definition)),
    tokens(sql) {
      const answer = withInstance((instance) => scanWith(instance, sql))
      return answer === undefined ? undefined : readTokens(answer, sql)
    },
  }
}

function countOperatorRereads(sql: string): number {
  let rereads = 0
  for (const [run] of sql.matchAll(/[-+*/<>=~!@#%^&|`?]{100,}/g)) rereads += run.length ** 2
  return rereads
}

function withText<T>(instance: Instance, text: string, use: (pointer: number) => T): T {
  const bytes = instance.lengthBytesUTF8(text) + 1
  const pointer = instance._malloc(bytes)
  if (pointer === 0) throw new RangeError('out of memory')
  instance.stringToUTF8(text, pointer, bytes)
  const result = use(pointer)
  instance._free(pointer)
  return result
}

/** Any exception leaves the instance's memory as it is: the instance is dropped with it. */
function parseWith(instance: Instance, sql: string): Parsed {
  return withText(instance, sql, (text) => {
    const result = instance._wasm_parse_query_raw(text)
    if (result === 0) throw new RangeError('out of memory')
    const parsed = readResult(instance, result, sql.length)
    instance._wasm_free_parse_result(result)
    return parsed
  })
}

/** Reads PgQueryParseResult: parse tree, stderr, error. */
function readResult(instance: Instance, result: number, length: number): Parsed {
  const error = instance.getValue(result + 8, 'i32')
  if (error !== 0) {
    const message = instance.UTF8ToString(instance.getValue(error, 'i32'))
    return { kind: 'error', message, position: instance.getValue(error + 16, 'i32') }
  }
  const tree = instance.getValue(result, 'i32')
  const treeBytes = instance.HEAPU8.indexOf(0, tree) - tree
  if (treeBytes > Math.min(maxTreeBytes, anyTreeBytes + length * maxTreeBytesPerUnit)) return { kind: 'too_complex' }
  // The text is written by the parser for this purpose; who reads it checks each node.
  const { stmts } = JSON.parse(instance.UTF8ToString(tree)) as { stmts?: { stmt: TreeNode }[] }
  return { kind: 'tree', statements: (stmts ?? []).map(({ stmt }) => stmt) }
}

function fingerprintWith(instance: Instance, sql: string): string {
  return withText(instance, sql, (text) => {
    const result = instance._wasm_fingerprint(text)
    const fingerprint = instance.UTF8ToString(result)
    instance._wasm_free_string(result)
    return /^[0-9a-f]{16}$/.test(fingerprint) ? fingerprint : ''
  })
}

/** The answer is a JSON object, or the text of an error. */
function plpgsqlWith(instance: Instance, definition: string): PlPgSql | undefined {
  return withText(instance, definition, (text) => {
    const result = instance._wasm_parse_plpgsql(text)
    const answer = instance.UTF8ToString(result)
    instance._wasm_free_string(result)
    return answer.startsWith('{') ? readPlPgSql(JSON.parse(answer)) : undefined
  })
}

function scanWith(instance: Instance, sql: string): string {
  return withText(instance, sql, (text) => {
    const result = instance._wasm_scan(text)
    const answer = instance.UTF8ToString(result)
    instance._wasm_free_string(result)
    return answer
  })
}

/** The answer's own copies of the words are not used: it cuts and escapes them as it likes. */
function readTokens(answer: string, sql: string): readonly Token[] | undefined {
  const bytes = Buffer.from(sql)
  const words = [...answer.matchAll(/\{"start":(\d+),"end":(\d+),/g)]
  const kinds = [...answer.matchAll(/,"tokenType":\d+,"tokenName":"(\w+)","keywordKind":/g)]
  if (words.length !== kinds.length) return undefined
  return words
    .map(([, start, end], index) => ({ start: Number(start), end: Number(end), kind: kinds[index]?.[1] ?? '' }))
    .map((word) => ({ ...word, text: bytes.subarray(word.start, word.end).toString() }))
    .filter(({ kind }) => kind !== 'SQL_COMMENT' && kind !== 'C_COMMENT')
}
