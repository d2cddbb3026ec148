/**
 * `rowpass/verify`: from a request's token to whom it proves, with the keys of the issuers that are trusted; on any
 * runtime with web standards.
 */
export { Failure, type FailureCode, OptionError } from '../errors.ts'
export type { Emit, RefusalReason, RowpassEvent } from '../events.ts'
export type { Algorithm } from '../token/algorithms.ts'
export { parseBearer, toChallenge } from '../token/bearer.ts'
export { TokenRefusal } from '../token/refusal.ts'
export {
  createVerifier,
  type TrustedIssuer,
  type VerifiedToken,
  type Verifier,
  type VerifierOptions,
  type VerifyOperation,
} from '../token/verifier.ts'
