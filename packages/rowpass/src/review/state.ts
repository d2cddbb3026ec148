/**
 * One of the two states of a database: what it is, and which of its rows somebody reaches, as numbers that can be compared.
 */
import pg from 'pg'
import type { Policy, Role } from '../access/catalog/catalog.ts'
import { type Database, readDatabase } from '../access/database.ts'
import { become, type ClaimsCarrier, detectCarrier, type Identity } from '../access/identity.ts'
import { attempt, attemptText, inSavepoint, isProblem } from '../access/trial.ts'
import { chooseTables, grantsOf, type Table } from '../matrix/table.ts'

/** What is compared: rows that are reached, and rows that could be written: by INSERT, or by UPDATE (`change`). */
export type RowCommand = 'select' | 'update' | 'delete' | 'insert' | 'change'

/** Rows as a number of them and a sum over their keys; or why there are none. */
export type RowSet =
  | { readonly kind: 'rows'; readonly count: number; readonly sum: string }
  /** The privilege is missing, or what it is for. */
  | { readonly kind: 'closed' }
  /** The statement fails. */
  | { readonly kind: 'failed'; readonly message: string }

/** A table as one identity meets it: the columns that tell its rows apart. */
export interface KeyedTable {
  readonly table: Table
  /** Names; none where the identity may read none that both states have. */
  readonly key: readonly string[]
}

/** A state, in a transaction that is rolled back. */
export interface State {
  readonly client: pg.ClientBase
  readonly database: Database
  readonly carrier: ClaimsCarrier | undefined
  /** By name, as SQL writes it. */
  readonly tables: ReadonlyMap<string, Table>
  /** Keys are hashed with it; the same in both states, another one in each run. */
  readonly seed: string
  /** Whether FORCE may be lifted where it hides rows from the connection, which locks the table until the end. */
  readonly mayLock: boolean
  /** Counting views, by the table and the key. */
  readonly views: Map<string, string>
  /** Tables of samples, by the oid of theirs. */
  readonly samples: Map<number, string>
}

const setting = 'rowpass_review.rows'
const maxSamples = 1_000
/** More than any sum of hashes: what a row adds to the counter besides its hash. */
const step = '1e40'
const unsigned = '9223372036854775808'

/** Reads a state in the transaction that is open. */
export async function openState(client: pg.ClientBase, seed: string, mayLock: boolean): Promise<State> {
  const carrier = await detectCarrier(client)
  const database = await readDatabase(client)
  const roles = [...database.catalog.roles.values()]
  const tables = chooseTables(database.catalog, database.access, { roles })
  const comparable = tables.filter(({ kind, schema }) => kind !== 'foreign table' && schema !== 'rowpass')
  return {
    client,
    database,
    carrier,
    seed,
    mayLock,
    tables: new Map(comparable.map((each) => [each.sql, each])),
    views: new Map(),
    samples: new Map(),
  }
}

/** The role of an identity; undefined where the state has none of that name. */
export function roleOf({ database }: State, { role }: Pick<Identity, 'role'>): Role | undefined {
  return [...database.catalog.roles.values()].find(({ name }) => name === role)
}

/** Runs `work` as an identity, and is the connection's own role again afterwards. */
export async function asIdentity<T>(state: State, identity: Identity, work: () => Promise<T>): Promise<T> {
  return inSavepoint(state.client, async () => {
    await become(state.client, identity, state.carrier)
    return work()
  })
}

/**
 * The rows of a table that a command reaches, as whoever the connection is now.
 *
 * UPDATE and DELETE count by a view whose condition is asked after the policies, and touch no row.
 */
export async function readRows(state: State, keyed: KeyedTable, command: RowCommand, role: string): Promise<RowSet> {
  const { client } = state
  const statements = statementsOf(state, keyed, command, role)
  if (statements === undefined) return { kind: 'closed' }
  const results = await attemptText(client, statements)
  if (results instanceof pg.DatabaseError) {
    return results.code === '42501' ? { kind: 'closed' } : { kind: 'failed', message: results.message }
  }
  const [row = {}] = results.at(-1)?.rows ?? []
  if (command !== 'update' && command !== 'delete')
    return { kind: 'rows', count: Number(row.count), sum: String(row.sum) }
  const digits = BigInt(String(row.counted))
  const count = digits / 10n ** 40n
  return { kind: 'rows', count: Number(count), sum: String((digits % 10n ** 40n) - count * BigInt(unsigned)) }
}

