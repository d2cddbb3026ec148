/**
 * What a token holder's SQL may do, told from its text: the first of three walls.
 * The others hold without it: a login role without rights of its own, and claims that no SQL can forge.
 */
import { blankComments } from './comments.ts'
import type { FunctionFacts } from './facts.ts'
import { type Judgement, judgeStatement } from './judge.ts'
import type { Parser } from './parser.ts'
import { createTextCache } from './text-cache.ts'

/** What may be done with a text. */
export type Verdict = Allowed | Refused

/**
 * `fast`: one statement that leaves nothing in the session. It may be prepared under a name, and share its connection.
 * `reset`: it may leave or see something. It runs unprepared, alone on a connection that is reset before its next use.
 */
export interface Allowed extends Judgement {
  /** What to send in place of the text: the same without its comments, which is what was judged. */
  readonly sql?: string
  /** 16 hex digits, the same for texts that differ only in literals; `''` when there is none. Computed on first use. */
  readonly fingerprint: string
  /** Given by `createVerdicts`: what texts have in common that differ in constants only, where that can be told. */
  readonly shape?: string
  /** Given by `createVerdicts`: this text is new, and known by its shape; it is hardly worth keeping prepared. */
  readonly isVariant?: boolean
}

/** Nothing of the text may run. */
export interface Refused {
  readonly kind: 'refused'
  /** Starts a sentence: `… is not allowed with a token`. */
  readonly what: string
  readonly instead?: string
  /** For a text that PostgreSQL would not run either: what it says. */
  readonly error?: SqlError
}

/** An error in PostgreSQL's terms. */
export interface SqlError {
  readonly sqlstate: string
  readonly message: string
  /** Characters from 1. */
  readonly position?: number
}

/** What a classifier allows, and its limits. */
export interface ClassifierOptions {
  /** Whether EXPLAIN is allowed, whose plans tell of rows that the policies hide; `false`. */
  readonly allowExplain?: boolean
  /** Verdicts kept; 5,000. */
  readonly cacheSize?: number
  /** Sum of the texts of the verdicts kept, in UTF-16 units; 16 Mi. A text above 64 Ki is judged each time. */
  readonly cacheLength?: number
  /** UTF-16 units of the longest text that is judged at all; 1 Mi. Judging takes 1 to 2 µs a unit of a dense one. */
  readonly maxLength?: number
}

/** A longer text is not judged again without its comments. */
const maxBlankedLength = 16 * 1024

/**
 * Makes the classifier for one state of one database; a change of the facts makes a new one.
 *
 * It judges names and syntax. It does NOT check privileges, row-level security or the existence of anything, and it does
 * not see what the owner's triggers, views and policies do. It takes for granted that the text is sent as UTF-8.
 *
 * @returns a synchronous function. A text seen before costs one look-up. It throws Failure `overloaded` when the parser does.
 */
export function createClassifier(
  parser: Parser,
  facts: FunctionFacts,
  options: ClassifierOptions = {},
): (sql: string) => Verdict {
  const { allowExplain = false, maxLength = 1024 * 1024, cacheSize = 5_000, cacheLength = 16 * 1024 * 1024 } = options
  const verdicts = createTextCache<Verdict>(cacheSize, cacheLength)

  return (sql) => {
    const known = verdicts.get(sql)
    if (known !== undefined) return known
    const verdict = sql.length > maxLength ? tooLong(maxLength) : judge(sql, parser, facts, allowExplain)
    verdicts.set(sql, verdict)
    return verdict
  }
}

function judge(sql: string, parser: Parser, facts: FunctionFacts, allowExplain: boolean): Verdict {
  const unreadable = findUnreadable(sql, facts)
  if (unreadable !== undefined) return unreadable
  const parsed = parser.parse(sql)
  if (parsed.kind === 'too_complex') return tooComplex
  if (parsed.kind === 'error') {
    const blanked = sql.length > maxBlankedLength ? undefined : blankComments(sql)
    const verdict = blanked === undefined ? undefined : judge(blanked, parser, facts, allowExplain)
    if (blanked !== undefined && verdict !== undefined && verdict.kind !== 'refused') {
      return { ...verdict, sql: blanked }
    }
    return verdict ?? syntaxError(parsed.message, parsed.position)
  }
  const [statement, ...others] = parsed.statements
  if (statement === undefined) return nothing
  if (others.length > 0) return severalStatements
  const judgement = judgeStatement(statement, facts, allowExplain)
  return 'what' in judgement ? { kind: 'refused', ...judgement } : allow(judgement, sql, parser)
}

function allow(judgement: Judgement, sql: string, parser: Parser): Allowed {
  let fingerprint: string | undefined
  return {
    ...judgement,
    get fingerprint() {
      fingerprint ??= parser.fingerprint(sql)
      return fingerprint
    },
  }
}

/** The parser stops at NUL, and an unpaired surrogate has no UTF-8: what is judged would not be what is run. */
function findUnreadable(sql: string, { standardStrings }: FunctionFacts): Refused | undefined {
  if (!standardStrings && sql.includes('\\')) {
    return {
      kind: 'refused',
      what: 'A backslash',
      instead: 'Send values as parameters, or turn on standard_conforming_strings.',
    }
  }
  if (!sql.includes('\0') && !/\p{Surrogate}/u.test(sql)) return undefined
  return {
    kind: 'refused',
    what: 'Text that is not Unicode, or holds NUL,',
    error: { sqlstate: '22021', message: 'invalid byte sequence for encoding "UTF8"' },
  }
}

function syntaxError(message: string, position: number): Refused {
  return {
    kind: 'refused',
    what: 'Text that is not SQL',
    instead: message,
    error: { sqlstate: '42601', message, position },
  }
}

const nothing: Allowed = { kind: 'fast', command: '', readOnly: true, changes: 0, tables: [], fingerprint: '' }

const severalStatements: Refused = {
  kind: 'refused',
  what: 'More than one statement in a text',
  instead: 'Send the statements together: sql.transaction([...]).',
  error: { sqlstate: '42601', message: 'cannot insert multiple commands into a prepared statement' },
}

/** Judging it takes too much time, memory or depth. */
export const tooComplex: Refused = {
  kind: 'refused',
  what: 'A statement of this complexity',
  instead: 'Nest it less deeply, or split it.',
  error: { sqlstate: '54001', message: 'statement is too complex' },
}

/** A text is not judged at all. */
export function tooLong(maxLength: number): Refused {
  return {
    kind: 'refused',
    what: 'A statement of this length',
    instead: `Split it, or send values as parameters: the limit is ${maxLength} characters.`,
    error: { sqlstate: '54000', message: `statement is longer than ${maxLength} characters` },
  }
}
