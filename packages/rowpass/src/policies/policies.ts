/**
 * Writes the policies of a table: one for each command and role, and the indexes that serve them.
 */
import { getTableName } from 'drizzle-orm'
import { type AnyIndexBuilder, index, type PgColumn, type PgPolicy, type PgRole, pgPolicy } from 'drizzle-orm/pg-core'
import { nameOf } from './columns.ts'
import { recordGrant } from './grant.ts'
import { authenticated } from './roles.ts'
import type { RowRule } from './rule.ts'

/** A change of rows: of which ones, into what. */
export interface Change {
  /** The rows as they are: USING. */
  readonly of: RowRule
  /** The rows as they become: WITH CHECK. */
  readonly into: RowRule
}

/** The commands that a policy can be for. */
export type PolicyCommand = 'select' | 'insert' | 'update' | 'delete'

/** The columns that a role is granted. */
export interface ColumnGrants {
  /** Default: the whole table. */
  readonly select?: readonly PgColumn[]
  /** Default: every column that PostgreSQL does not fill by itself. */
  readonly insert?: readonly PgColumn[]
  /** Default: every column but the primary key, those that rules trust, and those that PostgreSQL fills by itself. */
  readonly update?: readonly PgColumn[]
}

/** Who may do what with which rows. A command that is not named is refused. */
export interface PolicyOptions {
  /** Whom the policies are for. Default {@link authenticated}. */
  readonly to?: PgRole
  /** Last part of the names, where a table has several policies for a command: `notes_update_editor`. */
  readonly who?: string
  /** The rule of each command that has none of its own. */
  readonly all?: RowRule
  readonly select?: RowRule
  readonly insert?: RowRule
  /** A rule says both which rows may be changed and what they may become. */
  readonly update?: RowRule | Change
  readonly delete?: RowRule
  /** `restrictive` holds in addition to every other policy, and gives nothing by itself. Default `permissive`. */
  readonly as?: 'permissive' | 'restrictive'
  readonly columns?: ColumnGrants
  /** Columns at the end of each index, such as the one that pages are ordered by. */
  readonly pageBy?: readonly PgColumn[]
  /** `false`: the table has the indexes already. Default `true`. */
  readonly indexes?: boolean
}

const commands = ['select', 'insert', 'update', 'delete'] as const
const maxNameBytes = 63

/**
 * Writes policies for a table; spread the result into the third argument of `pgTable` or `protectedTable`.
 *
 * Each policy is for one command and one role. UPDATE checks the new row as well, so it cannot be moved to somebody
 * else; the grants of `forceAndGrants` say so again. Policies for the same command and role open to each other: a row
 * that one of them lets through is let through.
 *
 * Does NOT grant anything and does NOT write FORCE, which drizzle-kit cannot: `forceAndGrants` does.
 *
 * @param columns the columns, as the callback of the table gets them
 * @param options one for each role or group of people; call it once for a table, so that no index is made twice
 * @throws TypeError for a change `into` rows of which it is left open whose they are, for no rule at all, and for a name
 *   that is there twice, or that PostgreSQL would cut off
 * @example
 * const notes = protectedTable('notes', { tenantId: uuid('tenant_id').notNull(), userId: uuid('user_id').notNull() }, (t) =>
 *   policies(t, { all: both(inTenant(t.tenantId), ownedBy(t.userId)), select: inTenant(t.tenantId) }),
 * )
 */
export function policies(
  columns: Readonly<Record<string, PgColumn>>,
  ...options: readonly [PolicyOptions, ...PolicyOptions[]]
): (PgPolicy | AnyIndexBuilder)[] {
  const table = tableNameOf(columns)
  const written = options.flatMap((each) => writePolicies(table, columns, each))
  const names = written.map(({ policy }) => policy.name)
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice !== undefined) throw new TypeError(`two policies have the name ${twice}: tell them apart by \`who\``)
  return [
    ...written.map(({ policy }) => policy),
    ...writeIndexes(
      table,
      written.flatMap(({ indexes }) => indexes),
    ),
  ]
}

interface Written {
  readonly policy: PgPolicy
  readonly indexes: readonly (readonly PgColumn[])[]
}

