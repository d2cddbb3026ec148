/**
 * Writes an isolation suite: what each person can do with each table today, as a test file to read, correct and keep.
 */
import { readCatalog } from '../access/catalog/read.ts'
import { findRequestRoles } from '../access/roles.ts'
import { withConnection } from '../database/connect.ts'
import { type Outcome, outcomeOf, sqlstateIn } from './outcome.ts'
import { refusalOf } from './refusal.ts'
import { type SuiteFile, type SuiteTable, writeSuite } from './suite.ts'
import { attemptsFor, type SampleRow } from './suite-statements.ts'
import { findTestedTables, type TestedTable } from './tested-tables.ts'
import { type Claims, createTester, type Tester, type TestPerson, type TestTransaction } from './tester.ts'

/** Somebody of a suite. */
export interface Candidate {
  readonly name: string
  /** Default: the one that policies and grants name for requests, without claims the one for those without. */
  readonly role?: string
  readonly claims: Claims
}

/** What to write. */
export interface GenerateOptions {
  readonly databaseUrl: string
  readonly people: readonly Candidate[]
  /** Which runner the file is for. Default `vitest`. */
  readonly runner?: SuiteFile['runner']
  /** Only tables whose name contains this text. */
  readonly only?: string
  readonly onProgress?: (text: string) => void
}

/**
 * Tries everything for real, each statement in a transaction that is rolled back, and writes what came of it.
 *
 * The suite says what IS allowed; whether it should be is for its reader to judge. It is for a database with the same
 * rows, such as a seeded one. Triggers fire: run it on a database for tests.
 *
 * @throws Failure see `createTester`
 */
export async function generateSuite(options: GenerateOptions): Promise<string> {
  const { databaseUrl, people, runner = 'vitest', only = '', onProgress } = options
  const catalog = await withConnection(databaseUrl, readCatalog)
  const { signedIn, anonymous } = findRequestRoles(catalog)
  const role = signedIn?.name ?? 'authenticated'
  const anonymousRole = anonymous?.name ?? signedIn?.name ?? 'anonymous'
  const tester = await createTester({ databaseUrl, role, anonymousRole })
  try {
    const given = people.map((each) => ({
      ...each,
      role: each.role ?? (count(each.claims) === 0 ? anonymousRole : role),
    }))
    const roles = [...new Set(given.map((each) => each.role))]
    const subjects = findTestedTables(catalog, roles)
    const chosen = subjects.filter(({ name }) => name.includes(only))
    const cast = [...given, ...(await extras(tester, given, chosen))]
    const tables: SuiteTable[] = []
    for (const subject of chosen) {
      onProgress?.(`trying ${subject.name}`)
      tables.push(await tryTable(tester, subject, cast, roles, onProgress))
    }
    return writeSuite({ runner, people: cast, tables })
  } finally {
    await tester.close()
  }
}

type Candidates = readonly (Candidate & { readonly role: string })[]

function count(claims: Claims): number {
  return Object.keys(claims).length
}

/**
 * Whoever shows what the given people cannot: the owner of a table, whether it is forced; and claims under a role that
 * they are not for, whether a policy is for one role alone.
 */
async function extras(tester: Tester, given: Candidates, subjects: readonly TestedTable[]): Promise<Candidates> {
  const owners = [...new Set(subjects.map(({ owner }) => owner))]
  const strongest = await findStrongest(tester, given, subjects)
  const roles = new Set(given.filter(({ claims }) => count(claims) === 0).map(({ role }) => role))
  const wrongRoles =
    strongest === undefined
      ? []
      : [...roles]
          .filter((role) => role !== strongest.role)
          .map((role) => ({ name: `${strongest.name} as ${role}`, role, claims: strongest.claims }))
  return [...wrongRoles, ...owners.map((role) => ({ name: `owner ${role}`, role, claims: {} }))]
}

