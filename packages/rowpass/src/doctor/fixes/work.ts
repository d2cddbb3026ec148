/**
 * What everybody can do with some tables, functions and schemas: asked of PostgreSQL, and done where that can be rolled
 * back whole.
 */
import pg from 'pg'
import { type Command, commands, isTable, type Relation, type Routine } from '../../access/catalog/catalog.ts'
import type { EffectsJudge } from '../../access/effects.ts'
import { type ClaimsCarrier, makeReady } from '../../access/identity.ts'
import { attempt, attemptText, inSavepoint, isProblem } from '../../access/trial.ts'
import { Failure } from '../../errors.ts'
import type { Model } from '../analysis/model.ts'
import type { FixReach } from './fix-reach.ts'
import type { Worker } from './workers.ts'

/** Who may try what. */
export interface Workshop {
  readonly client: pg.ClientBase
  readonly model: Model
  readonly effects: EffectsJudge
  readonly carrier: ClaimsCarrier | undefined
  /** All roles, without claims, and people. */
  readonly workers: readonly Worker[]
  /** Roles that the connection can take on, by oid: as these, things are done and not only asked for. */
  readonly able: ReadonlySet<number>
}

/** What became of one piece of work. */
export interface WorkOutcome {
  readonly worker: Worker
  /** `SELECT on public.notes`, `EXECUTE on app.f()`. */
  readonly what: string
  readonly relation: Relation | undefined
  readonly command: Command | 'call' | undefined
  /** What the catalogs say: 0 no privilege, 1 no row, 2 what policies show, 3 everything. */
  readonly level?: number
  /** Rows that were read or changed, no more than are looked at. */
  readonly rows?: number
  readonly sqlstate?: string
}

/** By worker and work. */
export type WorkOutcomes = ReadonlyMap<string, WorkOutcome>

/** Functions that were not called, and why. */
export type Uncalled = Map<Routine, string>

const maxRead = 1_000
const maxChanged = 10

/** Tries all that a fix reaches. */
export async function workOn(shop: Workshop, reach: FixReach, uncalled: Uncalled): Promise<WorkOutcomes> {
  const asked = await askPrivileges(shop, reach)
  const done = new Map(asked)
  for (const [index, worker] of shop.workers.entries()) {
    if (!shop.able.has(worker.role.oid)) continue
    const put = (outcome: Omit<WorkOutcome, 'worker'>) =>
      done.set(`${index} done ${outcome.what}`, { ...outcome, worker })
    await asWorker(shop, worker, async () => {
      for (const relation of reach.relations) {
        for (const command of isTable(relation) ? commands : (['select'] as const)) {
          const outcome = await tryCommand(shop, worker, relation, command)
          if (outcome !== undefined) put({ what: nameOf(command, relation), relation, command, ...outcome })
        }
      }
      for (const routine of reach.routines) {
        const outcome = await tryCall(shop, worker, routine, uncalled)
        if (outcome !== undefined)
          put({ what: `a call of ${routine.sql}`, relation: undefined, command: 'call', ...outcome })
      }
    })
  }
  return done
}

function nameOf(command: Command, { sql }: Relation): string {
  return `${command.toUpperCase()} on ${sql}`
}

/** With the claims in place, until the work is done; where that cannot be, there is nothing to say. */
async function asWorker({ client, carrier }: Workshop, worker: Worker, work: () => Promise<void>): Promise<void> {
  try {
    await inSavepoint(client, async () => {
      await makeReady(client, { role: worker.role.name, claims: worker.claims }, carrier)
      await work()
    })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
  }
}

type Result = Pick<WorkOutcome, 'rows' | 'sqlstate'>

async function tryCommand(
  shop: Workshop,
  worker: Worker,
  relation: Relation,
  command: Command,
): Promise<Result | undefined> {
  const { client, effects, model } = shop
  const { role } = worker
  if (command === 'select') {
    if (effects.ofRead(relation).lasting !== undefined) return undefined
    return runAs(
      client,
      role.sql,
      `select count(*)::int as n from (select from ${relation.sql} limit ${maxRead}) as found`,
    )
  }
  if (effects.ofWrite(relation, [command]).lasting !== undefined) return undefined
  // A trigger that takes numbers of a sequence takes them for good.
  if (effects.triggersOf(relation).some(({ routine }) => effects.ofRoutine(routine).sequence !== undefined))
    return undefined
  if (command === 'insert') return tryInsert(shop, worker, relation)
  const some = `ctid = any (array(select ctid from ${relation.sql} limit ${maxChanged}))`
  if (command === 'delete') return runAs(client, role.sql, `delete from ${relation.sql} where ${some}`)
  const column = relation.columns.find(
    ({ generated, identity, name }) =>
      generated === undefined && identity !== 'always' && model.access.canColumn(role, 'update', relation, name),
  )
  if (column === undefined) return undefined
  return runAs(client, role.sql, `update ${relation.sql} set ${column.sql} = ${column.sql} where ${some}`)
}

