/**
 * A matrix of a database made for one test.
 */
import pg from 'pg'
import type { Command } from '../../src/access/catalog/catalog.ts'
import type { Cell, Matrix } from '../../src/matrix/cell.ts'
import { toAccess } from '../../src/matrix/cell.ts'
import { drawMatrix, type MatrixOptions } from '../../src/matrix/draw.ts'
import { createTestDatabase, type TestDatabase } from '../support/pg.ts'

export const acme = '00000000-0000-4000-8000-00000000000a'
export const bolt = '00000000-0000-4000-8000-00000000000b'
export const ada = '10000000-0000-4000-8000-00000000000a'
export const bob = '10000000-0000-4000-8000-00000000000b'

/** Ada of Acme, Bob of Bolt. Somebody without claims is always added. */
export const identities = JSON.stringify([
  { name: 'ada', claims: { sub: ada, tenant_id: acme } },
  { name: 'bob', claims: { sub: bob, tenant_id: bolt } },
])

/** The role of all identities. */
export const role = 'matrix_member'

/** The role, and claims as PostgREST sets them. */
export const prelude = `
  do $$ begin create role matrix_member nologin; exception when duplicate_object or unique_violation then null; end $$;
  grant usage on schema public to matrix_member;
  create function claim_tenant() returns uuid language sql stable
    as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant_id')::uuid $$;
  create function claim_sub() returns uuid language sql stable
    as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
  create table tenants (id uuid primary key, name text not null);
  insert into tenants values ('${acme}', 'Acme'), ('${bolt}', 'Bolt');`

/** A table with rows of both tenants, all privileges granted, and these policies. */
export function notes(policies: string, name = 'notes'): string {
  return `
  create table ${name} (
    id uuid primary key default gen_random_uuid(), tenant_id uuid not null references tenants, body text not null,
    approved boolean not null default false
  );
  insert into ${name} (tenant_id, body) select '${acme}', 'a' || n from generate_series(1, 3) n;
  insert into ${name} (tenant_id, body) select '${bolt}', 'b' || n from generate_series(1, 5) n;
  grant all on ${name} to ${role};
  alter table ${name} enable row level security;
  ${policies.replaceAll(':t', name)}`
}

export const own = 'tenant_id = (select claim_tenant())'

/** A database with this SQL in it. */
export async function makeDatabase(sql: string): Promise<TestDatabase & { client: pg.Client }> {
  const database = await createTestDatabase({ contents: 'bare' })
  const client = new pg.Client(database.superuserUrl)
  await client.connect()
  await client.query(prelude)
  await client.query(sql)
  return {
    ...database,
    client,
    close: async () => {
      await client.end()
      await database.close()
    },
  }
}

/** Draws the matrix of a database with this SQL in it. */
export async function drawOf(sql: string, options: MatrixOptions = {}): Promise<Matrix> {
  const database = await makeDatabase(sql)
  try {
    return await drawMatrix(database.client, { file: identities, role, ...options })
  } finally {
    await database.close()
  }
}

/** The same with people whom the matrix finds itself. */
export async function drawSampled(sql: string): Promise<Matrix> {
  const database = await makeDatabase(sql)
  try {
    return await drawMatrix(database.client)
  } finally {
    await database.close()
  }
}

export function cellOf(matrix: Matrix, table: string, subject: string, command: Command): Cell {
  return matrix.tables.find(({ name }) => name === table)!.lines.find((line) => line.subject === subject)!.cells[
    command
  ]
}

/** The four cells of somebody in words, `!` after those that cross tenants. */
export function wordsOf(matrix: Matrix, table: string, subject: string): Record<Command, string> {
  const of = (command: Command) => {
    const cell = cellOf(matrix, table, subject, command)
    return `${toAccess(cell).join(' ')}${cell.crossTenant ? '!' : ''}`
  }
  return { select: of('select'), insert: of('insert'), update: of('update'), delete: of('delete') }
}
