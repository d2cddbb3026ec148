/**
 * The second implementation: the same tables without policies, where a view for each purpose shows an identity the rows
 * that its rules allow, and a trigger refuses the rows that they do not.
 *
 * It follows PostgreSQL's rules for row security as its manual has them (CREATE POLICY, "Policies Applied by Command Type").
 */
import { type Condition, type Identity, literal, type Rules, type Schema } from './schema.ts'
import { isTree, type Leaf, leavesOf, render, type Tree } from './tree.ts'

const purposes = ['select', 'lock', 'update', 'update_blind', 'delete', 'delete_blind'] as const
type ViewPurpose = (typeof purposes)[number]

const never: Condition = () => 'false'
const schemaOf = (identity: Identity, purpose: ViewPurpose): string => `model_${identity.name}_${purpose}`

/** The schemas in which an identity's statement finds its tables. */
export const searchPathOf = (identity: Identity): string => `${schemaOf(identity, 'select')}, app, public`

/** Everything the model needs in a copy of the database. Runs as its owner. */
export function modelSql(schema: Schema): string {
  const tables = schema.tables.filter(({ viewSql }) => viewSql === undefined)
  const views = schema.identities.flatMap((identity) =>
    purposes.flatMap((purpose) => [
      `create schema ${schemaOf(identity, purpose)};`,
      ...tables.map(({ name }) => {
        const rules = schema.rules(identity)[name] ?? {}
        return `create view ${schemaOf(identity, purpose)}.${name} with (security_barrier) as
          select * from app.${name} r where ${conditionFor(purpose, rules)('r')};`
      }),
    ]),
  )
  const readOnly = schema.identities.map((identity) => {
    const created = schema.tables.flatMap(({ name, viewSql }) =>
      viewSql === undefined ? [] : [`create view ${name} as ${viewSql};`],
    )
    return `set search_path = ${searchPathOf(identity)}; ${created.join('\n')}`
  })
  const triggers = tables.map(({ name, parent }) => triggerSql(schema, name, parent))
  const open = tables.map(
    ({ name }) => `alter table app.${name} disable row level security, no force row level security;`,
  )
  return [...open, ...views, ...readOnly, 'create schema model;', ...triggers, 'reset search_path;'].join('\n')
}

function conditionFor(purpose: ViewPurpose, rules: Partial<Rules>): Condition {
  const { select = never, update = never, delete: remove = never } = rules
  const both =
    (one: Condition, other: Condition): Condition =>
    (r) =>
      `(${one(r)}) and (${other(r)})`
  switch (purpose) {
    case 'select':
      return select
    case 'lock':
    case 'update':
      return both(select, update)
    case 'update_blind':
      return update
    case 'delete':
      return both(select, remove)
    case 'delete_blind':
      return remove
  }
}

/** Not VOLATILE, so that its conditions see the tables as they were when the statement began, as a policy's do. */
function triggerSql(schema: Schema, table: string, parent?: string): string {
  const unless = (condition: Condition, row: string) =>
    `if not coalesce((${condition(row)}), false) then raise exception 'the model refuses' using errcode = '42501'; end if;`
  const cases = schema.identities.map((identity) => {
    const {
      select = never,
      insert = never,
      update = never,
      updated = never,
      delete: remove = never,
    } = schema.rules(identity)[table] ?? {}
    return `if me = ${literal(identity.name)} then
      if tg_op = 'INSERT' and how not like 'update%' then
        ${unless(insert, 'new')}
        if how like '%returning%' or (how like '%select%' and how not like 'merge%') then ${unless(select, 'new')} end if;
      elsif tg_op = 'UPDATE' then
        if how like 'upsert%' or how like 'merge%' then ${unless(update, 'old')} end if;
        if how like 'upsert%select%' then ${unless(select, 'old')} end if;
        ${unless(updated, 'new')}
        if how like '%select%' then ${unless(select, 'new')} end if;
      elsif tg_op = 'DELETE' and how like 'merge%' then
        ${unless(remove, 'old')}
      end if;
    end if;`
  })
  const conflicts = schema.identities.map((identity) => {
    const { select = never, update = never } = schema.rules(identity)[table] ?? {}
    return `if me = ${literal(identity.name)} then
      ${unless(update, 'r')}
      if how like '%select%' then ${unless(select, 'r')} end if;
    end if;`
  })
  return `
    create function model.may_update_${table}(r app.${table}) returns boolean language plpgsql stable as $$
    declare
      me constant text := current_setting('oracle.identity');
      how constant text := current_setting('oracle.${table}', true);
    begin
      ${conflicts.join('\n')}
      return true;
    end $$;
    create function model.check_${table}() returns trigger language plpgsql stable as $$
    declare
      me constant text := current_setting('oracle.identity');
      how constant text := current_setting('oracle.${table}', true);
    begin
      if how is null or how = '' then return case tg_op when 'DELETE' then old else new end; end if;
      ${cases.join('\n')}
      return case tg_op when 'DELETE' then old else new end;
    end $$;
    create trigger zz_model before insert or update or delete on app.${table}
      for each row execute function model.check_${table}();
    ${parent === undefined ? '' : `create trigger zz_parent before insert or update or delete on app.${table} for each row execute function model.check_${parent}();`}`
}

