/**
 * Claims that an application adds to its tokens, and those that it cannot touch.
 */
import { invalid, isUnsafeJson } from './issue.ts'

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
  'act',
] as const

/** The name of a claim that the issuer sets. */
export type ReservedClaim = (typeof reservedClaims)[number]

/** A value of JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** Claims of an application: any JSON, under any name but a reserved one. */
export type OwnClaims = { readonly [name: string]: Json } & { readonly [Name in ReservedClaim]?: never }

/** Bytes of an application's claims as JSON; a token has 8192 characters for all of them. */
const maxOwnClaimsBytes = 4096

/**
 * Passes on the claims of an application, as a token will have them: after `toJSON`, without what JSON leaves out.
 *
 * @throws Failure `claims_invalid` when one is reserved: types can be cast away, and the names may come from a database; when they are
 *   longer than 4096 bytes, or hold a text that no token can (U+0000, a lone surrogate)
 */
export function checkOwnClaims(claims: OwnClaims): OwnClaims {
  const text: string | undefined = JSON.stringify(claims)
  if (text?.startsWith('{') !== true) throw invalid('they are not an object')
  const plain: OwnClaims = JSON.parse(text)
  const taken = reservedClaims.find((name) => Object.hasOwn(plain, name))
  if (taken !== undefined) throw invalid(`the claim "${taken}" is set by the issuer`)
  if (isUnsafeJson(text)) throw invalid('a text in them holds U+0000 or a lone surrogate')
  if (new TextEncoder().encode(text).length > maxOwnClaimsBytes) {
    throw invalid(`they are longer than ${maxOwnClaimsBytes} bytes`)
  }
  return plain
}
