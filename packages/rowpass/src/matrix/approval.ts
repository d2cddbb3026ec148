/**
 * The matrix as people approve it: verdicts and whose rows, no numbers, in a stable order, to be kept in git. And what is
 * different from it today.
 */
import * as z from 'zod'
import { commands } from '../access/catalog/catalog.ts'
import { Failure } from '../errors.ts'
import { type Matrix, toAccess } from './cell.ts'

/** A matrix in words, by table, identity and command; see `toAccess` for the words. */
export interface Approval {
  readonly version: 1
  /** Role of each identity. */
  readonly identities: Readonly<Record<string, string>>
  readonly tables: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>
}

/** One cell that differs. */
export interface Difference {
  /**
   * `new` for access that was not approved; `unverified` where the matrix could not try what was judged before; `less`
   * for access that is gone; `reason` where access is refused for another reason.
   */
  readonly kind: 'new' | 'unverified' | 'less' | 'reason'
  readonly table: string
  readonly identity: string
  readonly command: string
  /** Undefined where the approval does not know the table or the identity. */
  readonly before: string | undefined
  /** Undefined where it was not tried at all. */
  readonly after: string | undefined
}

const accessWords = new Set(['own', 'other', 'shared', 'any', 'move'])

const approvalSchema = z.strictObject({
  version: z.literal(1),
  identities: z.record(z.string(), z.string()),
  tables: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.string()))),
})

/**
 * Puts a matrix in the form that is approved.
 *
 * @example
 * const today = toApproval(await drawMatrix(client))
 * console.log(today.tables['public.notes'])
 */
export function toApproval({ subjects, tables }: Pick<Matrix, 'subjects' | 'tables'>): Approval {
  return {
    version: 1,
    identities: sorted(subjects.map(({ name, role }) => [name, role])),
    tables: sorted(
      tables.map(({ name, lines }) => [
        name,
        sorted(
          lines.map(({ subject, cells }) => [
            subject,
            Object.fromEntries(commands.map((command) => [command, toAccess(cells[command]).join(' ')])),
          ]),
        ),
      ]),
    ),
  }
}

/**
 * As text, to be written to a file.
 *
 * @example
 * writeFileSync('rowpass-matrix.json', printApproval(toApproval(await drawMatrix(client))))
 */
export function printApproval(approval: Approval): string {
  return `${JSON.stringify(approval, null, 2)}\n`
}

/**
 * Parses what {@link printApproval} wrote.
 * @throws Failure `input_invalid`
 * @example
 * const approved = parseApproval(readFileSync('rowpass-matrix.json', 'utf8'))
 */
export function parseApproval(text: string): Approval {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new Failure('input_invalid', { detail: 'the approved matrix is not JSON', cause: error })
  }
  const parsed = approvalSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Failure('input_invalid', { detail: `the approved matrix: ${issue?.path.join('.')}: ${issue?.message}` })
}

/**
 * Compares today's matrix with the approved one; ordered by table, identity and command.
 *
 * @example
 * const today = toApproval(await drawMatrix(client))
 * const approved = parseApproval(readFileSync('rowpass-matrix.json', 'utf8'))
 * for (const { table, identity, command, after } of compareApprovals(approved, today)) console.log(table, identity, command, after)
 */
export function compareApprovals(approved: Approval, today: Approval): Difference[] {
  const tables = union(approved.tables, today.tables)
  return tables.flatMap((table) => {
    const [before = {}, after = {}] = [approved.tables[table], today.tables[table]]
    return union(before, after).flatMap((identity) =>
      commands.flatMap((command) => {
        const [was, is] = [before[identity]?.[command], after[identity]?.[command]]
        const kind = was === is ? undefined : judge(was, is)
        return kind === undefined ? [] : [{ kind, table, identity, command, before: was, after: is }]
      }),
    )
  })
}

/**
 * Whether a difference is one that nobody approved.
 *
 * @example
 * const differences = compareApprovals(approved, toApproval(await drawMatrix(client)))
 * if (differences.some(isAlarming)) process.exitCode = 1
 */
export function isAlarming({ kind }: Difference): boolean {
  return kind === 'new' || kind === 'unverified'
}

function judge(was: string | undefined, is: string | undefined): Difference['kind'] {
  const [before, after] = [new Set(was?.split(' ')), new Set(is?.split(' '))]
  if ([...after].some((word) => accessWords.has(word) && !before.has(word))) return 'new'
  if (after.has('untried') && !before.has('untried')) return 'unverified'
  return [...before].some((word) => accessWords.has(word) && !after.has(word)) ? 'less' : 'reason'
}

function union(one: object, other: object): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].sort()
}

function sorted<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
