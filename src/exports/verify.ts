/**
 * `rowpass/verify`: from a request's token to whom it proves, with the keys of the issuers that are trusted; on any
 * runtime with web standards.
 */
export { Failure, type FailureCode } from '../errors.ts'
export type { Emit, RefusalReason, RowpassEvent } from '../events.ts'
export type { Algorithm } from '../keys/algorithms.ts'
export { parseBearer, toChallenge } from '../verify/bearer.ts'
export { TokenRefusal } from '../verify/refusal.ts'
export {
  createVerifier,
  type TrustedIssuer,
  type VerifiedToken,
  type Verifier,
  type VerifierOptions,
  type VerifyOperation,
} from '../verify/verifier.ts'
