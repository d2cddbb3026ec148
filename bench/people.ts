/**
 * The demo's own tables in the database of a benchmark, with many people, under its own policies and others beside them.
 */
import { fileURLToPath } from 'node:url'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { provision } from '../packages/rowpass/src/database/provision.ts'
import type { BenchDatabase } from './database.ts'

const peopleOfTenant = 10
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const uuidSql = (number: string) => `('00000000-0000-4000-8000-' || lpad((${number})::text, 12, '0'))::uuid`

/** The person of an index, from 0 on. */
export function personOf(index: number): { readonly id: string; readonly tenantId: string } {
  return { id: uuidOf(index), tenantId: uuidOf(Math.floor(index / peopleOfTenant)) }
}

const tablesSql = `
  create table public.own_users (like public.users including all);
  create table public.first_users (like public.users including all);
  alter table public.own_users enable row level security;
  alter table public.first_users enable row level security;
  create policy own on public.own_users for select to authenticated
    using (tenant_id = (select auth.claim_uuid('tenant_id')) and id = (select auth.uid()));
  create policy first on public.first_users for select to authenticated
    using ((select auth.session() ->> 'tenant_id' = tenant_id::text));
  grant select on public.own_users, public.first_users to authenticated`

const fillSql = (people: number) => `
  truncate public.memberships, public.users, public.tenants, public.own_users, public.first_users;
  insert into public.tenants (id, name)
    select ${uuidSql('n')}, 'Tenant ' || n from generate_series(0, ${Math.ceil(people / peopleOfTenant)} - 1) n;
  insert into public.users (id, tenant_id, email, name)
    select ${uuidSql('n')}, ${uuidSql(`n / ${peopleOfTenant}`)}, 'user-' || n || '@example.test', 'User ' || n
      from generate_series(0, ${people} - 1) n;
  insert into public.own_users select * from public.users;
  insert into public.first_users select * from public.users`

/** Makes the tables, by the demo's own migrations. */
export async function makePeopleTables({ ownerUrl, gatewayUrl, superuserUrl }: BenchDatabase): Promise<void> {
  const migrationsFolder = fileURLToPath(new URL('../demo/drizzle', import.meta.url))
  await provision({ ownerUrl, gatewayUrl, migrationsFolder, withIssuer: true })
  await withConnection(superuserUrl, (client) => client.query(tablesSql))
}

/** Puts so many people into them, ten in each tenant, in the place of those who were there. */
export async function fillPeopleTables({ superuserUrl }: BenchDatabase, people: number): Promise<void> {
  await withConnection(superuserUrl, async (client) => {
    await client.query(fillSql(people))
    await client.query('vacuum (analyze, freeze) public.users, public.own_users, public.first_users')
  })
}