/** In one message; names of roles and tables are all that it is made of. */
async function runAs(client: pg.ClientBase, role: string, statement: string): Promise<Result> {
  const results = await attemptText(client, [`set local role ${role}`, statement])
  if (results instanceof pg.DatabaseError) return { sqlstate: results.code ?? 'XX000' }
  const last = results.at(-1)
  const [row] = (last?.rows ?? []) as { n?: number }[]
  return { rows: row?.n ?? last?.rowCount ?? 0 }
}

/**
 * Inserts a copy of a row that the worker sees, or one of nulls. Policies are asked before keys and NOT NULL: whatever they
 * say, it is known what the policies said.
 */
async function tryInsert(
  { client, model }: Workshop,
  { role }: Worker,
  relation: Relation,
): Promise<Result | undefined> {
  const columns = relation.columns.filter(
    ({ generated, name }) => generated === undefined && model.access.canColumn(role, 'insert', relation, name),
  )
  const takesNumber = relation.columns.some(
    (column) =>
      (column.identity !== undefined || column.sequences.length > 0) &&
      !columns.some(({ name }) => name === column.name),
  )
  if (columns.length === 0 || takesNumber) return undefined
  const list = columns.map(({ sql }) => sql).join(', ')
  const tried = await attempt(client, async () => {
    await client.query(`set local role ${role.sql}`)
    const seen = await attempt(client, () =>
      client.query<{ row: unknown }>(`select to_jsonb(found) as row from ${relation.sql} as found limit 1`),
    )
    const row = isProblem(seen) ? undefined : seen.rows[0]?.row
    // The row goes as a parameter: no log of statements shows it.
    await client.query(
      `insert into ${relation.sql} (${list}) overriding system value
       select ${list} from jsonb_populate_record(null::${relation.sql}, $1::jsonb)`,
      [JSON.stringify(row ?? {})],
    )
  })
  return isProblem(tried) ? { sqlstate: tried.sqlstate } : { rows: 1 }
}

/** With values that mean nothing: whether it gets as far as before is all that is asked. */
async function tryCall(
  { client, effects, model }: Workshop,
  { role }: Worker,
  routine: Routine,
  uncalled: Uncalled,
): Promise<Result | undefined> {
  const { kind, returns, sql, oid } = routine
  if (kind !== 'function' || returns === 'trigger' || returns === 'event_trigger') return undefined
  if (!model.access.canExecute(role, routine)) return undefined
  const { lasting, sequence } = effects.ofRoutine(oid)
  const reason = lasting ?? sequence
  if (reason !== undefined) {
    uncalled.set(routine, reason)
    return undefined
  }
  const types = splitTypes(sql.slice(sql.indexOf('(') + 1, -1))
  const name = sql.slice(0, sql.indexOf('('))
  const values = types.map((type) => `${sampleOf(type)}::${type}`)
  return runAs(
    client,
    role.sql,
    `select count(*)::int as n from (select from ${name}(${values.join(', ')}) limit ${maxRead}) as found`,
  )
}

