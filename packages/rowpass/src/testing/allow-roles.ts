/**
 * Lets the connection's role become the roles of requests.
 */
import pg from 'pg'
import { canBecome } from '../access/identity.ts'
import { sqlstateOf } from '../database/connect.ts'
import { Failure } from '../errors.ts'

/** Another process may grant the same at the same time; it is then there. */
const attempts = 5

/**
 * Grants what is missing for `SET ROLE`; a role that does not exist is passed over, as a test may not use it.
 *
 * @throws Failure `owner_powerless` when the connection may not grant it
 */
export async function allowRoles(client: pg.ClientBase, roles: readonly string[]): Promise<void> {
  for (const role of roles) {
    for (let attempt = 1; (await canBecome(client, role)) === false; attempt++) {
      try {
        await client.query(`grant ${pg.escapeIdentifier(role)} to current_user`)
      } catch (error) {
        const raced = sqlstateOf(error) === '23505' || /concurrently/.test(String(error))
        if (raced && attempt < attempts) continue
        throw new Failure('owner_powerless', { detail: `become the role ${role}`, cause: error })
      }
    }
  }
}
