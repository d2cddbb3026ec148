/**
 * Which columns the policies of a database compare with which claims.
 */
import pg from 'pg'
import type { Parser } from '../statement/parser.ts'
import { bodyOf } from './bodies.ts'
import type { Callers } from './callers.ts'
import type { Catalog, Column, Relation, Routine } from './catalog/catalog.ts'
import type { Database } from './database.ts'
import type { ClaimsCarrier } from './identity.ts'
import { fieldsOf, namesOf, type QualifiedName, typed, walk } from './tree.ts'

/** A column that a policy compares with a claim. */
export interface ComparedColumn {
  readonly relation: Relation
  readonly column: Column
  /** A claim, or a path such as `app_metadata.org`. */
  readonly claim: string
}

/** Identity functions in C, whose bodies tell nothing. */
const knownClaims: Readonly<Record<string, string>> = { 'auth.uid': 'sub', 'auth.user_id': 'sub', 'auth.role': 'role' }
const maxDepth = 5

/**
 * Finds them in the expressions of policies, sub-selects included, each once; those of the table itself first.
 *
 * Does NOT see comparisons inside functions, nor claims whose name is made at run time.
 */
export function findComparedColumns(
  { catalog, callers }: Pick<Database, 'catalog' | 'callers'>,
  parser: Parser,
  carrier: ClaimsCarrier | undefined,
): ComparedColumn[] {
  const found = new Map<string, ComparedColumn>()
  const texts = catalog.policies.flatMap(({ relation, using, check }) => {
    const table = catalog.relations.get(relation)
    return table === undefined ? [] : [using, check].flatMap((text) => (text === undefined ? [] : [{ table, text }]))
  })
  for (const { table, text } of texts) {
    const parsed = parser.parse(`select ${text}`)
    if (parsed.kind !== 'tree') continue
    const aliases = aliasesOf(catalog, parsed.statements)
    for (const [type, node] of walk(parsed.statements)) {
      if (type !== 'A_Expr' || namesOf(node.name).at(-1) !== '=') continue
      for (const [one, other] of [
        [node.lexpr, node.rexpr],
        [node.rexpr, node.lexpr],
      ]) {
        const place = columnAt(one, table, aliases)
        const claim = place === undefined ? undefined : claimOf(other, callers, carrier)
        if (place !== undefined && claim !== undefined)
          found.set(`${place.relation.oid} ${place.column.number} ${claim}`, { ...place, claim })
      }
    }
  }
  return [...found.values()]
}

/** A claim that is turned into a value of another type. */
export interface ClaimCast {
  readonly claim: string
  /** As SQL. */
  readonly type: string
}

/**
 * Finds the claims that an expression turns into values of a type: by a cast in it, or in a function that it calls, or by
 * what such a function returns.
 */
export function findClaimCasts(
  { callers }: Pick<Database, 'callers'>,
  parser: Parser,
  text: string,
  carrier: ClaimsCarrier | undefined,
): ClaimCast[] {
  const parsed = parser.parse(`select ${text}`)
  if (parsed.kind !== 'tree') return []
  const outer = bodyOf(parsed.statements)
  const routines = [
    ...new Set(
      outer.calls.flatMap((call) => callers.resolve(call)).flatMap((each) => [...callers.reached(each).routines]),
    ),
  ]
  const casts = [outer, ...routines.map((routine) => callers.body(routine))].flatMap(({ casts: found }) =>
    found.map(({ argument, type }) => ({ claim: claimOf(argument, callers, carrier), type: toType(type) })),
  )
  const results = routines.map((routine) => ({
    claim: claimOfRoutine(routine, callers, carrier, 0),
    type: routine.returns,
  }))
  return [...casts, ...results].flatMap(({ claim, type }) => (claim === undefined ? [] : [{ claim, type }]))
}

