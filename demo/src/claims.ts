/**
 * Claims of your own: what your tokens say of a person besides who they are. Edit this.
 */
import type { OwnClaims, Person } from 'rowpass/issuer'
import type { IssuerDatabase } from './database.ts'

/**
 * The application's claims for somebody who signs in, refreshes, or switches tenant, and for the people of the demo page; each
 * token asks anew.
 *
 * Policies read them with `auth.session()`. Keep out of them what need not be there: whoever holds the token reads it.
 * The names that the issuer sets itself (`sub`, `tenant_id`, `role`, `sid`, …) do not compile here.
 *
 * @param user in the tenant that the token is for
 * @param db as `rowpass_issuer`: it reads what your tables grant to that role, see `src/db`
 * @example
 * const [row] = await db.select({ plan: tenants.plan }).from(tenants).where(eq(tenants.id, user.tenantId))
 * return { plan: row?.plan ?? 'free' }
 */
export async function claimsFor(user: Person, db: IssuerDatabase): Promise<OwnClaims> {
  void [user, db]
  return {}
}
