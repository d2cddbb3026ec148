/**
 * `rowpass/issuer`: keys, the set that publishes them, and signed tokens; on any runtime with web standards.
 */
export { Failure, type FailureCode } from '../errors.ts'
export {
  DEFAULT_TTL_SECONDS,
  type Grant,
  type IssueOptions,
  issueToken,
  MAX_TTL_SECONDS,
} from '../issuer/issue.ts'
export { JWKS_MAX_AGE_SECONDS, type Jwks, parseJwks, toJwks } from '../keys/jwks.ts'
export {
  type Algorithm,
  type GeneratedKey,
  generateKey,
  importSigningKey,
  type PublicJwk,
  type SigningKey,
  toPublicJwk,
} from '../keys/key.ts'
