/** Claims that are named by a path: at the top, in an object, or under a name with dots in it. */
import { OptionError } from '../errors.ts'

/** A claim by its name, such as `org_id`; by a path, such as `organization.id`; or by the steps of a path. */
export type ClaimPath = string | readonly string[]

/** A value that a claim can be compared with. */
export type ClaimValue = string | number | boolean

/**
 * The steps of a path. A text is split at its dots, unless it is a URL, which is one name: those of claims with a namespace
 * are. A list is taken as it is, for names with dots that are no URL.
 *
 * @throws OptionError when a step is empty, or written as in another language: `roles[]`, `$.roles`
 */
export function toSteps(path: ClaimPath): readonly string[] {
  const steps = typeof path !== 'string' ? path : path.includes('://') ? [path] : path.split('.')
  const isStep = (step: unknown) => typeof step === 'string' && step !== ''
  if (!Array.isArray(steps) || steps.length === 0 || !steps.every(isStep)) throw new OptionError('names no claim')
  if (typeof path === 'string' && /[[\]]|^\$/.test(path)) {
    throw new OptionError(
      'has the name of a claim with [, ] or $: steps are parted by dots, and lists are looked through',
    )
  }
  return steps
}

/** The value at the end of a path; undefined where there is none. What every object has, such as `constructor`, is none. */
export function claimAt(claims: Readonly<Record<string, unknown>>, steps: readonly string[]): unknown {
  let value: unknown = claims
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

/** Whether a claim is one of the values, or a list that holds one of them. */
export function isOneOf(claim: unknown, values: readonly ClaimValue[]): boolean {
  const claimed: readonly unknown[] = Array.isArray(claim) ? claim : [claim]
  return values.some((value) => claimed.includes(value))
}
