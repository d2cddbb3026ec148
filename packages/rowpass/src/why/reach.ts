/**
 * Every relation that a statement reaches, with the role whose rights count there: views lead further down.
 */
import type pg from 'pg'
import type { Access } from '../access/access.ts'
import { isTable, type Policy, type Relation, type Role, type Trigger } from '../access/catalog/catalog.ts'
import { type Database, readDatabase } from '../access/database.ts'
import { type Action, type Step, stepsFor } from '../access/policies.ts'
import { Failure } from '../errors.ts'
import { assignColumns } from './columns.ts'
import { type Resolution, resolveUses } from './names.ts'
import type { ParsedStatement, Use } from './usage.ts'

/** One relation, reached in one way. */
export interface Reached {
  readonly database: Database
  readonly use: Use
  readonly relation: Relation
  /** Policies of the relation, whoever they are for. */
  readonly policies: readonly Policy[]
  /** Triggers of the relation that are on. */
  readonly triggers: readonly Trigger[]
  /** Whose privileges and policies count: the identity, or the owner of a view on the way. */
  readonly actor: Role
  /** The views on the way, outermost first; empty for a relation that the statement names. */
  readonly via: readonly string[]
  readonly actions: ReadonlySet<Action>
  /** Columns that are read. */
  readonly reads: ReadonlySet<string>
  /** Whether the right to read is needed. */
  readonly needsSelect: boolean
  /** Whether it is needed for RETURNING alone. */
  readonly forReturning: boolean
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
  readonly database: Database
  /** The role of the identity. */
  readonly role: Role
  readonly reached: readonly Reached[]
  readonly unreached: readonly Unreached[]
}

const maxViews = 16
/** All that is asked of it here, so that no time goes into the rest. */
const asked = [
  'roles',
  'schemas',
  'relations',
  'columns',
  'policies',
  'routines',
  'systemFunctions',
  'foreignKeys',
  'triggers',
  'sequences',
] as const

/**
 * Finds every relation of a statement, also those that views read.
 *
 * Does NOT look into functions. Runs in a transaction, with the search path of the connection.
 *
 * @throws Failure `input_invalid` when there is no such role
 */
export async function findReach(client: pg.ClientBase, statement: ParsedStatement, roleName: string): Promise<Reach> {
  const { rowCount } = await client.query('select from pg_catalog.pg_roles where rolname = $1', [roleName])
  if (rowCount === 0) throw new Failure('input_invalid', { detail: `there is no database role ${roleName}` })
  const resolutions = await resolveUses(client, statement.uses, roleName)
  const oids = [...resolutions.values()].flatMap((each) => (each.kind === 'found' ? [each.oid] : []))
  const database = await readDatabase(client, { systemRelations: oids, only: asked })
  const { catalog } = database
  const role = [...catalog.roles.values()].find(({ name }) => name === roleName)
  if (role === undefined) throw new TypeError('a role has gone')
  const unreached: Unreached[] = []
  const named = new Map<Use, Relation>()
  for (const [use, resolution] of resolutions) {
    const relation = resolution.kind === 'found' ? catalog.relations.get(resolution.oid) : undefined
    if (relation !== undefined) named.set(use, relation)
    else if (resolution.kind !== 'found') unreached.push({ use, resolution })
  }
  const reads = assignColumns(statement.uses, statement.mentions, (use) =>
    named.get(use)?.columns.map(({ name }) => name),
  )
  const reached: Reached[] = []
  for (const [use, relation] of named) {
    const { columns = new Set<string>(), any = false, anyElse = false } = reads.get(use) ?? {}
    const forReturning = use.returning && !anyElse
    add({ use, relation, actor: role, via: [], actions: use.actions, reads: columns, forReturning }, any)
  }
  return { database, role, reached, unreached }

  function add(
    way: Pick<Reached, 'use' | 'relation' | 'actor' | 'via' | 'actions' | 'reads' | 'forReturning'>,
    readsAny: boolean,
  ): void {
    const { use, relation, actor, via, actions } = way
    const needsSelect = actions.has('read') || readsAny
    const rls = rlsState(database.access, relation, actor)
    const steps = rls.holds ? stepsFor(actions, { reads: needsSelect, returning: use.returning }) : []
    const policies = catalog.policies.filter((policy) => policy.relation === relation.oid)
    const triggers = catalog.triggers.filter((trigger) => trigger.relation === relation.oid && trigger.enabled)
    reached.push({ ...way, database, policies, triggers, needsSelect, rls, steps })
    if (relation.kind !== 'view' || via.length >= maxViews || systemSchemas.has(relation.schema)) return
    const below = relation.securityInvoker ? actor : (catalog.roles.get(relation.owner) ?? actor)
    const writesThrough = !triggers.some(({ timing }) => timing === 'instead of')
    for (const { relation: oid, columns } of relation.sources) {
      const next = catalog.relations.get(oid)
      if (next === undefined || next === relation) continue
      const isTarget = !actions.has('read') && relation.sources.length === 1 && writesThrough
      add(
        {
          use,
          relation: next,
          actor: below,
          via: [...via, relation.sql],
          actions: isTarget ? actions : new Set<Action>(['read']),
          forReturning: isTarget && way.forReturning,
          reads: new Set(next.columns.filter(({ number }) => columns.includes(number)).map(({ name }) => name)),
        },
        isTarget ? needsSelect : true,
      )
    }
  }
}

const systemSchemas = new Set(['pg_catalog', 'information_schema'])

/** @see check_enable_rls in src/backend/utils/misc/rls.c; membership in the owner counts as ownership */
function rlsState(access: Access, relation: Relation, actor: Role): RlsState {
  if (!isTable(relation)) return { holds: false, because: 'no_table' }
  if (!relation.rls) return { holds: false, because: 'off' }
  const bypass = access.bypass(actor, relation)
  return bypass === undefined ? { holds: true, because: 'on' } : { holds: false, because: bypass }
}
