/**
 * `rowpass/schema`: what policies written by hand need of Rowpass's database: the typed claims and the two roles.
 */

export { anonymous, authenticated } from '../policies/roles.ts'
export { claimBool, claimInt, claimText, claimTexts, claimUuid, claimUuids } from '../policies/typed-claims.ts'
