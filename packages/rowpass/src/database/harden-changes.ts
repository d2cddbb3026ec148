/**
 * What hardening changes in a database, one fact at a time: as SQL, as its inverse, and as the record in
 * `rowpass.hardening` by which it is put back.
 */
import pg from 'pg'
import { countChangesSql, stopCountingSql } from './schema-changes.ts'

/** A right that is granted or taken: in the database, in its schema `public`, or on a routine. */
export interface RightChange {
  readonly kind: 'grant' | 'revoke'
  readonly right: 'temporary' | 'create' | 'execute'
  /** With its schema and argument types, as `to_regprocedure` reads it; for `execute` only. */
  readonly routine?: string
  /** A role by name, or `public`, which is no role's name. */
  readonly role: string
}

/** Whether PUBLIC may execute what an owner makes from then on. */
export interface DefaultChange {
  readonly kind: 'default_grant' | 'default_revoke'
  readonly owner: string
}

/** A setting that the sessions of a role in this database start with; null is none. */
export interface SettingChange {
  readonly kind: 'setting'
  readonly role: string
  readonly name: string
  readonly before: string | null
  readonly after: string | null
}

/** The CONNECTION LIMIT of a role; -1 is none. */
export interface LimitChange {
  readonly kind: 'connection_limit'
  readonly role: string
  readonly before: number
  readonly after: number
}

/** Whether the database counts the changes of its schema. */
export interface CountingChange {
  readonly kind: 'changes_counted' | 'changes_not_counted'
}

/** One fact that hardening changes. */
export type HardeningChange = RightChange | DefaultChange | SettingChange | LimitChange | CountingChange

/** What undoes a change. */
export function inverse(change: HardeningChange): HardeningChange {
  switch (change.kind) {
    case 'grant':
      return { ...change, kind: 'revoke' }
    case 'revoke':
      return { ...change, kind: 'grant' }
    case 'default_grant':
      return { ...change, kind: 'default_revoke' }
    case 'default_revoke':
      return { ...change, kind: 'default_grant' }
    case 'changes_counted':
      return { kind: 'changes_not_counted' }
    case 'changes_not_counted':
      return { kind: 'changes_counted' }
    default:
      return { ...change, before: change.after, after: change.before } as SettingChange | LimitChange
  }
}

/**
 * The statement that makes a change, without its semicolon.
 *
 * @param database the connected one, by name. A routine is taken as it is: it must come from the catalogs
 */
export function toSql(change: HardeningChange, database: string): string {
  const quote = pg.escapeIdentifier
  switch (change.kind) {
    case 'grant':
    case 'revoke': {
      const what = {
        temporary: `database ${quote(database)}`,
        create: 'schema public',
        execute: `routine ${change.routine}`,
      }
      const role = change.role === 'public' ? 'public' : quote(change.role)
      const whose = change.kind === 'grant' ? `to ${role}` : `from ${role}`
      return `${change.kind} ${change.right} on ${what[change.right]} ${whose}`
    }
    case 'default_grant':
      return `alter default privileges for role ${quote(change.owner)} grant execute on functions to public`
    case 'default_revoke':
      return `alter default privileges for role ${quote(change.owner)} revoke execute on functions from public`
    case 'setting': {
      const start = `alter role ${quote(change.role)} in database ${quote(database)}`
      if (change.after === null) return `${start} reset ${change.name}`
      return `${start} set ${change.name} = ${pg.escapeLiteral(change.after)}`
    }
    case 'connection_limit':
      return `alter role ${quote(change.role)} connection limit ${change.after}`
    case 'changes_counted':
      return countChangesSql
    case 'changes_not_counted':
      return stopCountingSql
  }
}

/** A change that was made, and the step that made it. */
export interface Recorded {
  /** Undefined when it is not in the record, but follows from what an earlier version did. */
  readonly id?: string
  readonly step: string
  readonly change: HardeningChange
}

/** Keeps what a step has changed. */
export async function record(client: pg.ClientBase, step: string, changes: readonly HardeningChange[]): Promise<void> {
  await client.query('insert into rowpass.hardening (step, change) select $1, unnest($2::jsonb[])', [
    step,
    changes.map((change) => JSON.stringify(change)),
  ])
}

/**
 * What was recorded, the newest first.
 *
 * The owner of the database may write the record, and a superuser may run the undo: nothing in it is believed but what
 * {@link refusal} lets through.
 */
export async function readRecord(client: pg.ClientBase): Promise<Recorded[]> {
  const { rows } = await client.query<{ id: string; step: string; change: HardeningChange }>(
    'select id::text, step, change from rowpass.hardening order by id desc',
  )
  return rows
}

/** Forgets what was put back, or is there no more. */
export async function forget(client: pg.ClientBase, recorded: readonly Recorded[]): Promise<void> {
  await client.query('delete from rowpass.hardening where id = any($1::bigint[])', [
    recorded.flatMap(({ id }) => id ?? []),
  ])
}

/** The setting of a role in this database, or null. */
export async function settingOf(client: pg.ClientBase, role: string, name: string): Promise<string | null> {
  const { rows } = await client.query<{ value: string }>(
    `select substr(setting, length($2) + 2) as value
       from pg_db_role_setting s, unnest(s.setconfig) as setting
      where s.setrole = (select oid from pg_roles where rolname = $1)
        and s.setdatabase = (select oid from pg_database where datname = current_database())
        and starts_with(setting, $2 || '=')`,
    [role, name],
  )
  return rows[0]?.value ?? null
}

/** The CONNECTION LIMIT of a role; undefined when there is no such role. */
export async function limitOf(client: pg.ClientBase, role: string): Promise<number | undefined> {
  const { rows } = await client.query<{ n: number }>('select rolconnlimit as n from pg_roles where rolname = $1', [
    role,
  ])
  return rows[0]?.n
}
