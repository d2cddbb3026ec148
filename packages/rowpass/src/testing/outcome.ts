/**
 * What becomes of a statement, in one word or number: the cells of an isolation suite.
 */
import { sql } from 'drizzle-orm'
import { refusalOf } from './refusal.ts'
import type { TestPerson } from './tester.ts'

/**
 * The number of rows that were read or changed; `grant` when a privilege is missing; `policy` when a policy refuses a row;
 * `conflict` when a constraint does, to which the policies have let the row in; else the SQLSTATE.
 */
export type Outcome = number | 'grant' | 'policy' | 'conflict' | (string & {})

/**
 * Runs a statement as somebody and says what became of it. Rows are checked by policies before constraints see them.
 *
 * @throws what the statement fails with, when PostgreSQL did not send it
 * @example
 * const outcome = await tester.asUser({ sub: 'ada' }, (ada) => outcomeOf(ada, 'delete from notes'))
 */
export async function outcomeOf(person: Pick<TestPerson, 'db'>, statement: string): Promise<Outcome> {
  try {
    const { rowCount } = await person.db.execute(sql.raw(statement))
    return rowCount ?? 0
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal !== undefined) return refusal.by
    const state = sqlstateIn(error)
    if (state === undefined) throw error
    return state.startsWith('23') ? 'conflict' : state
  }
}

/** The SQLSTATE of an error, also when drizzle-orm has put its own around it; undefined when PostgreSQL sent none. */
export function sqlstateIn(error: unknown): string | undefined {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    if ('code' in each && typeof each.code === 'string' && /^[0-9A-Z]{5}$/.test(each.code)) return each.code
  }
  return undefined
}
