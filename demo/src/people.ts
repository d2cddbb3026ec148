/**
 * How the issuer finds people in the tables of the application. Change it together with `src/db`: what is read here
 * needs a policy and a grant for `rowpass_issuer`.
 */
import type { People } from 'rowpass/issuer'

/** A person in a tenant that is theirs, by their row or by a membership. */
const place: People['place'] = (userId, tenantId) => `
  select u.id as user_id, u.tenant_id, u.role from public.users u where u.id = ${userId} and u.tenant_id = ${tenantId}
  union all
  select u.id, m.tenant_id, m.role from public.memberships m join public.users u on u.id = m.user_id
   where m.user_id = ${userId} and m.tenant_id = ${tenantId}
  limit 1`

/** The people of this application. */
export const people: People = {
  home: (userId) => `select u.id as user_id, u.tenant_id, u.role from public.users u where u.id = ${userId}`,
  place,
  administered: (userId, tenantId, by) => `
    select u.id as user_id, u.email from public.users u
     where u.id = ${userId} and u.tenant_id = ${tenantId}
       and exists (select from (${place(by, tenantId)}) as admin where admin.role = 'admin')`,
  // Who signs up is the admin of a tenant of their own.
  newcomer: `
    made as materialized (select gen_random_uuid() as tenant_id, email, name, tenant_name from sign_up),
    new_tenant as (insert into public.tenants (id, name) select tenant_id, tenant_name from made),
    newcomer as (
      insert into public.users (tenant_id, email, name, role) select tenant_id, email, name, 'admin' from made
      returning id as user_id
    )`,
}
