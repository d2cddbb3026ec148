/**
 * Tests of policies: each in a transaction that is rolled back, with people in it who see what their token would show
 * them. Works with any test runner.
 */
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { readRequestRoles } from '../access/database.ts'
import { type ClaimsCarrier, detectCarrier, type Identity } from '../access/identity.ts'
import { inTrial } from '../access/trial.ts'
import { parsePostgresUrl, serverOf } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { ServerClient } from '../postgres/server-url.ts'
import { findServer } from '../postgres/servers.ts'
import { allowRoles } from './allow-roles.ts'
import { createTurns, type RunAs, type SentStatement } from './turns.ts'

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>

/** Rows, and how many rows the statement read or changed, which differ for a change without RETURNING. */
export type Rows<Row> = Row[] & { readonly count: number }

/** Runs SQL with its values as parameters. */
export type SqlTag = <Row = Record<string, unknown>>(
  texts: TemplateStringsArray,
  ...values: readonly unknown[]
) => Promise<Rows<Row>>

/** Somebody in a test. */
export interface TestPerson<Schema extends Record<string, unknown> = Record<string, never>> {
  readonly sql: SqlTag
  readonly db: NodePgDatabase<Schema>
}

/** What a test gets: one transaction. */
export interface TestTransaction<Schema extends Record<string, unknown> = Record<string, never>> {
  /** Somebody with these claims. People of one transaction see each other's rows as their policies let them. */
  asUser(claims: Claims, options?: { readonly role?: string }): TestPerson<Schema>
  /** Somebody without claims, under {@link TesterOptions.anonymousRole}. */
  asAnonymous(): TestPerson<Schema>
  /**
   * The connection's own role, to prepare rows and to look at what came of it. A superuser sees everything; the owner of
   * a table under FORCE sees what its policies show to them.
   */
  readonly owner: TestPerson<Schema>
}

/** How to reach the database under test. */
export interface TesterOptions<Schema extends Record<string, unknown>> {
  /** URL of a superuser, or of the owner who can become the roles. Of a database for tests: its locks are held. */
  readonly databaseUrl: string
  /** Tables for the relational queries of drizzle-orm. */
  readonly schema?: Schema
  /** The role of {@link TestTransaction.asUser}. Default: the one that policies and grants name for requests with claims. */
  readonly role?: string
  /** The role of {@link TestTransaction.asAnonymous}. Default: the one for requests without; where it is the same, that. */
  readonly anonymousRole?: string
  /** How claims reach the policies. Default: found out from the database. */
  readonly carrier?: ClaimsCarrier
  /** How many tests may be under way at once. Default 4. */
  readonly connections?: number
}

/** Runs tests against one database. */
export interface Tester<Schema extends Record<string, unknown> = Record<string, never>> {
  /** Runs one test in a transaction and rolls it back, whatever came of it. Tests may run at the same time. */
  run<T>(test: (transaction: TestTransaction<Schema>) => Promise<T>): Promise<T>
  /** The same for a test with one person. */
  asUser<T>(claims: Claims, test: (person: TestPerson<Schema>) => Promise<T>): Promise<T>
  /** Closes the connections. */
  close(): Promise<void>
}

const limits = { lockMs: 5_000, statementMs: 30_000 }

/**
 * Connects to a database under test.
 *
 * Works where claims come sealed by Rowpass, as `request.jwt.claims` or as `jwt.claims.*`. From PostgreSQL 16 on, an
 * owner who made the roles may not become them; this grants them that, once and for good, as a grant in each transaction
 * would make parallel tests wait for each other.
 *
 * Two tests that change the same row at the same time wait for each other; after 5 s the second fails. Does NOT undo what
 * a transaction does not undo: values taken from sequences.
 *
 * @throws Failure `database_unavailable` when it cannot be reached
 * @throws Failure `owner_powerless` when the connection may not become the roles
 * @example
 * const tester = await createTester({ databaseUrl })
 * await tester.asUser({ sub: 'ada' }, async ({ sql }) => console.log(await sql`select * from notes`))
 * await tester.close()
 */
export async function createTester<Schema extends Record<string, unknown> = Record<string, never>>(
  options: TesterOptions<Schema>,
): Promise<Tester<Schema>> {
  const { databaseUrl, connections = 4 } = options
  const server = await findServer(parsePostgresUrl(databaseUrl, 'databaseUrl')).catch((error: unknown) => {
    throw unavailable(databaseUrl, error)
  })
  const pool = new pg.Pool({
    ...server,
    Client: ServerClient,
    max: connections,
    application_name: 'rowpass-testing',
    allowExitOnIdle: true,
  })
  // A connection that breaks while idle is replaced.
  pool.on('error', () => undefined)
  const { carrier, role, anonymousRole } = await prepare(pool, options)

  async function run<T>(test: (transaction: TestTransaction<Schema>) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    let broken = true
    try {
      const result = await inTrial(client, limits, () => {
        const runAs = createTurns(client, carrier)
        const meet = (identity: Identity | undefined) => toPerson(runAs, identity, options.schema)
        return test({
          asUser: (claims, { role: other = role } = {}) => meet({ role: other, claims }),
          asAnonymous: () => meet({ role: anonymousRole, claims: {} }),
          owner: meet(undefined),
        })
      })
      broken = false
      return result
    } finally {
      client.release(broken)
    }
  }

  return {
    run,
    asUser: (claims, test) => run((transaction) => test(transaction.asUser(claims))),
    close: () => pool.end(),
  }
}

async function prepare<Schema extends Record<string, unknown>>(
  pool: pg.Pool,
  { databaseUrl, carrier, ...named }: TesterOptions<Schema>,
): Promise<{ carrier: ClaimsCarrier | undefined; role: string; anonymousRole: string }> {
  let client: pg.PoolClient
  try {
    client = await pool.connect()
  } catch (error) {
    await pool.end()
    throw unavailable(databaseUrl, error)
  }
  try {
    const found = named.role && named.anonymousRole ? undefined : await readRequestRoles(client)
    const role = named.role ?? found?.signedIn?.name ?? 'authenticated'
    const anonymousRole = named.anonymousRole ?? found?.anonymous?.name ?? found?.signedIn?.name ?? 'anonymous'
    await allowRoles(client, [role, anonymousRole])
    return { carrier: carrier ?? (await detectCarrier(client)), role, anonymousRole }
  } finally {
    client.release()
  }
}

function unavailable(databaseUrl: string, cause: unknown): Failure {
  return cause instanceof Failure
    ? cause
    : new Failure('database_unavailable', { detail: serverOf(databaseUrl), cause })
}

function toPerson<Schema extends Record<string, unknown>>(
  runAs: RunAs,
  identity: Identity | undefined,
  schema: Schema | undefined,
): TestPerson<Schema> {
  const query = (statement: SentStatement | string, values?: unknown[]): Promise<pg.QueryResult> =>
    runAs(identity, {
      ...(typeof statement === 'string' ? { text: statement } : statement),
      ...(values !== undefined && { values }),
    })
  return {
    sql: async <Row>(texts: TemplateStringsArray, ...values: readonly unknown[]) => {
      const text = texts.reduce((before, next, at) => `${before}$${at}${next}`)
      const { rows, rowCount } = await query({ text }, [...values])
      // Not enumerable, so that the rows equal a plain array. What they are, the caller says, as with every driver.
      return Object.defineProperty(rows, 'count', { value: rowCount ?? 0 }) as Rows<Row>
    },
    // All that drizzle-orm calls of a client is `query`.
    db: drizzle({ client: { query } as unknown as pg.Client, ...(schema !== undefined && { schema }) }),
  }
}
