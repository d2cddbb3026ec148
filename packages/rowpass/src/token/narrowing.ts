/**
 * What a narrowed token allows: less than its subject may, for an agent that acts for them. One model for whoever reads
 * such tokens and whoever makes them.
 */
import { TokenRefusal } from './refusal.ts'

/** What may be done with the rows of a table. */
export type TableCommand = 'select' | 'insert' | 'update' | 'delete'

/** Every command, in the order in which a scope is written. */
export const tableCommands: readonly TableCommand[] = ['select', 'insert', 'update', 'delete']

/** A table or view that a narrowed token may use. Names are those of the catalog, in their exact letters. */
export interface TableScope {
  /** Undefined for what the bare name stands for, by the `search_path` of the gateway's connections. */
  readonly schema: string | undefined
  readonly name: string
  /** Each once, in their usual order. */
  readonly commands: readonly TableCommand[]
}

/** What the scopes of a token allow. */
export interface Scopes {
  /** `read` for `sql:read`, `write` for `sql:write`, which reads as well; `none` without either: then nothing may run. */
  readonly access: 'none' | 'read' | 'write'
  /** Undefined where no table is named: then all that the subject may use. */
  readonly tables: readonly TableScope[] | undefined
  /** Rows that a result may have, or a statement may change; undefined for no limit but the usual ones. */
  readonly maxRows: number | undefined
}

/** A token that is narrowed: by its scopes, and to whom it was handed. */
export interface Narrowing extends Scopes {
  /** The agent that acts for the subject: `sub` of the claim `act`; undefined where the subject acts. */
  readonly actor: string | undefined
}

/** What to read of a token's claims. */
export interface NarrowingRules {
  /** What counts as which of our scopes, by the name that the issuer has for it; see the setting `scopes` of an issuer. */
  readonly scopes?: Readonly<Record<string, string>> | undefined
}

/** The largest limit of rows. */
const maxRowLimit = 1_000_000_000
const maxActorLength = 255
/** PostgreSQL has no longer name: one that was cut would be another. */
const maxNameBytes = 63

/**
 * What a token allows that is narrowed; undefined for one that is not: no `act`, and none of our scopes.
 *
 * @param scope the value of the claim that has the scopes: a text of words, or a list of them
 * @throws TokenRefusal `scope` for an `act` without a subject, or one of our scopes that is none
 * @see RFC 8693 §4.1 (`act`), §4.2 (`scope`); RFC 6749 §3.3
 */
export function readNarrowing(act: unknown, scope: unknown, rules: NarrowingRules = {}): Narrowing | undefined {
  if (act === undefined && scope === undefined) return undefined
  const actor = act === undefined ? undefined : actorOf(act)
  const words = mapWords(toWords(scope), rules.scopes, actor !== undefined)
  if (actor === undefined && words.length === 0) return undefined
  return Object.freeze({ actor, ...parseScopes(words) })
}

function actorOf(act: unknown): string {
  const sub = typeof act === 'object' && act !== null && Object.hasOwn(act, 'sub') ? (act as { sub: unknown }).sub : ''
  if (typeof sub === 'string' && sub !== '' && sub.length <= maxActorLength) return sub
  throw new TokenRefusal('scope', `"act" has no "sub" that is a text of 1 to ${maxActorLength} characters`)
}

function toWords(scope: unknown): readonly string[] {
  const words: readonly unknown[] =
    typeof scope === 'string' ? scope.split(' ') : Array.isArray(scope) ? scope : [scope]
  return words.filter((word): word is string => {
    if (word === undefined || word === '') return false
    if (typeof word !== 'string') throw new TokenRefusal('scope', 'the scopes are neither a text nor a list of texts')
    return true
  })
}

/** Our words among those of a token; what is no word of ours, and stands for none, is not looked at. */
function mapWords(words: readonly string[], scopes: NarrowingRules['scopes'], acts: boolean): readonly string[] {
  const mapped = words.flatMap((word) => {
    if (scopes !== undefined && Object.hasOwn(scopes, word)) return toWords(scopes[word])
    return isOwnScope(word) ? [word] : []
  })
  return mapped.length === 0 && acts ? toWords(scopes?.['']) : mapped
}

/** Whether a word of `scope` is one that narrows, well written or not. */
export function isOwnScope(word: string): boolean {
  return /^(?:sql|table|rows):/.test(word)
}

/**
 * Reads our scopes: `sql:read`, `sql:write`, `table:<name>` or `table:<schema>.<name>`, each perhaps with
 * `:select,insert,update,delete` or some of them, and `rows:<number>`. Other characters of a name than letters of ASCII,
 * digits, `_`, `$` and `-` are written as `%` and their UTF-8, as in a URL. Of several numbers the smallest counts.
 *
 * @throws TokenRefusal `scope` for any other word
 */
