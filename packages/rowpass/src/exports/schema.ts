/**
 * `rowpass/schema`: what policies written by hand need of Rowpass's database: the typed claims and the two roles.
 */
export { claimBool, claimInt, claimText, claimTexts, claimUuid, claimUuids } from '../policies/claims.ts'
export { anonymous, authenticated } from '../policies/roles.ts'
