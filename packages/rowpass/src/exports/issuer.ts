/**
 * `rowpass/issuer`: keys, the set that publishes them, signed tokens, and the endpoints of OAuth over a store of your own;
 * on any runtime with web standards.
 */
export { Failure, type FailureCode, OptionError } from '../errors.ts'
export {
  type AccountStore,
  type Accounts,
  type AccountsOptions,
  type Acting,
  createAccounts,
  type Mail,
  type MailKind,
} from '../issuer/accounts.ts'
export {
  defaultTtlSeconds,
  type Grant,
  type IssueOptions,
  issueToken,
  maxTtlSeconds,
} from '../issuer/issue.ts'
export {
  createIssuer,
  type Issuer,
  type IssuerOptions,
  isIssuerUrl,
  type RequestInfo,
} from '../issuer/issuer.ts'
export type { IssuerPaths, Metadata } from '../issuer/metadata.ts'
export { type Json, type OwnClaims, type ReservedClaim, reservedClaims } from '../issuer/own-claims.ts'
export type { AccessToken } from '../issuer/own-token.ts'
export { type Comparison, comparePassword, hashPassword, isSuitable } from '../issuer/password.ts'
export type { People } from '../issuer/people.ts'
export { createPostgresStore, type PostgresStoreOptions } from '../issuer/postgres-store.ts'
export { generateEncryptionKey } from '../issuer/ring/encryption.ts'
export { createKeyRing, type KeyRingOptions } from '../issuer/ring/source.ts'
export { createSecret, hashSecret, type SecretHash, sameHash } from '../issuer/secret.ts'
export type { SqlDatabase, SqlRow } from '../issuer/sql-database.ts'
export type {
  Attempt,
  Client,
  Credential,
  IssuerStore,
  Lifetimes,
  LiveSession,
  NewSession,
  Person,
  RefreshSession,
  Rotation,
} from '../issuer/store.ts'
export type { IssuerEvent } from '../issuer/token-response.ts'
export { isHost, isLoopback, parseHosts } from '../network.ts'
export { type Jwks, jwksMaxAgeSeconds, parseJwks, toJwks } from '../token/jwks.ts'
export {
  type Algorithm,
  type GeneratedKey,
  generateKey,
  importSigningKey,
  type PublicJwk,
  type SigningKey,
  toPublicJwk,
} from '../token/key.ts'
export { fixedKeys, type KeySource, type PublishedJwks } from '../token/key-source.ts'
