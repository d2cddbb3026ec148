/**
 * Which rows each identity gains or loses between two states, and by which policy.
 */
import type { Subject } from '../matrix/cell.ts'
import { grantsOf, type Table } from '../matrix/table.ts'
import { type Deed, decide, hashesAs, permissive, reasonFor, stoppers, type TablePair } from './deciders.ts'
import {
  asIdentity,
  findKeys,
  type KeyedTable,
  prepareViews,
  type RowCommand,
  type RowSet,
  readRows,
  roleOf,
  type State,
  takeSamples,
} from './state.ts'

/** What changes for one identity, one table and one command. */
export interface RowShift {
  readonly subject: string
  readonly role: string
  readonly table: string
  readonly command: RowCommand
  /** Rows of both states that are reached in the new one only. */
  readonly gained: number
  /** Rows of both states that are reached in the old one only. */
  readonly lost: number
  /** Rows of the new state alone that are reached; no gain of access, as they were not there. */
  readonly fresh: number
  /** Rows of the old state alone that were reached. */
  readonly gone: number
  /** False where there are so many rows that only their numbers were compared: then the figures are at least that. */
  readonly exact: boolean
  /** Policies that let the rows through, in the new state for a gain, in the old one for a loss. */
  readonly through: readonly string[]
  /** Why none is asked there. */
  readonly reason?: string
  /** Restrictive policies of the new state that stop what is lost. */
  readonly stoppedBy: readonly string[]
  /** Hashes of the gained rows, then of the lost ones, some of them. */
  readonly keys: { readonly gained: readonly RowKey[]; readonly lost: readonly RowKey[] }
}

/** A row. */
export interface RowKey {
  /** From the run's own seed: tells which rows of a report are the same, and nothing else. */
  readonly hash: string
  /** Where values were asked for. */
  readonly value?: string
}

/** What could not be compared. */
export interface Incomparable {
  readonly subject: string
  readonly table: string
  readonly command: RowCommand
  readonly says: string
}

/** How it is compared. */
export interface RowOptions {
  readonly subjects: readonly Subject[]
  /** Whether policies may be dropped for a moment to see which one decides. */
  readonly mayTryPolicies: boolean
  /** Whether values of keys may be kept. */
  readonly reveal: boolean
  readonly onProgress?: (text: string) => void
}

const commands: readonly RowCommand[] = ['select', 'update', 'delete', 'insert', 'change']
const maxHashes = 250_000
const maxKeys = 5

/** Compares all tables for all identities. */
export async function compareRows(
  before: State,
  after: State,
  options: RowOptions,
): Promise<{ changes: RowShift[]; incomparable: Incomparable[]; rows: number }> {
  const names = [...new Set([...before.tables.keys(), ...after.tables.keys()])].sort()
  const pairs = names.map((name) => ({ name, before: before.tables.get(name), after: after.tables.get(name) }))
  const { subjects } = options
  const sides = [before, after] as const
  for (const state of sides) {
    const known = subjects.filter((subject) => roleOf(state, subject) !== undefined)
    const roles = [...new Set(known.map(({ role }) => role))]
    const keyed = pairs.flatMap((pair) =>
      roles.flatMap((role) => keyOf(pair, role, state === before ? pair.before : pair.after) ?? []),
    )
    if (roles.length > 0) {
      await prepareViews(state, keyed, roles)
      await takeSamples(state, keyed, roles)
    }
  }
  const comparison: Comparison = { before, after, options }
  const [changes, incomparable]: [RowShift[], Incomparable[]] = [[], []]
  for (const [index, subject] of subjects.entries()) {
    options.onProgress?.(`${subject.name}, ${index + 1} of ${subjects.length}, on ${pairs.length} tables`)
    const was = await measure(before, pairs, 'before', subject)
    const is = await measure(after, pairs, 'after', subject)
    for (const pair of pairs) {
      for (const command of commands) {
        const [old, now] = [was.get(`${pair.name} ${command}`), is.get(`${pair.name} ${command}`)]
        const found = await judge(comparison, { pair, subject, command, old, now })
        if (found === undefined) continue
        if ('says' in found) incomparable.push(found)
        else changes.push(found)
      }
    }
  }
  return { changes, incomparable, rows: (await countRows(before)) + (await countRows(after)) }
}

