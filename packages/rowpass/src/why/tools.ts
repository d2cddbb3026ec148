/**
 * What trying policies and taking them apart needs.
 */
import type pg from 'pg'
import type { Parser } from '../statement/parser.ts'
import type { TrialIdentity } from './session.ts'
import type { ParsedStatement } from './usage.ts'

/** What taking expressions apart needs. */
export interface Tools {
  readonly client: pg.ClientBase
  readonly parser: Parser
  /** The role of the identity. */
  readonly role: string
  readonly setting: TrialIdentity
  /** Whether expressions are taken apart. */
  readonly parts: boolean
}

/** What trying needs. */
export interface TryTools extends Tools {
  readonly statement: ParsedStatement
  /** Without parameters. */
  readonly sql: string
  /** Whether values of hidden rows may be shown. */
  readonly reveal: boolean
}
