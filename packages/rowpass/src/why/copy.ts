/**
 * Rows of a table in a temporary table of the same name, on which PostgreSQL itself tries policies: one at a time, with
 * the role, the claims and the rights of the identity.
 *
 * A policy is tried as a policy and not as text in a SELECT, so that it means what it means on the table: its names are
 * looked up as the owner, its functions and other tables are reached with the rights of the identity.
 */
import pg from 'pg'
import type { Relation, Trigger } from '../access/catalog/catalog.ts'
import { attempt, isProblem, type SqlProblem } from '../access/trial.ts'

/** What a value is, as text; null for NULL. */
export interface TextValue {
  readonly value: string | null
  /** Of a value of type json or jsonb what it holds: `string`, `number` … */
  readonly json?: string
}

/** Rows under trial, inside a transaction. */
export interface RowCopy {
  /** Indexes of the rows that pass an expression, and nothing else. */
  passing(expression: string): Promise<ReadonlySet<number> | SqlProblem>
  /** The value of an expression for one row. */
  valueFor(row: number, expression: string): Promise<TextValue | SqlProblem>
}

/** Name of the temporary table in SQL. */
export function copyName({ name }: Relation): string {
  return `pg_temp.${pg.escapeIdentifier(name)}`
}

/**
 * Makes a copy, gone with the transaction. The connection's own role has to be in force and the claims set.
 *
 * @param rows records as text, of the relation's row type
 */
export async function copyRows(
  client: pg.ClientBase,
  relation: Relation,
  rows: readonly string[],
  role: string,
): Promise<RowCopy> {
  await createCopy(client, relation, rows, { role, like: '' })
  const name = copyName(relation)
  const alias = pg.escapeIdentifier(relation.name)
  const places = await placesOf(client, name)

  /** As the identity, with one policy on the copy. */
  const withPolicy = (expression: string, query: string) =>
    attempt(client, async () => {
      await client.query(`alter table ${name} enable row level security`)
      await client.query(`create policy rowpass_why on ${name} using (${expression})`)
      await client.query(`set local role ${pg.escapeIdentifier(role)}`)
      return (await client.query(query)).rows
    })

  return {
    async passing(expression) {
      const found = await withPolicy(expression, `select ctid::text as place from ${name}`)
      return isProblem(found) ? found : new Set(found.map(({ place }) => places.indexOf(place)))
    },
    async valueFor(row, expression) {
      const where = `where ${alias}.ctid = '${places[row]}'::tid`
      const found = await withPolicy(
        'true',
        valueSql(`select (${expression}) as value from ${name} as ${alias} ${where}`),
      )
      return isProblem(found) ? found : toValue(found)
    },
  }
}

/** The value of an expression that reads no row, as the identity has it. */
export async function valueForCaller(
  client: pg.ClientBase,
  role: string,
  expression: string,
): Promise<TextValue | SqlProblem> {
  return attempt(client, async () => {
    await client.query(`set local role ${pg.escapeIdentifier(role)}`)
    return toValue((await client.query(valueSql(`select (${expression}) as value`))).rows)
  })
}

/** The value as text, and what it holds where it is JSON. */
function valueSql(query: string): string {
  return `select v.value::text as value, case when pg_catalog.pg_typeof(v.value)::oid in (114, 3802)
    then pg_catalog.jsonb_typeof(v.value::text::jsonb) end as json from (${query}) v`
}

function toValue([row]: readonly { value?: string | null; json?: string | null }[]): TextValue {
  return { value: row?.value ?? null, ...(row?.json && { json: row.json }) }
}

/** What happened to one row of a copy; records as text. */
export interface RowChange {
  readonly operation: 'insert' | 'update' | 'delete'
  readonly before: string | null
  readonly after: string | null
}

