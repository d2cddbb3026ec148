import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { matrix as byHand, neonId, type PersonName, parseMatrix, people } from '../../../../demo/test/db/people.ts'
import type { Command } from '../../src/access/catalog/catalog.ts'
import type { Matrix } from '../../src/matrix/cell.ts'
import { total } from '../../src/matrix/cell.ts'
import { drawMatrix } from '../../src/matrix/draw.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'
import { cellOf } from './scene.ts'

const written = new Map(parseMatrix(byHand))

/** A person as the token of the other suite makes them. */
const identities = JSON.stringify(
  Object.entries(people).map(([name, person]) => ({
    name,
    role: name === 'anonymous' ? 'anonymous' : 'authenticated',
    claims: 'sub' in person ? person : { sub: person.id, tenant_id: person.tenantId, role: person.role },
  })),
)

describePg('the matrix of the demo', () => {
  let database: TestDatabase
  let matrix: Matrix

  beforeAll(async () => {
    database = await createTestDatabase()
    const client = new pg.Client(database.ownerUrl)
    await client.connect()
    matrix = await drawMatrix(client, { file: identities })
    await client.end()
  })
  afterAll(() => database.close())

  /** Rows reached, or why none: in the words of the other suite. */
  const outcomeOf = (table: string, person: string, command: Command): string => {
    const { verdict, reached } = cellOf(matrix, table, person, command)
    return verdict === 'grant' || verdict === 'policy' ? verdict : String(total(reached))
  }

  it.each([
    ['reads tenants', 'public.tenants', 'select'],
    ['reads users', 'public.users', 'select'],
    ['renames every tenant', 'public.tenants', 'update'],
    ['renames everybody', 'public.users', 'update'],
  ] as const)('SEC-59 says of a person who %s what is written by hand', (attempt, table, command) => {
    const actual = Object.keys(people).map((person) => [person, outcomeOf(table, person, command)])
    expect(Object.fromEntries(actual)).toEqual(written.get(attempt))
  })

  it.each([
    ['public.tenants', 'neonAdmin', 'creates Neon again'],
    ['public.tenants', 'david', 'creates Neon again'],
    ['public.tenants', 'founder', 'creates the founded tenant'],
    ['public.users', 'neonAdmin', 'creates a member of Neon'],
    ['public.users', 'david', 'creates a member of Neon'],
    ['public.users', 'otherAdmin', 'creates a member elsewhere'],
    ['public.users', 'founder', 'creates a founding member'],
    ['public.users', 'anonymous', 'creates a member of Neon'],
  ] as const)('says of INSERT into %s by %s what is written by hand: %s', (table, person, attempt) => {
    const { verdict } = cellOf(matrix, table, person, 'insert')
    const words: Partial<Record<typeof verdict, string>> = { rows: '1', constraint: 'conflict' }
    expect(words[verdict] ?? verdict).toBe(written.get(attempt)?.[person])
  })

  it.each(Object.keys(people) as PersonName[])('says what %s can delete as it is written by hand', (person) => {
    const deleted = ['deletes David', 'deletes Mei'].some((attempt) => written.get(attempt)?.[person] === '1')
    const ofNeon = 'tenantId' in people[person] && people[person].tenantId === neonId
    if (ofNeon) expect((cellOf(matrix, 'public.users', person, 'delete').reached.own ?? 0) > 0).toBe(deleted)
    const { verdict } = cellOf(matrix, 'public.tenants', person, 'delete')
    if (written.get('deletes Neon')?.[person] === 'conflict') expect(verdict).toBe('constraint')
    if (written.get('deletes Neon')?.[person] === 'grant') expect(verdict).toBe('grant')
  })

  it('finds rows of another tenant only where people see and leave their own memberships of it', () => {
    const crossing = matrix.tables.flatMap(({ name, lines }) =>
      lines.flatMap(({ cells }) =>
        Object.values(cells)
          .filter(({ crossTenant, verdict }) => crossTenant || verdict === 'untried')
          .map(({ command }) => `${command} ${name}`),
      ),
    )
    expect(new Set(crossing)).toEqual(new Set(['select public.memberships', 'delete public.memberships']))
    expect(cellOf(matrix, 'public.users', 'david', 'update').move).toBe('grant')
  })

  it('counts rows that FORCE hides from their owner, and says how', () => {
    const users = matrix.tables.find(({ name }) => name === 'public.users')!
    expect(users).toMatchObject({ rows: 12, rowSecurity: 'forced', tenantColumn: 'tenant_id' })
    expect(users.notes).toEqual([
      'FORCE was lifted, and the table locked, for the moment in which its rows were counted.',
    ])
  })

  it('SEC-25 shows that nobody reaches the seal keys', () => {
    const { lines } = matrix.tables.find(({ name }) => name === 'rowpass.seal_keys')!
    expect(new Set(lines.flatMap(({ cells }) => Object.values(cells).map(({ verdict }) => verdict)))).toEqual(
      new Set(['grant']),
    )
  })

  it('samples people by itself, without their names, and says from where', async () => {
    const client = new pg.Client(database.ownerUrl)
    await client.connect()
    const sampled = await drawMatrix(client, { tables: ['users'] })
    await client.end()
    expect(sampled.notes[0]).toBe(
      'Identities: sampled from public.users, claims sub from id, tenant_id from tenant_id, role from role, database role authenticated.',
    )
    expect(sampled.subjects.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^admin [0-9a-f]{8} of c2a6db45$/),
      expect.stringMatching(/^member [0-9a-f]{8} of c2a6db45$/),
      expect.stringMatching(/^admin 60ae8038 of f330c503$/),
      expect.stringMatching(/^member [0-9a-f]{8} of f330c503$/),
      'no claims (authenticated)',
      'no claims (anonymous)',
    ])
    expect(JSON.stringify(sampled)).not.toContain('@')
  })
})
