/**
 * The people whom the demo's `GET /api/token` signs in, copied from `seed.sql`; a test compares the two.
 * The Worker has no way to ask the database who somebody is before they have a token.
 */
/** One seeded person, as far as a token speaks of them. */
export interface Persona {
  /** users.id, the token's `sub`. */
  readonly id: string
  /** users.email */
  readonly email: string
  /** users.name */
  readonly name: string
  /** users.tenant_id, a claim. */
  readonly tenantId: string
  /** tenants.name, for people to read. */
  readonly tenant: string
  /** users.role, a claim. */
  readonly role: 'member' | 'admin'
}
/** Every seeded person. The first, David, is signed in when nobody is named. */
export declare const personas: readonly [Persona, ...Persona[]]
/** Finds a person by id or e-mail address; undefined when nobody has it. */
export declare function findPersona(idOrEmail: string): Persona | undefined