export function parseScopes(words: readonly string[]): Scopes {
  let access: Scopes['access'] = 'none'
  let maxRows: number | undefined
  const tables = new Map<string, TableScope>()
  for (const word of words) {
    if (word === 'sql:write') access = 'write'
    else if (word === 'sql:read') access = access === 'write' ? 'write' : 'read'
    else if (/^rows:[1-9]\d{0,9}$/.test(word) && Number(word.slice(5)) <= maxRowLimit) {
      maxRows = Math.min(maxRows ?? maxRowLimit, Number(word.slice(5)))
    } else {
      const table = parseTable(word)
      const before = tables.get(keyOf(table))
      tables.set(
        keyOf(table),
        before === undefined ? table : withCommands(table, [...before.commands, ...table.commands]),
      )
    }
  }
  return Object.freeze({ access, tables: tables.size === 0 ? undefined : Object.freeze([...tables.values()]), maxRows })
}

function parseTable(word: string): TableScope {
  const [, schema, name, commands] = /^table:(?:([^.:,]+)\.)?([^.:,]+)(?::([a-z,]+))?$/.exec(word) ?? []
  if (name === undefined) throw malformed(word)
  const named = commands?.split(',') ?? tableCommands
  if (!named.every((command): command is TableCommand => (tableCommands as readonly string[]).includes(command))) {
    throw malformed(word)
  }
  return withCommands(
    { schema: schema === undefined ? undefined : decodeName(schema, word), name: decodeName(name, word) },
    named,
  )
}

function withCommands(
  { schema, name }: Pick<TableScope, 'schema' | 'name'>,
  commands: readonly TableCommand[],
): TableScope {
  return Object.freeze({ schema, name, commands: tableCommands.filter((command) => commands.includes(command)) })
}

function keyOf({ schema, name }: TableScope): string {
  return JSON.stringify([schema ?? null, name])
}

const encoder = new TextEncoder()

function decodeName(text: string, word: string): string {
  let name = ''
  try {
    name = decodeURIComponent(text)
  } catch {
    throw malformed(word)
  }
  if (name.includes('\0') || encoder.encode(name).length > maxNameBytes) throw malformed(word)
  return name
}

/** What was sent is quoted only where it can be nothing but a scope. */
function malformed(word: string): TokenRefusal {
  const shown = /^[\w:.,$%-]{1,80}$/.test(word) ? `"${word}"` : 'a scope'
  return new TokenRefusal(
    'scope',
    `${shown} is none: they are sql:read, sql:write, table:<name> or table:<schema>.<name>, perhaps with :select,insert,update,delete, and rows:<number>`,
  )
}

/**
 * What two sets of scopes allow both. A table is the same in both only where it is named in the same way, with its schema
 * or without: what a bare name stands for is not known here.
 */
export function intersectScopes(one: Scopes, other: Scopes): Scopes {
  const accesses = [one.access, other.access]
  const rows = [one.maxRows, other.maxRows].filter((limit) => limit !== undefined)
  return {
    access: accesses.includes('none') ? 'none' : accesses.includes('read') ? 'read' : 'write',
    tables: intersectTables(one.tables, other.tables),
    maxRows: rows.length === 0 ? undefined : Math.min(...rows),
  }
}

function intersectTables(one: Scopes['tables'], other: Scopes['tables']): Scopes['tables'] {
  if (one === undefined || other === undefined) return one ?? other
  return one.flatMap((table) => {
    const same = other.find((each) => keyOf(each) === keyOf(table))
    const commands = table.commands.filter((command) => same?.commands.includes(command))
    return commands.length === 0 ? [] : [withCommands(table, commands)]
  })
}

/** The words that {@link parseScopes} reads. An empty list of tables has none: whoever makes tokens refuses it before. */
export function writeScopes({ access, tables, maxRows }: Scopes): string {
  return [
    ...(access === 'none' ? [] : [`sql:${access}`]),
    ...(tables ?? []).map(writeTable),
    ...(maxRows === undefined ? [] : [`rows:${maxRows}`]),
  ].join(' ')
}

function writeTable({ schema, name, commands }: TableScope): string {
  const names = schema === undefined ? encodeName(name) : `${encodeName(schema)}.${encodeName(name)}`
  return commands.length === tableCommands.length ? `table:${names}` : `table:${names}:${commands.join(',')}`
}

function encodeName(name: string): string {
  return name.replace(/[^\w$-]+/g, (text) =>
    encodeURIComponent(text).replace(/[.!~*'()]/g, (each) => `%${each.charCodeAt(0).toString(16)}`),
  )
}
