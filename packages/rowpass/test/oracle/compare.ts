/**
 * Whether what was answered is the same.
 */
import type { Answer, Outcome, State } from './stage.ts'

/** How a statement ended. */
export type Ending = 'rows' | 'error' | 'refused' | 'slow'

/** One difference, in words. */
export interface Difference {
  readonly kind: 'hidden rows' | 'model' | 'effect'
  readonly text: string
  /** The same rows in another order, where SQL says nothing of their order. */
  readonly onlyOrder?: boolean
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
  readonly position?: string | null
  readonly results?: readonly Result[]
}

const parse = ({ body }: Answer): Result => JSON.parse(body) as Result

export function endingOf(answer: Answer): Ending {
  if (answer.status === 200) return 'rows'
  const { code, hint } = parse(answer)
  if (code === '57014') return 'slow'
  return /^(statement_refused|response_too_large)/.test(hint ?? '') ? 'refused' : 'error'
}

/** Byte for byte. */
export function compareAnswers(one: Answer, other: Answer, ordered: readonly boolean[]): Difference | undefined {
  if (one.status === other.status && one.body === other.body) return undefined
  const text = `with other hidden rows the answer differs:\n  ${one.body}\n  ${other.body}`
  return { kind: 'hidden rows', text, onlyOrder: inAnyOrder(one, ordered) === inAnyOrder(other, ordered) }
}

const multiset = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

function inAnyOrder(answer: Answer, ordered: readonly boolean[]): string {
  const body = parse(answer)
  const results = (body.results ?? [body]).map((result, index) =>
    ordered[index] === true ? result : { ...result, rows: multiset(result.rows ?? []) },
  )
  return JSON.stringify([answer.status, results])
}

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

/** What is in the tables afterwards. Secret rows stay as they were; the others are the same in all databases. */
export function compareStates(before: readonly State[], after: readonly State[]): Difference | undefined {
  const names = ['the first database', 'the second database', 'the model']
  for (const [index, state] of after.entries()) {
    for (const [column, text] of state.entries()) {
      const isSecret = column % 2 === 1
      const expected = isSecret ? before[index]?.[column] : after.at(-1)?.[column]
      if (text !== expected) {
        return {
          kind: 'effect',
          text: `${isSecret ? 'hidden rows' : 'rows'} of ${names[index]} differ:\n  ${expected}\n  ${text}`,
        }
      }
    }
  }
  return undefined
}

/**
 * The class of an error, such as `22` for values; undefined when there is none. A syntax error without a place in the
 * text is one of a value: `int4range(1, 2, 'x')` says 42601 of its third.
 */
export function errorClassOf(answer: Answer | Outcome): string | undefined {
  const { code = '', position } = 'kind' in answer ? (answer.kind === 'error' ? answer : {}) : parse(answer)
  if ('kind' in answer ? answer.kind !== 'error' : answer.status === 200) return undefined
  return code === '42601' && !position ? '22' : code.slice(0, 2)
}
