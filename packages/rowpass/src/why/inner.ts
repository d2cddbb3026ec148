/**
 * Tables that a policy reads, itself or in functions, under policies of their own: those may decide what the outer one says.
 */
import type pg from 'pg'
import { isTable, type Policy, type Relation, type Role } from '../access/catalog/catalog.ts'
import type { Database } from '../access/database.ts'
import { policiesFor } from '../access/policies.ts'
import { inSavepoint, toProblem } from '../access/trial.ts'

/** A table that is read on the way, where its policies hold. */
export interface InnerTable {
  readonly relation: Relation
  /** For whom its policies hold. */
  readonly actor: Role
  /** The function or view that reads it; undefined where the policy itself does. */
  readonly through: string | undefined
  /** Names of the policies for SELECT that are for the actor. */
  readonly policies: readonly string[]
}

/** How long the table inside may be locked for, which is the time that others may have to wait. */
const lockMs = 200

/** Finds them, each once. Does NOT see tables whose names a function makes at run time. */
export function innerTables(
  { catalog, access, callers }: Database,
  { relation: own, reads, calls }: Policy,
  actor: Role,
): readonly InnerTable[] {
  const found: InnerTable[] = []
  const seen = new Set<string>()
  for (const oid of reads) if (oid !== own) visitRelation(catalog.relations.get(oid), actor, undefined)
  for (const oid of calls) visitRoutine(oid, actor)
  return found

  function visitRoutine(oid: number, caller: Role): void {
    const routine = catalog.routines.get(oid)
    if (routine === undefined || isKnown(`f${oid} ${caller.oid}`)) return
    const runner = (routine.securityDefiner ? catalog.roles.get(routine.owner) : undefined) ?? caller
    const { tables, calls: inner } = callers.body(routine)
    for (const { schema, name } of tables) {
      const named = [...catalog.relations.values()].filter(
        (each) => each.name === name && (schema === undefined || each.schema === schema),
      )
      for (const each of named) visitRelation(each, runner, routine.sql)
    }
    for (const call of inner) for (const each of callers.resolve(call)) visitRoutine(each.oid, runner)
  }

  function visitRelation(relation: Relation | undefined, reader: Role, through: string | undefined): void {
    if (relation === undefined || isKnown(`r${relation.oid} ${reader.oid}`)) return
    if (relation.kind === 'view') {
      const owner = relation.securityInvoker ? reader : (catalog.roles.get(relation.owner) ?? reader)
      for (const { relation: oid } of relation.sources)
        if (oid !== relation.oid) visitRelation(catalog.relations.get(oid), owner, relation.sql)
      return
    }
    if (!isTable(relation) || !relation.rls || access.bypass(reader, relation) !== undefined) return
    const list = catalog.policies.filter((each) => each.relation === relation.oid)
    const policies = policiesFor(list, access, reader, 'select').map(({ name }) => name)
    found.push({ relation, actor: reader, through, policies })
  }

  function isKnown(key: string): boolean {
    const known = seen.has(key)
    seen.add(key)
    return known
  }
}

/**
 * Runs `work` while the policies of tables do not hold for anybody, and takes that back. Needs the rights of their owner, and
 * waits for their locks for {@link lockMs} at most.
 *
 * @returns undefined where that cannot be done
 */
export async function withoutPolicies<T>(
  client: pg.ClientBase,
  tables: readonly InnerTable[],
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await inSavepoint(client, async () => {
      await client.query(`set local lock_timeout = ${lockMs}`)
      for (const { relation } of tables) await client.query(`alter table ${relation.sql} disable row level security`)
      return work()
    })
  } catch (error) {
    toProblem(error)
    return undefined
  }
}
