/**
 * A database with a very large schema: hundreds or thousands of tables with row-level security, next to no rows.
 */
import type pg from 'pg'

/** How large. */
export interface EstateSize {
  readonly tables: number
  readonly functions: number
  readonly views: number
}

/** Tables that are made with a fault, one in this many, each kind at its own remainder. */
export const faultEvery = 50

/** Remainders of the tables that have a fault, and the rules that find it. */
export const faults = { withoutRls: 7, castOnColumn: 17, withoutIndex: 27, bareCall: 37 } as const

const tablesOfSchema = 100
const tablesAtOnce = 50

/** Name of a table by its number. */
export function tableOf(number: number): string {
  return `estate_${Math.floor(number / tablesOfSchema)}.thing_${number}`
}

/**
 * Builds it. Each table has a primary key, an index of its tenant, a foreign key to the one before it and three policies;
 * some have faults, see {@link faults}.
 *
 * @param client a superuser, in a database of its own
 * @param role who requests run as; it must exist
 */
export async function buildEstate(client: pg.ClientBase, role: string, size: EstateSize): Promise<void> {
  await client.query(`
    create schema app;
    grant usage on schema app to ${role};
    create function app.claims() returns jsonb language sql stable
      return nullif(current_setting('request.jwt.claims', true), '')::jsonb;
    create function app.tenant_id() returns uuid language sql stable return (app.claims() ->> 'tenant_id')::uuid;
    create function app.user_id() returns uuid language sql stable return (app.claims() ->> 'sub')::uuid;`)
  for (let schema = 0; schema * tablesOfSchema < size.tables; schema++) {
    await client.query(`create schema estate_${schema}; grant usage on schema estate_${schema} to ${role}`)
  }
  for (let first = 0; first < size.tables; first += tablesAtOnce) {
    const numbers = Array.from({ length: Math.min(tablesAtOnce, size.tables - first) }, (_, at) => first + at)
    await client.query(numbers.map((number) => tableSql(number, role)).join('\n'))
  }
  const functions = Array.from({ length: size.functions }, (_, at) => functionSql(at, size.tables))
  const views = Array.from({ length: size.views }, (_, at) => viewSql(at, size.tables, role))
  for (const statement of [functions.join('\n'), views.join('\n')]) await client.query(statement)
}

function tableSql(number: number, role: string): string {
  const name = tableOf(number)
  const remainder = number % faultEvery
  const tenant = {
    [faults.castOnColumn]: "tenant_id::text = (select app.claims() ->> 'tenant_id')",
    [faults.bareCall]: 'tenant_id = app.tenant_id()',
  }[remainder]
  const owner = 'tenant_id = (select app.tenant_id()) and owner_id = (select app.user_id())'
  return `
    create table ${name} (
      id uuid primary key default gen_random_uuid(), tenant_id uuid not null, owner_id uuid not null,
      parent_id uuid${number === 0 ? '' : ` references ${tableOf(number - 1)}`},
      title text not null, body text, amount numeric, created_at timestamptz not null default now());
    ${remainder === faults.withoutIndex ? '' : `create index on ${name} (tenant_id, created_at);`}
    create index on ${name} (parent_id);
    ${remainder === faults.withoutRls ? '' : `alter table ${name} enable row level security;`}
    create policy things_read on ${name} for select to ${role} using (${tenant ?? 'tenant_id = (select app.tenant_id())'});
    create policy things_add on ${name} for insert to ${role} with check (${owner});
    create policy things_change on ${name} for update to ${role} using (${owner}) with check (${owner});
    grant select, insert, update, delete on ${name} to ${role};`
}

function functionSql(number: number, tables: number): string {
  const name = tableOf((number * 7) % tables)
  return number % 2 === 0
    ? `create function app.count_${number}(wanted uuid) returns bigint language sql stable
         as $$ select count(*) from ${name} where tenant_id = wanted and owner_id = app.user_id() $$;`
    : `create function app.touch_${number}(wanted uuid) returns boolean language plpgsql as $$
       begin
         update ${name} set title = title || '.' where id = wanted and tenant_id = app.tenant_id();
         return found;
       end $$;`
}

function viewSql(number: number, tables: number, role: string): string {
  const name = tableOf((number * 11) % tables)
  return `create view app.view_${number} with (security_invoker) as
      select t.id, t.title, t.amount from ${name} t where t.created_at > now() - interval '1 day';
    grant select on app.view_${number} to ${role};`
}
