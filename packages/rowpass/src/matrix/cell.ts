/**
 * What a matrix is made of: who tried what on which table, and what came of it. Everything else in this folder fills
 * these shapes or shows them.
 */
import type { Command, RelKind } from '../access/catalog/catalog.ts'
import type { Identity } from '../access/identity.ts'

/**
 * Whose row it is: of a tenant of the identity's, of another one, of none (the tenant column is NULL), or of nobody
 * that could be told (the table has no tenant column).
 */
export const owners = ['own', 'other', 'shared', 'any'] as const

/** See {@link owners}. */
export type Whose = (typeof owners)[number]

/** Numbers by whose rows they count; what is missing is 0. */
export type RowTally = Readonly<Partial<Record<Whose, number>>>

/** An identity with a name, and the tenants that are its own. */
export interface Subject extends Identity {
  /** For people; unique in a matrix. */
  readonly name: string
  /** Values of tenant columns, as text. Empty for somebody of no tenant. */
  readonly tenants: readonly string[]
}

/**
 * What came of it in one word.
 *
 * - `rows` some rows are reached, or a row is let in
 * - `none` the privilege is there, no row is reached though some are there
 * - `empty` the same, but the table has no row
 * - `grant` the role lacks the privilege
 * - `policy` a row is refused by a policy (42501 of row-level security)
 * - `constraint` the policies let it through, and a constraint of the table stopped each row that was tried
 * - `error` the statement fails in a policy, a function or a trigger
 * - `untried` it was not tried, or not to the end; the notes say why
 */
export type CellVerdict = 'rows' | 'none' | 'empty' | 'grant' | 'policy' | 'constraint' | 'error' | 'untried'

/** How one statement ended; `unsuited` is a failure before any policy was asked, such as a value that does not fit. */
export type AttemptOutcome = 'done' | 'policy' | 'denied' | 'constraint' | 'unsuited' | 'busy' | 'timeout' | 'error'

/** One statement that was run. */
export interface CellAttempt {
  /** The text, with placeholders; values of rows are never kept. */
  readonly sql: string
  /** What it was for. */
  readonly says: string
  readonly outcome: AttemptOutcome
  /** Rows that it reached, where it counts. */
  readonly rows?: number
  /** PostgreSQL's message, without DETAIL, which can hold values. */
  readonly error?: string
  readonly sqlstate?: string
}

/** One cell. */
export interface Cell {
  readonly command: Command
  readonly verdict: CellVerdict
  /** SELECT, UPDATE, DELETE: rows reached. INSERT: 1 where a row of that owner is let in by the policies. */
  readonly reached: RowTally
  /** UPDATE: whether a row of the own tenant can be given to another one; undefined where that was not tried. */
  readonly move?: AttemptOutcome | 'grant'
  /** INSERT: what becomes of the same with RETURNING; undefined where that was not tried. */
  readonly returning?: AttemptOutcome
  /** Whether rows of a tenant that is not the identity's are reached, added or given away to. */
  readonly crossTenant: boolean
  /** Names of the policies that PostgreSQL applies to this role and command. */
  readonly policies: readonly string[]
  readonly attempts: readonly CellAttempt[]
  /** Whatever a reader has to know to take the cell for what it is. */
  readonly notes: readonly string[]
}

/** What one identity may do with one table. */
export interface Line {
  readonly subject: string
  /** Rows that are there by whose they are to this identity; undefined where the connection cannot see them all. */
  readonly there: RowTally | undefined
  readonly cells: Readonly<Record<Command, Cell>>
}

/** One table with all its lines. */
export interface TableMatrix {
  /** Schema and name as SQL, such as `public.users`. */
  readonly name: string
  readonly kind: RelKind
  readonly rowSecurity: 'off' | 'on' | 'forced'
  /** Rows that are there; undefined where the connection cannot see them all. */
  readonly rows: number | undefined
  /** How many rows were made for the trial, where the table has none; what is reached are those. */
  readonly made?: number
  readonly tenantColumn: string | undefined
  readonly notes: readonly string[]
  readonly lines: readonly Line[]
}

/** All of it. */
export interface Matrix {
  readonly version: 1
  readonly database: string
  readonly server: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly seconds: number
  readonly mode: 'tried' | 'read-only'
  readonly subjects: readonly Subject[]
  /** How identities, tenants and claims were found. */
  readonly notes: readonly string[]
  readonly tables: readonly TableMatrix[]
}

/** The sum of a tally. */
export function total(tally: RowTally): number {
  return owners.reduce((sum, whose) => sum + (tally[whose] ?? 0), 0)
}

/** The same tally, with only what there is of. */
export function withoutZeros(tally: RowTally): RowTally {
  return Object.fromEntries(Object.entries(tally).filter(([, count]) => count > 0))
}

/**
 * The access that a cell gives, in words that do not change with the number of rows: whose rows (`own`, `other`,
 * `shared`, `any`) and `move`; else the verdict.
 *
 * @example
 * const { tables } = await drawMatrix(client)
 * for (const { name, lines } of tables) for (const { subject, cells } of lines) console.log(name, subject, toAccess(cells.select))
 */
export function toAccess(cell: Cell): readonly string[] {
  const words: string[] = owners.filter((whose) => (cell.reached[whose] ?? 0) > 0)
  if (cell.move === 'done' || cell.move === 'constraint') words.push('move')
  if (cell.verdict === 'untried') return [...words, 'untried']
  return words.length > 0 ? words : [cell.verdict]
}
