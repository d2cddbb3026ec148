/**
 * People for a file of identities: sampled where the database has some, else made up of the claims that its policies read.
 */
import type pg from 'pg'
import { findComparedColumns, toClaims } from '../access/claims.ts'
import { readDatabase } from '../access/database.ts'
import { detectCarrier } from '../access/identity.ts'
import { findMemberships } from '../access/memberships.ts'
import { inTrial } from '../access/trial.ts'
import { Failure } from '../errors.ts'
import { findSubjects } from '../matrix/subjects.ts'
import { mostUsed, tenantMemberships } from '../matrix/tenancy.ts'
import { loadParser } from '../statement/parser.ts'

/** An identity, as files of identities have it. */
export interface PersonEntry {
  readonly name: string
  readonly role: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** Who was found, and how. */
export interface FoundPeople {
  readonly identities: readonly PersonEntry[]
  readonly says: string
}

const limits = { statementMs: 10_000, lockMs: 1_000, idleMs: 60_000, readOnly: true }
const usualRole = 'authenticated'

/** Finds them. Reads no names or addresses: of people who are there the file has ids, and what policies compare. */
export async function findPeople(client: pg.ClientBase): Promise<FoundPeople> {
  return inTrial(client, limits, async () => {
    const carrier = await detectCarrier(client)
    const database = await readDatabase(client)
    const parser = await loadParser()
    const compared = findComparedColumns(database, parser, carrier)
    const [membership] = mostUsed(tenantMemberships(database, findMemberships(database, parser, carrier), compared))
    const sampled = await findSubjects(client, { database, carrier, membership }, {}).catch((error: unknown) => {
      // No policy names a role.
      if (error instanceof Failure && error.code === 'input_invalid') return undefined
      throw error
    })
    const people = sampled?.subjects.filter(({ claims }) => Object.keys(claims).length > 0) ?? []
    if (people.length > 0) {
      const identities = people.map(({ name, role, claims }) => ({ name, role, claims }))
      return { identities, says: `${people.length} people of the database, by id` }
    }
    const role = database.access.requests.signedIn?.name ?? usualRole
    const claims = new Map([['sub', 'uuid'], ...compared.map(({ claim, column }) => [claim, column.type] as const)])
    const identities = ['one', 'other'].map((name, at) => ({
      name,
      role,
      claims: toClaims([...claims].map(([claim, type]) => [claim, madeUp(type, at + 1)] as const)),
    }))
    return { identities, says: 'two people are made up: put in those of your seed' }
  })
}

function madeUp(type: string, number: number): string {
  if (type === 'uuid') return `00000000-0000-4000-8000-00000000000${number}`
  return /^(small|big)?int(eger)?\d?$/.test(type) ? String(number) : `value-${number}`
}
