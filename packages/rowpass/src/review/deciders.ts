/**
 * Which policy decides on rows that somebody gains or loses.
 */
import type { Command, Policy } from '../access/catalog/catalog.ts'
import type { Subject } from '../matrix/cell.ts'
import { grantsOf, type Table } from '../matrix/table.ts'
import {
  asIdentity,
  isPastPolicies,
  type KeyedTable,
  type RowCommand,
  readHashes,
  roleOf,
  type State,
  withoutPolicies,
} from './state.ts'

/** Both sides of one table; undefined where a state has none. */
export interface TablePair {
  readonly name: string
  readonly before: Table | undefined
  readonly after: Table | undefined
}

/** What one identity does with one table. */
export interface Deed {
  readonly pair: TablePair
  readonly subject: Subject
  readonly command: RowCommand
}

/** The permissive policies that let rows through by themselves. */
export async function decide(
  state: State,
  keyed: KeyedTable | undefined,
  { pair, subject, command }: Deed,
  hashes: readonly string[],
  { mayTryPolicies }: { readonly mayTryPolicies: boolean },
): Promise<{ through: readonly string[]; reason?: string }> {
  const table = keyed?.table ?? state.tables.get(pair.name)
  const reason = reasonFor(state, table, subject)
  if (reason !== undefined) return { through: [], reason }
  const candidates = permissive(table, subject, command)
  const all = { through: candidates.map(({ name }) => name) }
  if (!mayTryPolicies || keyed === undefined || candidates.length < 2) return all
  const wanted = new Set(hashes)
  const through: string[] = []
  for (const policy of candidates) {
    const others = candidates.filter((each) => each !== policy)
    const reached =
      command === 'insert' || command === 'change'
        ? await hashesAs(state, onlyWith(keyed, subject.role, others), command, subject)
        : await withoutPolicies(state, keyed.table, others, () => hashesAs(state, keyed, command, subject))
    if (reached?.some((hash) => wanted.has(hash))) through.push(policy.name)
  }
  return through.length > 0 ? { through } : all
}

/** The table without some of its policies, for what asks their texts. */
function onlyWith({ table, key }: KeyedTable, role: string, others: readonly Policy[]): KeyedTable {
  const keep = (policies: readonly Policy[]) => policies.filter((each) => !others.includes(each))
  const grants = table.grants.map((each) =>
    each.role === role
      ? {
          ...each,
          policies: { ...each.policies, insert: keep(each.policies.insert), update: keep(each.policies.update) },
        }
      : each,
  )
  return { table: { ...table, grants }, key }
}

/** Why policies of a table are not asked; undefined where they are. */
export function reasonFor(state: State, table: Table | undefined, { role }: Subject): string | undefined {
  if (table === undefined) return undefined
  if (table.kind === 'view' || table.kind === 'materialized view') return `it is a ${table.kind}`
  if (table.rowSecurity === 'off') return 'row-level security is off'
  return isPastPolicies(state, table, role) ? `${role} is past the policies` : undefined
}

function policyCommand(command: RowCommand): Command {
  return command === 'change' ? 'update' : command
}

export function permissive(table: Table | undefined, { role }: Subject, command: RowCommand): readonly Policy[] {
  return table === undefined
    ? []
    : grantsOf(table, role).policies[policyCommand(command)].filter((policy) => policy.permissive)
}

/** Restrictive policies that are new, or say something else than before. */
export function stoppers({ pair, subject, command }: Deed, before: State, after: State): string[] {
  const restrictive = (state: State, table: Table | undefined) =>
    table === undefined || roleOf(state, subject) === undefined
      ? []
      : grantsOf(table, subject.role).policies[policyCommand(command)].filter((policy) => !policy.permissive)
  const known = new Set(restrictive(before, pair.before).map(({ name, using, check }) => `${name} ${using} ${check}`))
  return restrictive(after, pair.after)
    .filter(({ name, using, check }) => !known.has(`${name} ${using} ${check}`))
    .map(({ name }) => name)
}

/** Hashes of rows that an identity reaches. */
export function hashesAs(state: State, keyed: KeyedTable, command: RowCommand, subject: Subject) {
  return asIdentity(state, subject, () => readHashes(state, keyed, command, subject.role))
}
