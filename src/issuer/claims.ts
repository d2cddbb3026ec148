/**
 * Claims that an application adds to its tokens, and those that it cannot touch.
 */

/** Claims that the issuer sets. Policies trust some of them, so no application code may say otherwise. */
export const reservedClaims = [
  'iss',
  'aud',
  'sub',
  'exp',
  'nbf',
  'iat',
  'jti',
  'client_id',
  'scope',
  'sid',
  'tenant_id',
  'role',
] as const

/** The name of a claim that the issuer sets. */
export type ReservedClaim = (typeof reservedClaims)[number]

/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** Claims of an application: any JSON, under any name but a reserved one. */
export type OwnClaims = { readonly [name: string]: Json } & { readonly [Name in ReservedClaim]?: never }

/**
 * Passes on the claims of an application.
 *
 * @throws TypeError when one is reserved: types can be cast away, and the names may come from a database
 */
export function checkOwnClaims(claims: OwnClaims): OwnClaims {
  // As the token will have them: after `toJSON`, and without what JSON leaves out.
  const plain: unknown = JSON.parse(JSON.stringify(claims))
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain))
    throw new TypeError('claims is not an object')
  const taken = reservedClaims.find((name) => Object.hasOwn(plain, name))
  if (taken !== undefined) throw new TypeError(`the claim "${taken}" is set by the issuer`)
  return claims
}