function toType({ schema, name }: QualifiedName): string {
  const quote = (each: string) => (/^[a-z_][a-z0-9_]*$/.test(each) ? each : pg.escapeIdentifier(each))
  return schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`
}

/** The value of a claim, by its name or a path such as `app_metadata.org`; undefined where there is none. */
export function claimValue(claims: Readonly<Record<string, unknown>>, claim: string): unknown {
  return claim
    .split('.')
    .reduce<unknown>((at, part) => (typeof at === 'object' && at !== null ? Reflect.get(at, part) : undefined), claims)
}

/** Relations by the names that sub-selects give them. */
function aliasesOf(catalog: Catalog, trees: readonly unknown[]): ReadonlyMap<string, Relation> {
  const relations = [...catalog.relations.values()]
  return new Map(
    walk(trees).flatMap(([type, node]): [string, Relation][] => {
      if (type !== 'RangeVar') return []
      const relation = relations.find((each) => each.name === node.relname && each.schema === node.schemaname)
      const alias = (node.alias as { aliasname?: unknown } | undefined)?.aliasname ?? node.relname
      return relation === undefined ? [] : [[String(alias), relation]]
    }),
  )
}

function columnAt(
  tree: unknown,
  table: Relation,
  aliases: ReadonlyMap<string, Relation>,
): Pick<ComparedColumn, 'relation' | 'column'> | undefined {
  const cast = fieldsOf(tree, 'TypeCast')
  if (cast !== undefined) return columnAt(cast.arg, table, aliases)
  const path = namesOf(fieldsOf(tree, 'ColumnRef')?.fields)
  const [name] = path.slice(-1)
  const qualifier = path.at(-2)
  const relation =
    qualifier === undefined ? table : (aliases.get(qualifier) ?? (qualifier === table.name ? table : undefined))
  const column = relation?.columns.find((each) => each.name === name)
  return relation === undefined || column === undefined ? undefined : { relation, column }
}

/** The claim that an expression reads, where it is one; through the functions that it calls. */
export function claimOf(tree: unknown, callers: Callers, carrier: ClaimsCarrier | undefined): string | undefined {
  // A column of some row is no claim, whatever it is compared with.
  if (walk(tree).some(([type]) => type === 'ColumnRef')) return undefined
  const isTyped = typed(tree) !== undefined
  return isTyped ? claimIn(bodyOf([tree]), callers, carrier) : undefined
}

function claimIn(
  { members, settings, calls }: ReturnType<typeof bodyOf>,
  callers: Callers,
  carrier: ClaimsCarrier | undefined,
  depth = 0,
): string | undefined {
  const [member, ...others] = members
  if (member !== undefined) return others.length === 0 ? member : undefined
  const [setting] = settings
  if (setting !== undefined && carrier?.kind === 'each')
    return setting.startsWith(carrier.prefix) ? setting.slice(carrier.prefix.length) : undefined
  if (depth >= maxDepth) return undefined
  const routines = calls.flatMap((call) => callers.resolve(call))
  const claims = new Set(routines.flatMap((routine) => claimOfRoutine(routine, callers, carrier, depth) ?? []))
  return claims.size === 1 ? [...claims][0] : undefined
}

function claimOfRoutine(
  routine: Routine,
  callers: Callers,
  carrier: ClaimsCarrier | undefined,
  depth: number,
): string | undefined {
  const body = callers.body(routine)
  const { schema, name }: QualifiedName = routine
  return body.known ? claimIn(body, callers, carrier, depth + 1) : knownClaims[`${schema}.${name}`]
}

/** Claims by paths: `app_metadata.org` is a member of an object. */
export function toClaims(entries: readonly (readonly [path: string, value: string])[]): Record<string, unknown> {
  const claims: Record<string, unknown> = {}
  for (const [path, value] of entries) {
    const names = path.split('.')
    let at = claims
    for (const name of names.slice(0, -1)) {
      const inner = at[name]
      const next: Record<string, unknown> = typeof inner === 'object' && inner !== null ? { ...inner } : {}
      at[name] = next
      at = next
    }
    at[names.at(-1) ?? path] = value
  }
  return claims
}
