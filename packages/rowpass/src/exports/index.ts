/**
 * `rowpass`: what the other entries have in common, their failures.
 */
export { Failure, type FailureCode, OptionError } from '../errors.ts'
export { type FailureSpec, failures } from '../failures.ts'
