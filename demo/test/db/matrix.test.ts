import { sql } from 'drizzle-orm'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import { toFailure } from '../../src/database.ts'
import { type Stack, startStack, type Way, ways } from '../stack.ts'
import { attempts, matrix, type PersonName, parseMatrix as parse, people } from './people.ts'

/** The same attempts once a careless migration has granted every column. */
const widened = `
                                  | david  | neonAdmin | employee | otherAdmin | founder  | claimless | anonymous
  moves David                     | policy | policy    | 0        | 0          | 0        | 0         | grant
  promotes David                  | policy | 1         | 0        | 0          | 0        | 0         | grant
  changes the id of Neon          | 0      | policy    | 0        | 0          | 0        | 0         | grant
  creates a user of a chosen id   | policy | conflict  | policy   | policy     | policy   | policy    | grant
`

for (const way of ways)
  describePg(`the matrix of people and statements, by the way of ${way}`, () => {
    const run = useStack(way)
    it.each(parse(matrix))('SEC-59 a person who %s', (attempt, outcomes) => run(attempt, outcomes))

    it('tries everything that is listed', () => {
      expect(
        parse(matrix)
          .map(([attempt]) => attempt)
          .sort(),
      ).toEqual(Object.keys(attempts).sort())
    })
  })

describePg('the matrix with every column granted', () => {
  const run = useStack('gateway', 'grant all on tenants, users to authenticated')
  it.each(parse(widened))('SEC-54 a person who %s', (attempt, outcomes) => run(attempt, outcomes))
})

/** Starts a stack for the suite; the result tries one line of a matrix and compares all of it at once. */
function useStack(way: Way, before?: string) {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack({}, way)
    if (before === undefined) return
    const owner = new pg.Client(stack.database.ownerUrl)
    await owner.connect()
    await owner.query(before)
    await owner.end()
  })

  afterAll(() => stack.close())

  const outcomeOf = async (person: PersonName, text: string): Promise<string> => {
    const db = await stack.connect(people[person], person === 'anonymous' ? 'anonymous' : 'authenticated')
    try {
      return String((await db.execute(sql.raw(text))).rowCount)
    } catch (error) {
      const { code, cause } = toFailure(error)
      return /^(grant|policy|conflict)/.exec(code)?.[1] ?? `${code}: ${cause}`
    }
  }

  return async (attempt: string, expected: Record<PersonName, string>) => {
    // Whom it is refused goes first: a row that somebody has deleted would be refused to everyone.
    const order = Object.entries(expected) as [PersonName, string][]
    const actual: Partial<Record<PersonName, string>> = {}
    for (const [person] of order.toSorted(([, a], [, b]) => Number(succeeds(a)) - Number(succeeds(b)))) {
      actual[person] = await outcomeOf(person, attempts[attempt]!)
    }
    expect(actual).toEqual(expected)
  }
}

function succeeds(outcome: string): boolean {
  return Number(outcome) > 0
}
