/**
 * `rowpass/seal`: an identity that SQL cannot forge, set by the application itself and without a gateway; on any runtime with
 * web standards but a browser, which can keep no key.
 */
export { OptionError } from '../errors.ts'
export { createSeal, type Seal, type SealableClaims, type SealOptions } from '../seal/create-seal.ts'
export type { RequestIdentity, SealedSession, SealKey } from '../seal/form.ts'
export { sealed } from '../seal/sealed.ts'
