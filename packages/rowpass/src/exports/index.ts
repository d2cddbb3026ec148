/**
 * `rowpass`: what the other entries have in common, their failures.
 */
export { Failure, type FailureCode, type FailureSpec, failures, OptionError } from '../errors.ts'