/** Rows among the samples: none where no table has a row. */
async function countRows({ client, samples }: State): Promise<number> {
  let all = 0
  for (const sample of samples.values()) {
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${sample}`)
    all += rows[0]?.n ?? 0
  }
  return all
}

interface Comparison {
  readonly before: State
  readonly after: State
  readonly options: RowOptions
}

interface Case extends Deed {
  readonly old: RowSet | undefined
  readonly now: RowSet | undefined
}

async function measure(
  state: State,
  pairs: readonly TablePair[],
  side: 'before' | 'after',
  subject: Subject,
): Promise<Map<string, RowSet>> {
  const sets = new Map<string, RowSet>()
  if (roleOf(state, subject) === undefined) return sets
  await asIdentity(state, subject, async () => {
    for (const pair of pairs) {
      const keyed = keyOf(pair, subject.role, pair[side])
      if (keyed === undefined) continue
      for (const command of commands)
        sets.set(`${pair.name} ${command}`, await readRows(state, keyed, command, subject.role))
    }
  })
  return sets
}

/**
 * The columns that tell rows apart, the same in both states: the primary key where it can be read, else all columns that
 * can. Undefined where the table is not in the state, or nothing of it can be read.
 */
function keyOf({ before, after }: TablePair, role: string, table: Table | undefined): KeyedTable | undefined {
  if (table === undefined || !grantsOf(table, role).usage || grantsOf(table, role).select.length === 0) return undefined
  const both = [before, after].filter((each) => each !== undefined)
  const readable = both.map((each) => {
    const granted = grantsOf(each, role).select
    // A side that is closed does not narrow what the other one is told by.
    return granted.length > 0 ? granted : each.columns.map(({ name }) => name)
  })
  const shared = readable.reduce((a, b) => a.filter((name) => b.includes(name)))
  const [primary] = (before ?? table).keys
  const hasPrimary = primary?.columns.every((name) => shared.includes(name)) === true
  const key = hasPrimary ? primary.columns : shared.toSorted()
  return key.length === 0 ? undefined : { table, key }
}

async function judge(comparison: Comparison, each: Case): Promise<RowShift | Incomparable | undefined> {
  const { pair, subject, command, old, now } = each
  const names = { subject: subject.name, table: pair.name, command }
  if (old?.kind === 'failed' || now?.kind === 'failed') {
    if (old?.kind === now?.kind) return undefined
    const [failed, when] = old?.kind === 'failed' ? [old, 'before'] : [now, 'after']
    return { ...names, says: `fails ${when} the change: ${failed?.kind === 'failed' ? failed.message : ''}` }
  }
  const [a, b] = [old?.kind === 'rows' ? old : nothing, now?.kind === 'rows' ? now : nothing]
  if (a.count === b.count && a.sum === b.sum) return undefined
  return describe(comparison, each, a, b)
}

const nothing = { kind: 'rows', count: 0, sum: '0' } as const

async function describe(
  comparison: Comparison,
  each: Case,
  old: Extract<RowSet, { kind: 'rows' }>,
  now: Extract<RowSet, { kind: 'rows' }>,
): Promise<RowShift> {
  const { before, after, options } = comparison
  const { pair, subject, command } = each
  const [was, is] = [keyOf(pair, subject.role, pair.before), keyOf(pair, subject.role, pair.after)]
  const names = { subject: subject.name, role: subject.role, table: pair.name, command }
  const exact = old.count <= maxHashes && now.count <= maxHashes
  const oldHashes = exact && was && old.count > 0 ? await hashesAs(before, was, command, subject) : []
  const nowHashes = exact && is && now.count > 0 ? await hashesAs(after, is, command, subject) : []
  if (!exact || oldHashes === undefined || nowHashes === undefined) {
    const [gained, lost] = [Math.max(0, now.count - old.count), Math.max(0, old.count - now.count)]
    const [state, table] = gained > 0 ? ([after, pair.after] as const) : ([before, pair.before] as const)
    const through = permissive(table, subject, command).map(({ name }) => name)
    const why = reasonFor(state, table, subject)
    const rest = { fresh: 0, gone: 0, exact: false, stoppedBy: [], keys: { gained: [], lost: [] } }
    return { ...names, gained, lost, ...rest, ...(why === undefined ? { through } : { through: [], reason: why }) }
  }
  const added = minus(nowHashes, oldHashes)
  const removed = minus(oldHashes, nowHashes)
  const [gained, fresh] = await split(before, was ?? inOther(pair.before, is), added)
  const [lost, gone] = await split(after, is ?? inOther(pair.after, was), removed)
  const decided =
    gained.length > 0 || lost.length === 0
      ? await decide(after, is, each, gained.length > 0 ? gained : fresh, options)
      : await decide(before, was, each, lost, options)
  const keys = {
    gained: await describeKeys(after, is, gained, options.reveal),
    lost: await describeKeys(before, was, lost, options.reveal),
  }
  const counts = { gained: gained.length, lost: lost.length, fresh: fresh.length, gone: gone.length }
  return {
    ...names,
    ...counts,
    exact: true,
    ...decided,
    stoppedBy: lost.length > 0 ? stoppers(each, before, after) : [],
    keys,
  }
}

/** The table of the other side by the same key, where somebody may read only one of them. */
function inOther(table: Table | undefined, keyed: KeyedTable | undefined): KeyedTable | undefined {
  return table === undefined || keyed === undefined ? undefined : { table, key: keyed.key }
}

/** Parts rows that are in the other state as well from those that are not. */
async function split(
  other: State,
  keyed: KeyedTable | undefined,
  hashes: readonly string[],
): Promise<readonly [there: string[], missing: string[]]> {
  if (hashes.length === 0) return [[], []]
  if (keyed === undefined) return [[], [...hashes]]
  const found = await findKeys(other, keyed, hashes)
  // What cannot be told is taken for a row of both.
  if (found === undefined) return [[...hashes], []]
  return [hashes.filter((hash) => found.has(hash)), hashes.filter((hash) => !found.has(hash))]
}

/** What is in one list more often than in the other. */
function minus(list: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const each of other) counts.set(each, (counts.get(each) ?? 0) + 1)
  return list.filter((each) => {
    const left = counts.get(each) ?? 0
    if (left > 0) counts.set(each, left - 1)
    return left === 0
  })
}

async function describeKeys(
  state: State,
  keyed: KeyedTable | undefined,
  hashes: readonly string[],
  reveal: boolean,
): Promise<RowKey[]> {
  const some = hashes.slice(0, maxKeys)
  if (keyed === undefined || some.length === 0) return []
  const values = reveal ? await findKeys(state, keyed, some) : undefined
  return some.map((hash) => {
    const value = values?.get(hash)
    return {
      hash: BigInt.asUintN(64, BigInt(hash)).toString(16).padStart(16, '0'),
      ...(value !== undefined && { value }),
    }
  })
}