/** A statement that is run on a copy instead of the table. */
export interface CopyTrial {
  readonly relation: Relation
  /** Triggers that may be run. */
  readonly triggers: readonly Trigger[]
  /** Rows that the copy holds before. */
  readonly rows: readonly string[]
  readonly role: string
  /** The statement, with {@link copyName} for its target. */
  readonly sql: string
  /** Whether unique indexes are needed, for ON CONFLICT. */
  readonly indexes: boolean
}

/**
 * Runs a statement on a copy as the identity, with defaults and the triggers that change a row before its policies see it,
 * and without constraints.
 *
 * @returns what it did, in the order in which it did it
 */
export async function writtenRows(client: pg.ClientBase, trial: CopyTrial): Promise<readonly RowChange[] | SqlProblem> {
  const { relation, triggers, rows, role, sql, indexes } = trial
  const name = copyName(relation)
  return attempt(client, async () => {
    const like = ` including defaults including generated including identity${indexes ? ' including indexes' : ''}`
    await createCopy(client, relation, rows, { role, like })
    await client.query(logSql(name, role))
    for (const { timing, level, definition } of triggers) {
      if (timing !== 'before' || level !== 'row') continue
      await client.query(definition.replace(` ON ${relation.sql} `, ` ON ${name} `))
    }
    await client.query(`set local role ${pg.escapeIdentifier(role)}`)
    await client.query(sql)
    await client.query('set local role none')
    return (await client.query('select operation, before, after from pg_temp.rowpass_why_log order by number')).rows
  })
}

/** A trigger of the copy that writes down what happens to it. Last by its name, as PostgreSQL fires them by name. */
function logSql(name: string, role: string): string {
  return `
    create temp table rowpass_why_log
      (number int generated always as identity, operation text, before text, after text) on commit drop;
    grant insert on pg_temp.rowpass_why_log to ${pg.escapeIdentifier(role)};
    create function pg_temp.rowpass_why_log() returns trigger language plpgsql as $$
    begin
      insert into pg_temp.rowpass_why_log (operation, before, after) values (lower(tg_op),
        case when tg_op <> 'INSERT' then old::text end, case when tg_op <> 'DELETE' then new::text end);
      return null;
    end $$;
    create trigger rowpass_why_log after insert or update or delete on ${name}
      for each row execute function pg_temp.rowpass_why_log()`
}

async function createCopy(
  client: pg.ClientBase,
  relation: Relation,
  rows: readonly string[],
  { role, like }: { role: string; like: string },
): Promise<void> {
  const name = copyName(relation)
  // Functions that name the table without a schema have to find the real one: the temporary schema goes last.
  await client.query(
    "select set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), 'pg_temp'), true)",
  )
  await client.query(
    `create temp table ${pg.escapeIdentifier(relation.name)} (like ${relation.sql}${like}) on commit drop`,
  )
  await client.query(allowNulls, [])
  if (rows.length > 0) {
    const written = relation.columns.filter(({ generated }) => like === '' || !generated)
    const columns = written.map((column) => pg.escapeIdentifier(column.name)).join(', ')
    await client.query(
      `insert into ${name} (${columns}) overriding system value
       select ${columns} from (select (unnest($1::text[])::${relation.sql}).*) r`,
      [rows],
    )
  }
  await client.query(`grant all on ${name} to ${pg.escapeIdentifier(role)}`)
}

/** Policies are asked before NOT NULL is. Columns of a primary key, and identities, keep theirs. */
const allowNulls = `
do $$
declare col record;
begin
  for col in select attrelid::regclass as rel, attname from pg_attribute
              where attrelid in (select oid from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r')
                and attnum > 0 and attnotnull and attidentity = '' and not attisdropped loop
    begin
      execute format('alter table %s alter column %I drop not null', col.rel, col.attname);
    exception when others then null;
    end;
  end loop;
end $$`

async function placesOf(client: pg.ClientBase, name: string): Promise<readonly string[]> {
  const { rows } = await client.query(`select ctid::text as place from ${name} order by ctid`)
  return rows.map(({ place }) => place)
}
