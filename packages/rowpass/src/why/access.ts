/**
 * Every relation that a statement reaches, with the role whose rights count there: views lead further down.
 */
import type pg from 'pg'
import { assignColumns } from './columns.ts'
import { loadRelation, loadRole, type Relation, type Resolution, type Role, resolveUses } from './relations.ts'
import { type Step, stepsFor } from './rules.ts'
import type { Action, Statement, Use } from './usage.ts'

/** One relation, reached in one way. */
export interface Access {
  readonly use: Use
  readonly relation: Relation
  /** Whose privileges and policies count: the identity, or the owner of a view on the way. */
  readonly actor: Role
  /** The views on the way, outermost first; empty for a relation that the statement names. */
  readonly via: readonly string[]
  readonly actions: ReadonlySet<Action>
  readonly reads: ReadonlySet<string>
  /** Whether the right to read is needed. */
  readonly needsSelect: boolean
  readonly rls: RlsState
  readonly steps: readonly Step[]
}

/** Whether policies hold for the acting role, and why. */
export interface RlsState {
  readonly holds: boolean
  readonly because: 'on' | 'off' | 'superuser' | 'bypassrls' | 'owner' | 'no_table'
}

/** A name that leads nowhere. */
export interface Unreached {
  readonly use: Use
  readonly resolution: Exclude<Resolution, { kind: 'found' }>
}

/** What a statement reaches. */
export interface Reach {
  readonly accesses: readonly Access[]
  readonly unreached: readonly Unreached[]
}

const maxViews = 16

/**
 * Finds every relation of a statement, also those that views read.
 *
 * Does NOT look into functions. Runs in a transaction, and sets its `search_path`.
 */
export async function reach(client: pg.ClientBase, statement: Statement, role: Role): Promise<Reach> {
  const resolutions = await resolveUses(client, statement.uses, role)
  const unreached: Unreached[] = []
  const named = new Map<Use, Relation>()
  for (const [use, resolution] of resolutions) {
    const relation = resolution.kind === 'found' ? await loadRelation(client, resolution.oid, role) : undefined
    if (relation !== undefined) named.set(use, relation)
    else if (resolution.kind !== 'found') unreached.push({ use, resolution })
  }
  const reads = assignColumns(statement.uses, statement.mentions, (use) =>
    named.get(use)?.columns.map(({ name }) => name),
  )
  const accesses: Access[] = []
  for (const [use, relation] of named) {
    const { columns = new Set<string>(), any = false } = reads.get(use) ?? {}
    await add({ use, relation, actor: role, via: [], actions: use.actions, reads: columns }, any)
  }
  return { accesses, unreached }

  async function add(access: Omit<Access, 'needsSelect' | 'rls' | 'steps'>, readsAny: boolean): Promise<void> {
    const { use, relation, actor, via, actions } = access
    const needsSelect = actions.has('read') || readsAny
    const rls = rlsState(relation, actor)
    const steps = rls.holds ? stepsFor(actions, { reads: needsSelect, returning: use.returning }) : []
    accesses.push({ ...access, needsSelect, rls, steps })
    if (relation.kind !== 'v' || via.length >= maxViews || systemSchemas.has(relation.schema)) return
    const below = relation.invoker ? actor : ((await loadRole(client, relation.owner)) ?? actor)
    for (const { oid, columns } of relation.below) {
      const next = await loadRelation(client, oid, below)
      if (next === undefined) continue
      const isTarget = !actions.has('read') && relation.below.length === 1 && !hasInsteadOf(relation)
      await add(
        {
          use,
          relation: next,
          actor: below,
          via: [...via, relation.sql],
          actions: isTarget ? actions : new Set<Action>(['read']),
          reads: new Set(columns),
        },
        isTarget ? needsSelect : true,
      )
    }
  }
}

const systemSchemas = new Set(['pg_catalog', 'information_schema'])

function hasInsteadOf({ triggers }: Relation): boolean {
  return triggers.some(({ timing }) => timing === 'INSTEAD OF')
}

/** @see check_enable_rls in src/backend/utils/misc/rls.c; membership in the owner counts as ownership */
function rlsState(relation: Relation, actor: Role): RlsState {
  if (relation.kind !== 'r' && relation.kind !== 'p') return { holds: false, because: 'no_table' }
  if (!relation.rlsEnabled) return { holds: false, because: 'off' }
  if (actor.superuser) return { holds: false, because: 'superuser' }
  if (actor.bypassRls) return { holds: false, because: 'bypassrls' }
  if (relation.actorOwns && !relation.rlsForced) return { holds: false, because: 'owner' }
  return { holds: true, because: 'on' }
}
