/**
 * Compares two states of a database: who gains or loses which rows, what may be written, and what the doctor says of it.
 */
import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { findComparedColumns } from '../access/claims.ts'
import { findMemberships } from '../access/memberships.ts'
import { inTrial } from '../access/trial.ts'
import { withConnection } from '../database/connect.ts'
import type { Finding, Level } from '../doctor/finding.ts'
import { runDoctor } from '../doctor/run.ts'
import { Failure } from '../errors.ts'
import type { Subject } from '../matrix/cell.ts'
import { findSubjects, type SubjectOptions } from '../matrix/subjects.ts'
import { mostUsed, tenantMemberships } from '../matrix/tenancy.ts'
import { withSteadyName } from '../scratch/server.ts'
import { loadParser } from '../statement/parser.ts'
import { compareColumns, compareWrites, type RightShift } from './rights.ts'
import { compareRows, type Incomparable, type RowShift } from './row-changes.ts'
import { openState, roleOf, type State } from './state.ts'

/** A finding of the doctor that comes or goes. */
export interface FindingChange {
  readonly key: string
  readonly code: string
  readonly level: Level
  readonly says: string
}

/** What a change does to access. */
export interface AccessReview {
  readonly subjects: readonly Subject[]
  /** Tables that were compared. */
  readonly tables: number
  /** Whether any of them has a row; where none has, nothing can be told of rows. */
  readonly hasRows: boolean
  readonly rows: readonly RowShift[]
  readonly rights: readonly RightShift[]
  readonly findings: { readonly found: readonly FindingChange[]; readonly gone: readonly FindingChange[] }
  /** Names of tables of one state only. */
  readonly newTables: readonly string[]
  readonly droppedTables: readonly string[]
  /** Changes of roles that were not made, as roles belong to the server and so to both states. */
  readonly uncompared: readonly string[]
  readonly notes: readonly string[]
  readonly seconds: number
}

/** What is compared. */
export interface ReviewOptions extends SubjectOptions {
  /** URL of the owner or a superuser, of the state before. */
  readonly beforeUrl: string
  /** The same of the state after. */
  readonly afterUrl: string
  /** Whether tables may be locked and policies be dropped for a moment, in what is rolled back: not where others work. */
  readonly alone: boolean
  /** What the change does to roles, which both states share. */
  readonly uncompared?: readonly string[]
  /** Keeps values of keys of rows that are gained or lost. Default false. */
  readonly reveal?: boolean
  /** For each statement. Default 60,000 ms. */
  readonly timeoutMs?: number
  readonly onProgress?: (text: string) => void
  /** Default `performance.now`. */
  readonly now?: () => number
}

const defaultTimeoutMs = 60_000
const maxSubjects = 20

/**
 * Reviews a change: tries in both states what each identity reaches, in transactions that are rolled back.
 *
 * Rows are compared by their keys, as far as both states have them: a row that only one of them has is told apart from
 * access to rows that were there all along. INSERT, and UPDATE that gives rows away, are compared by what `drawMatrix` tries.
 *
 * Does NOT see what nobody among the identities and no row that is there shows: both states are compared on the same rows.
 *
 * @throws Failure `input_invalid` where nobody can be found to try as, see `findSubjects`
 * @throws Failure `database_unavailable`, `server_unsupported`, `owner_powerless`
 * @example
 * const { rows } = await reviewChange({ beforeUrl, afterUrl, alone: true })
 * const gains = rows.filter(({ gained }) => gained > 0)
 */
export async function reviewChange(options: ReviewOptions): Promise<AccessReview> {
  const { beforeUrl, afterUrl, onProgress, now = () => performance.now() } = options
  const startedAt = now()
  const { subjects, compared, notes } = await withConnection(beforeUrl, (before) =>
    withConnection(afterUrl, (after) => compareStates(before, after, options)),
  )
  onProgress?.('what may be written')
  const writes = await compareWrites(
    { ...options, timeoutMs: options.timeoutMs ?? defaultTimeoutMs },
    compared.people,
    compared.rows,
  )
  onProgress?.('the doctor')
  const findings = await compareFindings(options)
  return {
    subjects,
    tables: compared.tables,
    hasRows: compared.hasRows,
    rows: compared.rows,
    rights: [...writes.rights, ...compared.columns],
    findings,
    newTables: compared.newTables,
    droppedTables: compared.droppedTables,
    uncompared: options.uncompared ?? [],
    notes: [...notes, ...writes.notes],
    seconds: (now() - startedAt) / 1000,
  }
}

/** Whether somebody may see or do what they might not before, or whether that cannot be told. */
export function isGain({ rows, rights, uncompared }: Pick<AccessReview, 'rows' | 'rights' | 'uncompared'>): boolean {
  return rows.some(({ gained }) => gained > 0) || rights.some(({ gained }) => gained) || uncompared.length > 0
}

