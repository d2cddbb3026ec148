/**
 * Every way in which the row-level security of a database could be weakened by one slip, as SQL.
 */
import type pg from 'pg'
import { everyone } from '../access/access.ts'
import type { Policy, Relation } from '../access/catalog/catalog.ts'
import { readCatalog } from '../access/catalog/read.ts'
import { findOperands } from './operands.ts'
import { isTheirs } from './tested-tables.ts'

/** One slip. */
export interface Weakening {
  /** `schema.table`, without the schema `public`. */
  readonly table: string
  /** Undefined where it is about the table as a whole. */
  readonly policy: string | undefined
  /** What was done, in a few words. */
  readonly says: string
  /** Statements that do it, for the owner of the table. */
  readonly sql: readonly string[]
}

/**
 * Lists the weakenings of a database, in the order of its tables and policies.
 *
 * Of each policy: dropped; each condition true, and each part of it; WITH CHECK left out; for everybody; restrictive
 * instead of permissive, and the other way. Of each table: not forced, not enabled. What would change nothing is left out.
 *
 * Does NOT change anything.
 */
export async function listWeakenings(client: pg.ClientBase): Promise<Weakening[]> {
  const { relations, policies, roles } = await readCatalog(client)
  const tables = [...relations.values()].filter(isTheirs)
  return [
    ...tables.flatMap(ofTable),
    ...tables.flatMap((table) =>
      policies
        .filter(({ relation }) => relation === table.oid)
        .flatMap((policy) =>
          ofPolicy(
            table,
            policy,
            policy.roles.map((oid) => roles.get(oid)?.sql ?? 'public'),
          ),
        ),
    ),
  ]
}

function ofTable(table: Relation): Weakening[] {
  const slip = (says: string, sql: string): Weakening => ({
    table: toTitle(table),
    policy: undefined,
    says,
    sql: [sql],
  })
  const { rls, force, sql } = table
  return [
    ...(rls ? [slip('row-level security disabled', `alter table ${sql} disable row level security`)] : []),
    ...(force ? [slip('not forced for the owner', `alter table ${sql} no force row level security`)] : []),
  ]
}

function ofPolicy(table: Relation, policy: Policy, roles: readonly string[]): Weakening[] {
  const { using, check, sql: name, permissive } = policy
  const on = `on ${table.sql}`
  const drop = `drop policy ${name} ${on}`
  const slip = (says: string, ...sql: string[]): Weakening => ({
    table: toTitle(table),
    policy: policy.name,
    says,
    sql,
  })
  const again = (says: string, changes: Partial<Policy>) =>
    slip(says, drop, createPolicy(on, { ...policy, ...changes }, roles))
  return [
    slip('dropped', drop),
    ...conditions('using', using).map(([says, text]) => slip(says, `alter policy ${name} ${on} using (${text})`)),
    ...conditions('with check', check).map(([says, text]) =>
      slip(says, `alter policy ${name} ${on} with check (${text})`),
    ),
    ...(using !== undefined && check !== undefined && using !== check
      ? [again('with check left out', { check: undefined })]
      : []),
    ...(policy.roles.includes(everyone) ? [] : [slip('for everybody', `alter policy ${name} ${on} to public`)]),
    again(permissive ? 'restrictive' : 'permissive', { permissive: !permissive }),
  ]
}

function toTitle({ schema, name }: Relation): string {
  return schema === 'public' ? name : `${schema}.${name}`
}

/** What it is called, and the weaker condition. */
function conditions(clause: string, condition: string | undefined): [says: string, text: string][] {
  if (condition === undefined || condition === 'true') return []
  const parts = findOperands(condition).map(({ start, end }): [string, string] => [
    `${clause} without ${condition.slice(start, end).replaceAll(/\s+/g, ' ')}`,
    `${condition.slice(0, start)}true${condition.slice(end)}`,
  ])
  return [[`${clause} true`, 'true'], ...parts]
}

function createPolicy(
  on: string,
  { sql, permissive, command, using, check }: Policy,
  roles: readonly string[],
): string {
  return [
    `create policy ${sql} ${on}`,
    `as ${permissive ? 'permissive' : 'restrictive'} for ${command} to ${roles.join(', ')}`,
    ...(using === undefined ? [] : [`using (${using})`]),
    ...(check === undefined ? [] : [`with check (${check})`]),
  ].join(' ')
}
