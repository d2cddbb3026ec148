/**
 * Where the people of an application are: in tables of its own, which the issuer reads by SQL of the application.
 *
 * The functions of schema `issuer` run as the owner, to whom FORCE shows no row of these tables. So the tables are read
 * by `rowpass_issuer` itself, in the same statement that calls the function: what is read here needs a grant to that role
 * and, where row-level security is on, a policy for it.
 */

/**
 * SQL that finds people, and makes them.
 *
 * Each function is given SQL expressions, not values, to put into what it returns: one SELECT without a semicolon.
 * Name tables with their schema. Names that begin with `issuer_` are the issuer's.
 *
 * @example
 * const people: People = {
 *   home: (userId) => `select u.id as user_id, u.tenant_id, u.role from public.users u where u.id = ${userId}`,
 *   newcomer: `newcomer as (
 *     insert into public.users (email, name) select email, name from sign_up returning id as user_id
 *   )`,
 * }
 */
export interface People {
  /**
   * A person where they sign in: one row of `user_id`, `tenant_id` and `role`, or none when they are gone. Without
   * tenants or without roles the column is `null::uuid` or `null::text`, and tokens have no such claim.
   */
  readonly home: (userId: string) => string
  /**
   * The same columns of a person in a tenant that they may switch to, or no row. Default: the one where they sign in.
   */
  readonly place?: (userId: string, tenantId: string) => string
  /**
   * `user_id` and `email` of a person whom `by` may invite to set a password, and sign out: the person's tenant is
   * `tenantId`, and `by` is its admin. Default: nobody may.
   */
  readonly administered?: (userId: string, tenantId: string, by: string) => string
  /**
   * Common table expressions that make a person, the last one `newcomer` with the column `user_id`. They read
   * `email`, `name` and `tenant_name` from `sign_up`, which has one row, and none where nobody is to be made. The address
   * is known to be theirs. Default: nobody signs up.
   */
  readonly newcomer?: string
}

/** The SELECT of a person in a tenant. */
export function placeOf({ home, place }: People): NonNullable<People['place']> {
  return (
    place ??
    ((userId, tenantId) =>
      `select issuer_home.* from (${home(userId)}) as issuer_home where issuer_home.tenant_id = ${tenantId}`)
  )
}

/** Of whom nobody is the admin. */
export function nobody(userId: string, tenantId: string, by: string): string {
  return `select ${userId} as user_id, null::text as email from (select ${tenantId}, ${by}) as issuer_nobody where false`
}

/** No newcomer is made. */
export const noNewcomer = 'newcomer as (select null::uuid as user_id)'
