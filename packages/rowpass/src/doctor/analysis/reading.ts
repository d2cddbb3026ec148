/**
 * What a policy, a view or a function reads in the end, and as whom.
 */
import type { Command, Relation, Routine } from '../../access/catalog/catalog.ts'
import { type Model, type PolicyFacts, reachedBy, writeExpression } from './model.ts'

/** A table that a view reaches, as whom it is read, and through which views with rights of their owner. */
export interface ReadTable {
  readonly table: Relation
  /** Role whose rights count; undefined: the caller's. */
  readonly as: number | undefined
  readonly through: readonly Relation[]
}

/**
 * All tables that a view reaches, through views of views.
 *
 * A view without `security_invoker` reads as its owner; one with it as the caller of the whole query, also where another
 * view reads it. Materialized views hold rows of their own: what they have read is in them.
 */
export function tablesOf(model: Model, view: Relation): ReadTable[] {
  const found: ReadTable[] = []
  const seen = new Set<string>()
  const visit = (each: Relation, through: readonly Relation[]): void => {
    const definer = each.kind === 'materialized view' || !each.securityInvoker
    const as = definer ? each.owner : undefined
    const path = definer ? [...through, each] : through
    for (const { relation: oid } of each.sources) {
      const next = model.catalog.relations.get(oid)
      if (next === undefined || oid === each.oid || seen.has(`${oid} ${as}`)) continue
      seen.add(`${oid} ${as}`)
      if (next.kind === 'view' || next.kind === 'materialized view') visit(next, path)
      else found.push({ table: next, as, through: definer ? path : [] })
    }
  }
  visit(view, [])
  return found
}

/** Tables that the sub-selects of a policy read, and those that its functions read as the caller. */
export function tablesReadBy(model: Model, policy: PolicyFacts): Set<Relation> {
  const found = new Set<Relation>()
  for (const expression of [policy.usingTree, policy.checkTree]) {
    if (expression === undefined) continue
    for (const reading of expression.sublinks.flatMap(({ relations }) => relations)) {
      const table = model.relationNamed(reading)
      if (table !== undefined) found.add(table)
    }
    for (const table of readAsCaller(model, [...reachedBy(model, expression.tree).routines])) found.add(table)
  }
  return found
}

/** A SECURITY DEFINER function of an owner whom policies do not hold reads past them, and ends a cycle. */
function readAsCaller(model: Model, routines: readonly Routine[]): Relation[] {
  return routines.flatMap((routine) =>
    model.callers
      .body(routine)
      .tables.flatMap((each) => model.relationNamed(each) ?? [])
      .filter((table) => !routine.securityDefiner || !model.access.bypasses(routine.owner, table)),
  )
}

/** A table that a function uses, itself or through others, with whose rights, and what it does there. */
export interface UsedTable {
  readonly table: Relation
  /** Role whose rights count; undefined: the caller's. */
  readonly as: number | undefined
  /** The function whose body has it. */
  readonly in: Routine
  /** What is done to its rows; none where they are only read. */
  readonly writes: readonly Command[]
}

/** Tables that a function uses. What it calls runs as whoever it runs as, unless that is SECURITY DEFINER too. */
export function tablesOfRoutine(model: Model, routine: Routine): UsedTable[] {
  const found: UsedTable[] = []
  const seen = new Set<string>()
  const visit = (each: Routine, caller: number | undefined): void => {
    const as = each.securityDefiner ? each.owner : caller
    if (seen.has(`${each.oid} ${as}`)) return
    seen.add(`${each.oid} ${as}`)
    const { tables, calls } = model.callers.body(each)
    for (const { writes, ...name } of tables) {
      const table = model.relationNamed(name)
      if (table !== undefined) found.push({ table, as, in: each, writes })
    }
    for (const call of calls) for (const next of model.callers.resolve(call)) visit(next, as)
  }
  visit(routine, undefined)
  return found
}

/**
 * Whether a role that a function works as is held by no policy that asks who is asking: it is past them, or has one of its
 * own, as `to app_owner using (true)` under FORCE.
 */
export function isUnheld(model: Model, oid: number, table: Relation, command: Command): boolean {
  const role = model.catalog.roles.get(oid)
  if (!table.rls || role === undefined) return false
  if (model.access.bypasses(oid, table)) return true
  const asks = (policy: PolicyFacts): boolean =>
    model.judge.readsCaller(command === 'insert' ? writeExpression(policy)?.tree : policy.usingTree?.tree)
  const applying = model.applying(table, role, command)
  return (
    applying.some((each) => each.permissive && !asks(each)) && applying.every((each) => each.permissive || !asks(each))
  )
}

/** The nearest parent, grandparent … with row-level security. */
export function protectedAncestor(model: Model, { parents }: Relation): Relation | undefined {
  for (const oid of parents) {
    const parent = model.catalog.relations.get(oid)
    const found = parent?.rls ? parent : parent && protectedAncestor(model, parent)
    if (found !== undefined) return found
  }
  return undefined
}
