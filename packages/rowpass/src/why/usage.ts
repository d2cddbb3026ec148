/**
 * What a statement does with relations and columns: the shapes that reading one gives.
 */
import type { Command } from '../access/catalog/catalog.ts'
import type { Action } from '../access/policies.ts'
import type { TreeNode } from '../statement/parser.ts'

/** Kinds of statement that can be explained. */
export type StatementCommand = Command | 'merge'

/** One mention of a relation. */
export interface Use {
  readonly schema: string | undefined
  readonly name: string
  /** How the statement calls it. */
  readonly alias: string
  readonly actions: Set<Action>
  /** Columns that INSERT names; `undefined` stands for all of them. */
  insertColumns: string[] | undefined
  /** Columns after SET. */
  readonly updateColumns: Set<string>
  /** The statement's own target, or the only relation of its FROM: its WHERE chooses the rows of this one alone. */
  outermost: boolean
  /** Whether columns are read in a way that names none of them, as `ON CONFLICT ON CONSTRAINT` does. */
  readsUnnamed: boolean
  /** RETURNING of the statement that it is the target of. */
  returning: boolean
  /** ON CONFLICT of the statement that it is the target of. */
  conflict: 'nothing' | 'update' | undefined
}

/** What a name before a dot, or a column without one, may stand for. */
export interface ScopeItem {
  readonly alias: string
  readonly use: Use | undefined
  /** Columns of what is no relation; undefined when they cannot be told. */
  readonly columns: readonly string[] | undefined
}

/** The FROM list around an expression. */
export interface Scope {
  readonly parent: Scope | undefined
  readonly items: ScopeItem[]
}

/** A column that is mentioned: `a`, `t.a`, `t.*`; a star is the name `*`. */
export interface Mention {
  readonly scope: Scope
  readonly path: readonly string[]
  /** Whether RETURNING mentions it. */
  readonly returning?: true
}

/** A statement, read. */
export interface ParsedStatement {
  readonly command: StatementCommand
  readonly tree: TreeNode
  readonly uses: readonly Use[]
  readonly mentions: readonly Mention[]
  /** Functions that are called by name: schema and name, or the name alone. */
  readonly functions: readonly (readonly string[])[]
  /** Whether a WITH clause changes rows, so that no cursor can run it. */
  readonly changesInWith: boolean
  /** Whether the outermost level has a WITH clause. */
  readonly hasWith: boolean
  /** The outermost SELECT or its like reads rows of FROM as they are: no UNION, and one level of FROM. */
  readonly scope: Scope
}