function writePolicies(
  table: string,
  columns: Readonly<Record<string, PgColumn>>,
  options: PolicyOptions,
): readonly Written[] {
  const changes = commands.flatMap((command) => {
    const change = changeFor(command, options)
    return change === undefined ? [] : [{ command, change }]
  })
  if (changes.length === 0) throw new TypeError(`the policies of ${table} have no rule`)
  const rules = changes.flatMap(({ change }) => [change.of, change.into])
  return changes.map(({ command, change }) => ({
    policy: writePolicy(table, columns, options, command, change, rules),
    indexes: indexesFor(options, command, change),
  }))
}

/** The row of an INSERT is not looked up. */
function indexesFor(
  { indexes, pageBy = [] }: PolicyOptions,
  command: PolicyCommand,
  change: Change,
): readonly PgColumn[][] {
  if (indexes === false || command === 'insert') return []
  return change.of.indexes.map((columns) => [
    ...columns,
    ...pageBy.filter((column) => !columns.some(({ name }) => name === column.name)),
  ])
}

function changeFor(command: PolicyCommand, options: PolicyOptions): Change | undefined {
  const given = options[command] ?? options.all
  if (given === undefined) return undefined
  if (!('of' in given)) return { of: given, into: given }
  const open = given.of.trusts.find((column) => !given.into.trusts.includes(column))
  if (open !== undefined) throw new TypeError(`update \`into\` leaves open what ${nameOf(open)} may become`)
  return given
}

function writePolicy(
  table: string,
  columns: Readonly<Record<string, PgColumn>>,
  options: PolicyOptions,
  command: PolicyCommand,
  { of, into }: Change,
  rules: readonly RowRule[],
): PgPolicy {
  const to = options.to ?? authenticated
  const who = options.who ?? (to.name === authenticated.name ? undefined : to.name)
  const policy = pgPolicy(checkName([table, command, ...(who === undefined ? [] : [who])].join('_')), {
    as: options.as ?? 'permissive',
    for: command,
    to,
    ...(command !== 'insert' && { using: of.sql }),
    ...(command !== 'select' && command !== 'delete' && { withCheck: into.sql }),
  })
  const granted = grantedColumns(columns, command, options.columns ?? {}, rules)
  if (options.as !== 'restrictive') recordGrant(policy, { role: to.name, command, columns: granted })
  return policy
}

function grantedColumns(
  columns: Readonly<Record<string, PgColumn>>,
  command: PolicyCommand,
  given: ColumnGrants,
  rules: readonly RowRule[],
): readonly string[] | undefined {
  if (command === 'delete') return undefined
  const named = given[command]
  if (named !== undefined) return named.map(({ name }) => name)
  if (command === 'select') return undefined
  const fixed = new Set(rules.flatMap(({ trusts }) => trusts.map(({ name }) => name)))
  return Object.values(columns)
    .filter(({ generated, generatedIdentity }) => generated === undefined && generatedIdentity?.type !== 'always')
    .filter(({ name, primary }) => command === 'insert' || !(primary || fixed.has(name)))
    .map(({ name }) => name)
}

function writeIndexes(table: string, wanted: readonly (readonly PgColumn[])[]): AnyIndexBuilder[] {
  // A primary key and a unique column have an index already.
  const needed = wanted.filter(([first]) => first !== undefined && !first.primary && !first.isUnique)
  return needed
    .filter((columns, at) => !needed.some((other, otherAt) => covers(other, columns, otherAt < at)))
    .map((columns) => {
      const [first, ...rest] = columns
      if (first === undefined) throw new TypeError('an index has no column')
      return index(checkName([table, ...columns.map(({ name }) => name), 'idx'].join('_'))).on(first, ...rest)
    })
}

/** Whether an index begins with all columns of another; of two that are the same, the earlier one covers. */
function covers(wide: readonly PgColumn[], narrow: readonly PgColumn[], isEarlier: boolean): boolean {
  if (wide.length < narrow.length || (wide.length === narrow.length && !isEarlier)) return false
  return narrow.every((column, at) => wide[at]?.name === column.name)
}

function tableNameOf(columns: Readonly<Record<string, PgColumn>>): string {
  const [first] = Object.values(columns)
  if (first === undefined) throw new TypeError('a table without columns has no policies')
  return getTableName(first.table)
}

function checkName(name: string): string {
  if (new TextEncoder().encode(name).length <= maxNameBytes) return name
  throw new TypeError(`PostgreSQL would cut off the name ${name}: choose shorter ones, or write it by hand`)
}