/** Of those with claims, the one who may delete most: more is let through than to whoever only reads. */
async function findStrongest(
  tester: Tester,
  given: Candidates,
  subjects: readonly TestedTable[],
): Promise<Candidates[number] | undefined> {
  let best: { person: Candidates[number]; reach: number } | undefined
  for (const person of given.filter(({ claims }) => count(claims) > 0)) {
    let reach = 0
    for (const subject of subjects) {
      const outcome = await tryAs(tester, [], person, `delete from ${subject.name}`)
      reach += typeof outcome === 'number' ? outcome : outcome === 'conflict' ? 1 : 0
    }
    if (best === undefined || reach > best.reach) best = { person, reach }
  }
  return best?.person
}

/** One after the other: parallel transactions would wait for each other's rows. */
async function tryTable(
  tester: Tester,
  subject: TestedTable,
  people: Candidates,
  roles: readonly string[],
  onProgress: GenerateOptions['onProgress'],
): Promise<SuiteTable> {
  const samples = await tester.run((transaction) => readSamples(transaction, subject, people, onProgress))
  const granted = [`grant all on ${subject.name} to ${roles.map(quote).join(', ')}`]
  const preparations = { nothing: [], granted, freed: [...granted, ...subject.freeing] }
  const lines: SuiteTable['lines'][number][] = []
  for (const { statement, before } of attemptsFor(subject, samples)) {
    const outcomes: Outcome[] = []
    for (const each of people) outcomes.push(await tryAs(tester, preparations[before], each, statement))
    lines.push({ statement, before, outcomes })
  }
  return { name: subject.name, preparations, lines }
}

function tryAs(
  tester: Tester,
  preparation: readonly string[],
  person: Candidates[number],
  statement: string,
): Promise<Outcome> {
  return tester.run(async (transaction) => {
    for (const each of preparation) await transaction.owner.db.execute(each)
    return outcomeOf(meet(transaction, person), statement)
  })
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function meet(transaction: TestTransaction, { claims, role }: Candidates[number]): TestPerson {
  return transaction.asUser(claims, { role })
}

/** The first row that each person sees and nobody before, and one that only the connection's own role does. */
async function readSamples(
  transaction: TestTransaction,
  { name, columns }: TestedTable,
  people: Candidates,
  onProgress: GenerateOptions['onProgress'],
): Promise<SampleRow[]> {
  const list = columns.map((column) => `${column.name}::text`).join(', ')
  const found = new Map<string, SampleRow>()
  const order = columns.map((_, at) => at + 1).join(', ')
  const readers = people.map((each) => ({ who: each.name, person: meet(transaction, each) }))
  for (const { who, person } of [...readers, { who: 'the owner', person: transaction.owner }]) {
    const rows = await readRows(person, `select ${list} from ${name} order by ${order} limit 100`)
    if (typeof rows === 'string') {
      onProgress?.(`${who} cannot read ${name} (${rows}): no rows of theirs are tried`)
      continue
    }
    const first = rows.find((row) => !found.has(JSON.stringify(row)))
    if (first !== undefined) found.set(JSON.stringify(first), first)
  }
  // By quoted name: the result has the bare ones.
  return [...found.values()].map((row) =>
    Object.fromEntries(columns.map(({ name: quoted }, at) => [quoted, Object.values(row)[at] ?? null])),
  )
}

/**
 * @returns the SQLSTATE where a policy fails for somebody, as the suite will say
 * @throws what says nothing of them: the connection is lost, the server full or shut down, the statement cancelled
 */
async function readRows(person: TestPerson, statement: string): Promise<SampleRow[] | string> {
  try {
    const { rows } = await person.db.execute<SampleRow>(statement)
    return rows
  } catch (error) {
    // Whoever may not read has no sample to give.
    if (refusalOf(error)?.by === 'grant') return []
    const state = sqlstateIn(error)
    if (state === undefined || /^(08|53|55|57|58|XX)/.test(state)) throw error
    return state
  }
}
