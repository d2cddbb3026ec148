/**
 * How the issuer finds people in the tables of the application, as SQL. Change it together with `src/schema`: what is
 * read here needs a policy and a grant for `rowpass_issuer`.
 *
 * The functions of schema `issuer` run as the owner, to whom FORCE shows no row of these tables. So the tables are read
 * by the issuer itself, under its own policies, in the same statement that calls the function.
 */

/** A person in their own tenant: columns `user_id`, `tenant_id`, `role`. */
export function homeOf(userId: string): string {
  return `select u.id as user_id, u.tenant_id, u.role from public.users u where u.id = ${userId}`
}

/** A person in a tenant that is theirs, by their row or by a membership; no row when it is not. */
export function placeOf(userId: string, tenantId: string): string {
  return `
    select u.id as user_id, u.tenant_id, u.role from public.users u where u.id = ${userId} and u.tenant_id = ${tenantId}
    union all
    select u.id, m.tenant_id, m.role from public.memberships m join public.users u on u.id = m.user_id
     where m.user_id = ${userId} and m.tenant_id = ${tenantId}
    limit 1`
}

/** Somebody whose own tenant this is, if `by` is an admin there: columns `user_id`, `email`. */
export function administered(userId: string, tenantId: string, by: string): string {
  return `
    select u.id as user_id, u.email from public.users u
     where u.id = ${userId} and u.tenant_id = ${tenantId}
       and exists (select from (${placeOf(by, tenantId)}) as admin where admin.role = 'admin')`
}

/**
 * Makes the tenant and the person of a sign-up from the row of `invite`, as common table expressions. The address is
 * known to be theirs.
 */
export function newcomers(tenantId: string, userId: string): string {
  return `
    new_tenant as (
      insert into public.tenants (id, name) select ${tenantId}, tenant_name from invite where user_id is null
    ),
    new_user as (
      insert into public.users (id, tenant_id, email, name, role)
      select ${userId}, ${tenantId}, email, name, 'admin' from invite where user_id is null
    )`
}
