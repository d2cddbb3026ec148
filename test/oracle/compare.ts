/**
 * Whether what was answered is the same.
 */
import type { Answer, Outcome, State } from './stage.ts'

/** How a statement ended. */
export type Ending = 'rows' | 'error' | 'refused' | 'slow' | 'tie'

/** One difference, in words. */
export interface Difference {
  readonly kind: 'hidden rows' | 'model' | 'effect'
  readonly text: string
}

/** The members of an answer that are compared. */
interface Result {
  readonly command?: string
  readonly rowCount?: number
  readonly rows?: readonly (readonly (string | null)[])[]
  readonly fields?: readonly { readonly name: string; readonly dataTypeID: number }[]
  readonly code?: string
  readonly message?: string
  readonly hint?: string | null
  readonly results?: readonly Result[]
}

const parse = ({ body }: Answer): Result => JSON.parse(body) as Result

export function endingOf(answer: Answer): Ending {
  if (answer.status === 200) return 'rows'
  const { code, hint } = parse(answer)
  if (code === '57014') return 'slow'
  return hint?.startsWith('statement_refused') === true ? 'refused' : 'error'
}

/** Everything but the time, byte for byte; rows that have no order are sorted first. */
export function compareAnswers(one: Answer, other: Answer, ordered: readonly boolean[]): Difference | undefined {
  if (one.status === other.status && one.body === other.body) return undefined
  if (one.status === 200 && other.status === 200 && ordered.includes(false)) {
    if (sortRows(parse(one), ordered) === sortRows(parse(other), ordered)) return undefined
  }
  return { kind: 'hidden rows', text: `with other hidden rows the answer differs:\n  ${one.body}\n  ${other.body}` }
}

function sortRows(answer: Result, ordered: readonly boolean[]): string {
  const results = answer.results ?? [answer]
  const sorted = results.map((result, index) =>
    ordered[index] === true ? result : { ...result, rows: multiset(result.rows ?? []) },
  )
  return JSON.stringify({ ...answer, rows: undefined, results: sorted })
}

const multiset = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

/** Rows, counts, names and types of columns; of an error its code. */
export function compareModel(answer: Answer, outcome: Outcome, ordered: readonly boolean[]): Difference | undefined {
  const body = parse(answer)
  if (outcome.kind === 'error') {
    if (answer.status !== 200 && body.code === outcome.code) return undefined
    return {
      kind: 'model',
      text: `the model fails with ${outcome.code} (${outcome.message}), the gateway says:\n  ${answer.body}`,
    }
  }
  const expected = outcome.results.map(({ command, rowCount, rows, fields }, index) => ({
    command,
    rowCount,
    fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
    rows: ordered[index] === true ? rows : multiset(rows),
  }))
  const got = (body.results ?? [body]).map(({ command, rowCount, rows = [], fields = [] }, index) => ({
    command,
    rowCount,
    fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
    rows: ordered[index] === true ? rows : multiset(rows),
  }))
  if (answer.status === 200 && JSON.stringify(expected) === JSON.stringify(got)) return undefined
  return {
    kind: 'model',
    text: `the model says:\n  ${JSON.stringify(expected)}\nthe gateway:\n  ${answer.status === 200 ? JSON.stringify(got) : answer.body}`,
  }
}

/** What is in the tables afterwards. The second database differs from the first in its fillers only, which nobody changes. */
export function compareStates(before: readonly State[], after: readonly State[]): Difference | undefined {
  const names = ['the first database', 'the second database', 'the model']
  for (const [index, state] of after.entries()) {
    for (const [column, text] of state.entries()) {
      const isFiller = column % 2 === 1
      const expected = isFiller ? before[index]?.[column] : after[2]?.[column]
      if (text !== expected) {
        return {
          kind: 'effect',
          text: `${isFiller ? 'hidden rows' : 'rows'} of ${names[index]} differ:\n  ${expected}\n  ${text}`,
        }
      }
    }
  }
  return undefined
}

/** Errors of values, such as a division by zero: which row meets one first, if any does, is a matter of the plan. */
const dataError = /^22/

export function isDataError(answer: Answer | Outcome): boolean {
  if ('kind' in answer) return answer.kind === 'error' && dataError.test(answer.code)
  return answer.status !== 200 && dataError.test(parse(answer).code ?? '')
}

/** Whether the model gave the same answer under some plan, so that rows in sight explain it. */
export function isAmong(answer: Answer, outcomes: readonly Outcome[], ordered: readonly boolean[]): boolean {
  return outcomes.some((outcome) => {
    if (compareModel(answer, outcome, ordered) !== undefined) return false
    return outcome.kind === 'results' || outcome.message === parse(answer).message
  })
}