/** `a, "b, c"` is two types. */
function splitTypes(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|[^,"])+/g)].map(([type]) => type.trim()).filter((type) => type !== '')
}

function sampleOf(type: string): string {
  if (type === 'uuid') return "'00000000-0000-0000-0000-000000000000'"
  if (/^(smallint|integer|bigint|numeric|real|double precision)$/.test(type)) return '0'
  if (/^(text|character varying|citext)$/.test(type)) return "''"
  if (/^jsonb?$/.test(type)) return "'{}'"
  return type === 'boolean' ? 'false' : 'null'
}

interface PrivilegeRow {
  readonly role: number
  readonly kind: 'relation' | 'routine' | 'sequence' | 'create' | 'usage'
  readonly object: number
  readonly command: Command | null
  readonly level: number
}

/** For all roles at once, by PostgreSQL's own functions: also for those that the connection cannot take on. */
async function askPrivileges({ client, workers }: Workshop, reach: FixReach): Promise<Map<string, WorkOutcome>> {
  const roles = new Map(workers.filter(({ claims }) => isNobody(claims)).map((worker) => [worker.role.oid, worker]))
  const named = new Map(
    [...reach.asked, ...reach.routines, ...reach.sequences, ...reach.schemas].map((each) => [each.oid, each]),
  )
  const oids = (list: readonly { oid: number }[]) => list.map(({ oid }) => oid)
  const { rows } = await client.query<PrivilegeRow>(privilegesSql, [
    [...roles.keys()],
    oids(reach.asked),
    oids(reach.routines),
    oids(reach.sequences),
    oids(reach.schemas),
  ])
  const relations = new Map(reach.asked.map((each) => [each.oid, each]))
  const found = new Map<string, WorkOutcome>()
  for (const { role, kind, object, command, level } of rows) {
    const worker = roles.get(role)
    const target = named.get(object)
    if (worker === undefined || target === undefined) continue
    const relation = kind === 'relation' ? relations.get(object) : undefined
    const privilege = command?.toUpperCase() ?? privilegeNames[kind]
    const what = `${privilege} on ${kind === 'create' || kind === 'usage' ? 'schema ' : ''}${target.sql}`
    found.set(`${role} may ${what}`, { worker, what, relation, command: command ?? undefined, level })
  }
  return found
}

const privilegeNames: Readonly<Record<PrivilegeRow['kind'], string>> = {
  relation: '',
  routine: 'EXECUTE',
  sequence: 'nextval',
  create: 'CREATE',
  usage: 'USAGE',
}

function isNobody(claims: Worker['claims']): boolean {
  return Object.keys(claims).length === 0
}

const privilegesSql = `
  with workers as (select oid, rolsuper or rolbypassrls as past from pg_roles where oid = any ($1::oid[])),
  policies as (
    select w.oid as role, p.polrelid as relation, p.polcmd as command,
           bool_or(p.polpermissive) as permits,
           bool_or(p.polpermissive and coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
             and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true') as opens,
           bool_or(not p.polpermissive) as restricts
      from workers w join pg_policy p on p.polrelid = any ($2::oid[]) and exists (
        select from unnest(p.polroles) as r (oid) where case when r.oid = 0 then true else pg_has_role(w.oid, r.oid, 'USAGE') end)
     group by 1, 2, 3
  )
  select w.oid as role, 'relation' as kind, c.oid as object, v.command, case
      when not has_schema_privilege(w.oid, c.relnamespace, 'USAGE') then 0
      when not (has_table_privilege(w.oid, c.oid, v.command)
        or v.command <> 'delete' and has_any_column_privilege(w.oid, c.oid, v.command)) then 0
      when not c.relrowsecurity or w.past or not c.relforcerowsecurity and pg_has_role(w.oid, c.relowner, 'USAGE') then 3
      when not coalesce(p.permits, false) then 1
      when p.opens and not p.restricts then 3 else 2 end as level
    from workers w cross join pg_class c
    cross join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as v (command, letter)
    left join lateral (
      select bool_or(permits) as permits, bool_or(opens) as opens, bool_or(restricts) as restricts from policies p
       where p.role = w.oid and p.relation = c.oid and p.command in ('*', v.letter)) as p on true
   where c.oid = any ($2::oid[])
  union all
  select w.oid, 'routine', f.oid, null,
         (has_function_privilege(w.oid, f.oid, 'EXECUTE') and has_schema_privilege(w.oid, f.pronamespace, 'USAGE'))::int
    from workers w cross join pg_proc f where f.oid = any ($3::oid[])
  union all
  select w.oid, 'sequence', s.oid, null, has_sequence_privilege(w.oid, s.oid, 'USAGE, UPDATE')::int
    from workers w cross join pg_class s where s.oid = any ($4::oid[])
  union all
  select w.oid, k.kind, n.oid, null, has_schema_privilege(w.oid, n.oid, k.kind)::int
    from workers w cross join pg_namespace n cross join (values ('create'), ('usage')) as k (kind)
   where n.oid = any ($5::oid[])`
