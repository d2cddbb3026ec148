/**
 * Tells a refusal by a grant from one by a policy, and names the policies that could have let the row in.
 */
import pg from 'pg'
import { readDatabase } from '../access/database.ts'
import type { Identity } from '../access/identity.ts'
import { type Action, policiesFor, stepsFor } from '../access/policies.ts'

/** Why PostgreSQL refused a statement. */
export interface Refusal {
  readonly by: 'grant' | 'policy'
  /** The table of the policy, or what the privilege was missing for; as PostgreSQL names it. */
  readonly on: string
  /** The policies that refused: the restrictive one, or all the permissive ones of which none let the row in. */
  readonly policies: readonly string[]
}

const refusals = new WeakMap<object, Refusal>()

/** What {@link explainRefusal} found out about an error, also when drizzle-orm has put its own around it. */
export function refusalOf(error: unknown): Refusal | undefined {
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    const refusal = refusals.get(each)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/**
 * Finds out why a statement was refused; returns the same error.
 *
 * @param client as its own role again, the failed statement undone
 */
export async function explainRefusal(
  client: pg.ClientBase,
  error: unknown,
  identity: Identity | undefined,
  statement: string,
): Promise<unknown> {
  if (!(error instanceof pg.DatabaseError) || error.code !== '42501') return error
  // The texts are those of PostgreSQL 15 to 18 in English; with lc_messages in another language a policy is not told.
  const policy = /row-level security policy (?:"(.+)" )?(?:\(USING expression\) )?for table "(.+)"$/.exec(error.message)
  if (policy !== null) {
    const [, name, table = ''] = policy
    const names = name === undefined ? await candidates(client, error, identity, statement) : [name]
    refusals.set(error, { by: 'policy', on: table, policies: names })
  } else {
    refusals.set(error, { by: 'grant', on: error.message.replace(/^permission denied for /, ''), policies: [] })
  }
  return error
}

/** The permissive policies that apply; those of a command that the statement cannot be are left out. */
async function candidates(
  client: pg.ClientBase,
  error: pg.DatabaseError,
  identity: Identity | undefined,
  statement: string,
): Promise<string[]> {
  const name = /for table "(.+)"$/.exec(error.message)?.[1]
  const word = /^\s*(insert|update)\b/i.exec(statement)?.[1]?.toLowerCase()
  const isBoth = word === undefined || /\bon\s+conflict\b/i.test(statement)
  const actions: readonly Action[] = isBoth ? ['insert', 'conflict_update'] : [word === 'insert' ? 'insert' : 'update']
  const checked = stepsFor(actions, { reads: false, returning: false }).filter(
    ({ expression }) => expression === 'check',
  )
  const { catalog, access } = await readDatabase(client, { only: ['roles', 'relations', 'policies'] })
  const as = [...catalog.roles.values()].find((role) =>
    identity === undefined ? role.oid === catalog.database.reader : role.name === identity.role,
  )
  const tables = [...catalog.relations.values()].filter(
    (each) => each.name === name && (error.schema === undefined || each.schema === error.schema),
  )
  const policies = catalog.policies.filter(
    ({ permissive, relation }) => permissive && tables.some(({ oid }) => oid === relation),
  )
  const found = as === undefined ? [] : checked.flatMap(({ command }) => policiesFor(policies, access, as, command))
  return [...new Set(found.map((policy) => policy.name))].sort()
}
