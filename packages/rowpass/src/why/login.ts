/**
 * Whether the login that requests arrive on can become their role.
 */
import type pg from 'pg'
import { findMissingMembership, type MissingMembership, mayBecome } from '../access/membership.ts'
import { Failure } from '../errors.ts'

/** A login that cannot become the role of the identity. */
export interface Unreachable extends MissingMembership {
  readonly login: string
}

/**
 * @returns undefined where it can
 * @throws Failure `input_invalid` where there is no such role
 */
export async function findUnreachable(
  client: pg.ClientBase,
  login: string,
  role: string,
): Promise<Unreachable | undefined> {
  const able = await mayBecome(client, login, role)
  if (able === undefined) throw new Failure('input_invalid', { detail: `there is no login ${login}` })
  return able ? undefined : { login, ...(await findMissingMembership(client, login, role)) }
}