/** A statement as the model runs it. */
export interface ModelStatement {
  /** Settings for this statement alone, by name. */
  readonly settings: readonly (readonly [name: string, value: string])[]
  readonly text: string
}

/** @returns undefined for what the model cannot run */
export function toModel(schema: Schema, identity: Identity, tree: Tree): ModelStatement | undefined {
  const leaves = [...leavesOf(tree)]
  if (leaves.some(({ kind }) => kind === 'no model')) return undefined
  const reads = (table: string) => leaves.some((leaf) => leaf.kind === 'column' && leaf.target && leaf.table === table)
  const settings = leaves.flatMap((leaf) => {
    if (leaf.kind !== 'write') return []
    const how = [leaf.how, ...(leaf.how.startsWith('merge') || reads(leaf.table) ? ['select'] : [])]
    return [[`oracle.${leaf.table}`, how.join('+')] as const]
  })
  return { settings, text: render(tree, (leaf) => modelText(schema, identity, leaf, reads)) }
}

function modelText(schema: Schema, identity: Identity, leaf: Leaf, reads: (table: string) => boolean): string {
  switch (leaf.kind) {
    case 'table': {
      const { table, purpose, alias } = leaf
      if (purpose === 'select') return `${table} as ${alias}`
      if (purpose === 'insert' || purpose === 'merge') return `app.${table} as ${alias}`
      const view = purpose === 'lock' || reads(table) ? purpose : (`${purpose}_blind` as const)
      return `${schemaOf(identity, view)}.${table} as ${alias}`
    }
    case 'visible':
      return ` and (${(schema.rules(identity)[leaf.table]?.select ?? never)(leaf.alias)})`
    case 'model only':
      return leaf.text
    case 'param':
      return leaf.value === null ? 'null' : literal(leaf.value)
    default:
      return ''
  }
}

/** Whether the statement needs a right that no identity has: PostgreSQL refuses it before it looks at a row. */
export function lacksGrant(schema: Schema, tree: Tree): boolean {
  for (const leaf of leavesOf(tree)) {
    if (leaf.kind !== 'column' && leaf.kind !== 'written') continue
    const table = schema.tables.find(({ name }) => name === leaf.table)
    const closed = table?.columns.find(({ name }) => name === leaf.column)?.closed ?? []
    if (closed.includes(leaf.kind === 'column' ? 'select' : leaf.by)) return true
  }
  return false
}

/** A statement as a token holder sends it. */
export interface GatewayStatement {
  readonly query: string
  readonly params: readonly (string | null)[]
}

export function toGateway(tree: Tree): GatewayStatement {
  const params: (string | null)[] = []
  const query = render(tree, (leaf) => {
    if (leaf.kind === 'table') return `${leaf.table} as ${leaf.alias}`
    if (leaf.kind === 'gateway only') return leaf.text
    if (leaf.kind !== 'param') return ''
    params.push(leaf.value)
    return `$${params.length}`
  })
  return { query, params }
}

/** Whether the rows come in one order: what stands last in the text says so, and not a query inside. */
export function isOrdered(tree: Tree): boolean {
  const last = tree.pieces.at(-1)
  if (typeof last !== 'object' || !isTree(last)) return false
  const [first] = last.pieces
  return (typeof first === 'object' && !isTree(first) && first.kind === 'ordered') || isOrdered(last)
}