/** Whether nobody reaches other rows, or may write otherwise; what the doctor finds is another question. */
export function isNeutral({
  rows,
  rights,
  uncompared,
  hasRows,
}: Pick<AccessReview, 'rows' | 'rights' | 'uncompared' | 'hasRows'>): boolean {
  return hasRows && rows.length + rights.length + uncompared.length === 0
}

interface Compared {
  readonly tables: number
  readonly hasRows: boolean
  readonly rows: RowShift[]
  readonly columns: RightShift[]
  readonly newTables: string[]
  readonly droppedTables: string[]
  /** Those whose role is there, as `drawMatrix` takes them. */
  readonly people: { readonly before: string; readonly after: string }
}

async function compareStates(
  before: pg.ClientBase,
  after: pg.ClientBase,
  options: ReviewOptions,
): Promise<{ subjects: Subject[]; compared: Compared; notes: string[] }> {
  const { timeoutMs = defaultTimeoutMs, alone, reveal = false, onProgress } = options
  const limits = { repeatable: true, statementMs: timeoutMs, lockMs: 10_000, idleMs: 0 }
  const seed = randomBytes(8).readBigInt64BE().toString()
  return inTrial(before, limits, () =>
    inTrial(after, limits, async () => {
      const [old, next] = [await openState(before, seed, alone), await openState(after, seed, alone)]
      const { subjects, notes } = await unite(old, next, options)
      const progress = onProgress && { onProgress }
      const { changes, incomparable, rows } = await compareRows(old, next, {
        subjects,
        mayTryPolicies: alone,
        reveal,
        ...progress,
      })
      const names = [...new Set([...old.tables.keys(), ...next.tables.keys()])]
      const compared: Compared = {
        tables: names.length,
        rows: changes,
        hasRows: rows > 0,
        columns: compareColumns(old, next, subjects),
        newTables: names.filter((name) => !old.tables.has(name)).sort(),
        droppedTables: names.filter((name) => !next.tables.has(name)).sort(),
        people: { before: peopleIn(old, subjects), after: peopleIn(next, subjects) },
      }
      return { subjects, compared, notes: [...notes, ...incomparable.map(toNote)] }
    }),
  )
}

function peopleIn(state: State, subjects: readonly Subject[]): string {
  return JSON.stringify(subjects.filter((subject) => roleOf(state, subject) !== undefined))
}

function toNote({ subject, table, command, says }: Incomparable): string {
  return `${subject}: ${command.toUpperCase()} on ${table} ${says}.`
}

/** Identities of both states: those that only the new one's policies know count as well. */
async function unite(
  before: State,
  after: State,
  options: SubjectOptions,
): Promise<{ subjects: Subject[]; notes: string[] }> {
  const found: Subject[] = []
  const notes = new Set<string>()
  const parser = await loadParser()
  let failure: unknown
  for (const state of [before, after]) {
    try {
      const { client, database, carrier } = state
      const compared = findComparedColumns(database, parser, carrier)
      const memberships = tenantMemberships(database, findMemberships(database, parser, carrier), compared)
      const [membership] = mostUsed(memberships)
      const { subjects, notes: says } = await findSubjects(client, { database, carrier, membership }, options)
      for (const each of says) notes.add(each)
      for (const subject of subjects) {
        const same = ({ role, claims }: Subject) =>
          role === subject.role && JSON.stringify(claims) === JSON.stringify(subject.claims)
        if (found.some(same)) continue
        const isTaken = found.some(({ name }) => name === subject.name)
        found.push(isTaken ? { ...subject, name: `${subject.name} (${found.length + 1})` } : subject)
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      failure ??= error
    }
  }
  if (found.length === 0) throw failure ?? new Failure('input_invalid', { detail: 'there is nobody to try as' })
  return { subjects: found.slice(0, maxSubjects), notes: [...notes] }
}

async function compareFindings({ beforeUrl, afterUrl }: ReviewOptions): Promise<AccessReview['findings']> {
  const was = await findingsIn(beforeUrl)
  const is = await findingsIn(afterUrl)
  return { found: missingIn(was, is), gone: missingIn(is, was) }
}

async function findingsIn(url: string): Promise<readonly Finding[]> {
  const { findings } = await runDoctor({ databaseUrl: url })
  return withSteadyName(findings, url)
}

function missingIn(known: readonly Finding[], findings: readonly Finding[]): FindingChange[] {
  const keys = new Set(known.map(({ key, level }) => `${level} ${key}`))
  return findings
    .filter(({ key, level }) => !keys.has(`${level} ${key}`))
    .map(({ key, code, level, says }) => ({ key, code, level, says }))
}