/** Hashes of the keys of rows that a command reaches, as whoever the connection is now. */
export async function readHashes(
  state: State,
  keyed: KeyedTable,
  command: RowCommand,
  role: string,
): Promise<string[] | undefined> {
  const { client } = state
  if (command !== 'update' && command !== 'delete') {
    const from = sourceOf(state, keyed, command, role)
    if (from === undefined) return undefined
    const text = `select ${hashOf(state, keyed)} from ${from}`
    const found = await attempt(client, () => client.query<[string]>({ text, rowMode: 'array' }))
    return isProblem(found) ? undefined : found.rows.map(([hash]) => String(hash))
  }
  const change = changeOf(state, keyed, command, role, 'kept')
  if (change === undefined) return undefined
  const kept = await attempt(client, async () => {
    await client.query('set local role none; truncate pg_temp.rowpass_review_kept')
    await client.query(`set local role ${pg.escapeIdentifier(role)}`)
    for (const each of change) await client.query(each)
    await client.query('set local role none')
    const { rows } = await client.query<[string]>({
      text: 'select hash from pg_temp.rowpass_review_kept',
      rowMode: 'array',
    })
    return rows.map(([hash]) => String(hash))
  })
  return isProblem(kept) ? undefined : kept
}

/** Which of these hashes are of rows that are there, whatever the policies say, with the text of their keys. */
export async function findKeys(
  state: State,
  keyed: KeyedTable,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, string> | undefined> {
  return past(state, keyed.table, async () => {
    const { rows } = await state.client.query<{ hash: string; key: string }>(
      `select ${hashOf(state, keyed)} as hash, ${textOf(keyed)} as key from ${keyed.table.sql}
        where ${hashOf(state, keyed)} = any ($1::int8[])`,
      [hashes],
    )
    return new Map(rows.map(({ hash, key }) => [String(hash), key]))
  })
}

/** Makes what UPDATE and DELETE are counted with, for the roles that will. */
export async function prepareViews(
  state: State,
  keyed: readonly KeyedTable[],
  roles: readonly string[],
): Promise<void> {
  const { client, views } = state
  const list = roles.map((role) => pg.escapeIdentifier(role)).join(', ')
  if (views.size === 0) {
    await client.query(`
      create temp table rowpass_review_kept (hash int8) on commit drop;
      create function pg_temp.rowpass_review_keep(hash int8) returns text language plpgsql security definer volatile
        as $$ begin insert into pg_temp.rowpass_review_kept values (hash); return ''; end $$;
      grant execute on function pg_temp.rowpass_review_keep(int8) to ${list}`)
  }
  for (const each of keyed) {
    if (each.key.length === 0 || views.has(viewKey(each))) continue
    const hash = hashOf(state, each)
    const counted = `(pg_catalog.current_setting('${setting}')::numeric + ${step} + ${unsigned} + ${hash})::text`
    const name = `rowpass_review_${views.size}`
    const create = (suffix: string, condition: string): string =>
      `create temp view ${name}${suffix} with (security_invoker) as select * from ${each.table.sql} where ${condition} = '-';
       grant select, update, delete on pg_temp.${name}${suffix} to ${list}`
    const made = await attempt(
      client,
      () =>
        client.query(
          `${create('', `pg_catalog.set_config('${setting}', ${counted}, true)`)};
           ${create('_kept', `pg_temp.rowpass_review_keep(${hash})`)}`,
        ),
      { keep: true },
    )
    views.set(viewKey(each), isProblem(made) ? '' : name)
  }
}

/** Runs `work` with policies of a table as they are but for some, which are dropped for the moment. */
export async function withoutPolicies<T>(
  state: State,
  table: Table,
  policies: readonly Policy[],
  work: () => Promise<T>,
): Promise<T | undefined> {
  const answer = await attempt(state.client, async () => {
    for (const { sql } of policies) await state.client.query(`drop policy ${sql} on ${table.sql}`)
    return { value: await work() }
  })
  return isProblem(answer) ? undefined : answer.value
}

/** Runs `work` as the connection's own role, with FORCE lifted where it would hide rows. */
async function past<T>(state: State, table: Table, work: () => Promise<T>): Promise<T | undefined> {
  if (table.hidden && !state.mayLock) return undefined
  const answer = await attempt(state.client, async () => {
    if (table.hidden && table.kind !== 'view') {
      await state.client.query(`alter table ${table.sql} no force row level security`)
    }
    return { value: await work() }
  })
  return isProblem(answer) ? undefined : answer.value
}

function statementsOf(state: State, keyed: KeyedTable, command: RowCommand, role: string): string[] | undefined {
  if (command === 'update' || command === 'delete') return changeOf(state, keyed, command, role)
  const from = sourceOf(state, keyed, command, role)
  if (from === undefined) return undefined
  return [
    `select count(*) as count, coalesce(sum(h), 0)::text as sum from (select ${hashOf(state, keyed)} as h from ${from}) s`,
  ]
}

/** Rows to read: the table, or of its samples those that the policies would let be written. */
function sourceOf(state: State, keyed: KeyedTable, command: RowCommand, role: string): string | undefined {
  const { table } = keyed
  if (command === 'select') return table.sql
  const sample = state.samples.get(table.oid)
  const grants = grantsOf(table, role)
  const asked = command === 'insert' ? 'insert' : 'update'
  if (sample === undefined || grants[asked].length === 0) return undefined
  // Expressions of policies name the table as it is called.
  const alias = pg.escapeIdentifier(table.name)
  if (isPastPolicies(state, table, role)) return `${sample} as ${alias}`
  const checks = grants.policies[asked].map((policy) => ({ ...policy, text: policy.check ?? policy.using ?? 'true' }))
  const permissive = checks.filter((each) => each.permissive).map(({ text }) => `(${text})`)
  const restrictive = checks.filter((each) => !each.permissive).map(({ text }) => ` and (${text})`)
  return `${sample} as ${alias} where (${permissive.join(' or ') || 'false'})${restrictive.join('')}`
}

/** Whether the policies of a table are not asked for the role. */
export function isPastPolicies({ database }: State, table: Table, role: string): boolean {
  const found = [...database.catalog.roles.values()].find(({ name }) => name === role)
  return (
    table.rowSecurity === 'off' || (found !== undefined && database.access.bypass(found, table.relation) !== undefined)
  )
}

/**
 * Puts some rows of each table where identities can read them, whatever the policies say: to ask which of them they could
 * write. Both states take the same ones, where they have them.
 */
export async function takeSamples(state: State, keyed: readonly KeyedTable[], roles: readonly string[]): Promise<void> {
  const { client, samples } = state
  const list = roles.map((role) => pg.escapeIdentifier(role)).join(', ')
  for (const each of keyed) {
    const { table } = each
    if (
      samples.has(table.oid) ||
      each.key.length === 0 ||
      (table.hidden && !state.mayLock) ||
      (table.kind !== 'table' && table.kind !== 'partitioned table')
    )
      continue
    const name = `rowpass_review_sample_${samples.size}`
    const force = table.hidden ? `alter table ${table.sql} no force row level security; ` : ''
    const again = table.hidden ? `; alter table ${table.sql} force row level security` : ''
    const made = await attempt(
      client,
      () =>
        client.query(
          `${force}create temp table ${name} on commit drop as select * from ${table.sql} order by ${hashOf(state, each)} limit ${maxSamples};
           grant select on pg_temp.${name} to ${list}${again}`,
        ),
      { keep: true },
    )
    if (!isProblem(made)) samples.set(table.oid, `pg_temp.${name}`)
  }
}

function changeOf(
  state: State,
  keyed: KeyedTable,
  command: 'update' | 'delete',
  role: string,
  how: 'counted' | 'kept' = 'counted',
): string[] | undefined {
  const { table } = keyed
  const grants = grantsOf(table, role)
  const column = table.columns.find(
    ({ name, generated, identity }) => grants.update.includes(name) && !generated && identity !== 'always',
  )
  const held = command === 'delete' ? grants.delete : column !== undefined
  const view = state.views.get(viewKey(keyed))
  if (!held || !view || !isChangeable(state, table, command)) return undefined
  const name = `pg_temp.${view}${how === 'kept' ? '_kept' : ''}`
  const change = command === 'delete' ? `delete from ${name}` : `update ${name} set ${column?.sql} = null`
  return how === 'kept'
    ? [change]
    : [`set local ${setting} = '0'`, change, `select current_setting('${setting}') as counted`]
}

/** A trigger of the statement would run though no row is touched. */
function isChangeable({ database }: State, table: Table, command: RowCommand): boolean {
  if (table.kind !== 'table' && table.kind !== 'partitioned table') return false
  const { triggers } = database.catalog
  return (
    !table.rules &&
    !triggers.some(
      (each) =>
        each.relation === table.oid && each.level === 'statement' && each.commands.some((one) => one === command),
    )
  )
}

function viewKey({ table, key }: KeyedTable): string {
  return `${table.oid} ${key.join(' ')}`
}

function textOf({ key }: KeyedTable): string {
  return `row(${key.map((name) => pg.escapeIdentifier(name)).join(', ')})::text`
}

function hashOf({ seed }: State, keyed: KeyedTable): string {
  return `pg_catalog.hashtextextended(${textOf(keyed)}, ${seed})`
}
