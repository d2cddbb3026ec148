/**
 * Which columns say of what tenant a row is, and which conditions leave it open: by the claims that policies compare.
 */
import { type Body, bodyOf } from '../../access/bodies.ts'
import type { Relation } from '../../access/catalog/catalog.ts'
import { isForCommand } from '../../access/policies.ts'
import { fieldsOf, isNode, listOf, namesOf, qualifiedName, stringOf, typed, walk } from '../../access/tree.ts'
import { scan } from './expression.ts'
import { isAlwaysTrue, operands, tiedColumns, unwrap } from './logic.ts'
import { type Model, type PolicyFacts, reachedBy } from './model.ts'

/** Names of claims, settings and columns that are about one person, or about what somebody may do. */
const personal =
  /^(sub|uid|me|e?mail|name|phone|role|roles|scopes?|permissions?)$|user|person|people|owner|author|profile|friend|follow|assignee|creator|created_by|member_id/i
/** Words of conditions that say themselves that their rows are for everybody. */
const forEverybody = /publi[cs]|shared?(_|$)|visib|global|template|every|world|listed|featured/i
/** Settings that hold all claims. */
const carriers = /^(claims?|jwt|session|token)$/
const knownClaims: Readonly<Record<string, string>> = {
  'auth.uid': 'sub',
  'auth.user_id': 'sub',
  'auth.email': 'email',
}
const maxDepth = 5

/** Columns that a policy for reading ties to something that several people share: a claim for it, or a membership. */
export function tenantColumns(model: Model, policy: PolicyFacts): ReadonlySet<string> {
  const byClaim = tiedBy(model, policy, (tree) => claimNames(model, tree).some((name) => !personal.test(name)))
  // A list that is looked up may be one of friends, or of rows that somebody shares: `id in (select note from shares …)`.
  const byList = tiedBy(model, policy, (tree) => looksUp(model, tree))
  const { table } = policy
  const isOne = (name: string) => personal.test(name) || isUnique(model, table, name)
  return new Set([...byClaim, ...[...byList].filter((name) => !isOne(name))])
}

function tiedBy(
  model: Model,
  { table, usingTree }: PolicyFacts,
  fits: (tree: unknown) => boolean,
): ReadonlySet<string> {
  const readsCaller = (tree: unknown): boolean => model.judge.readsCaller(tree) && fits(tree)
  return tiedColumns(usingTree?.tree, table, { ...model.judge, readsCaller })
}

function looksUp(model: Model, tree: unknown): boolean {
  if (walk(tree).some(([type]) => type === 'RangeVar')) return true
  return [...reachedBy(model, tree).routines].some((each) => model.callers.body(each).tables.length > 0)
}

function isUnique(model: Model, table: Relation, column: string): boolean {
  const number = table.columns.find(({ name }) => name === column)?.number
  return model.indexesOf(table).some(({ unique, key }) => unique && key.length === 1 && key[0] === number)
}

/** The claims that an expression reads, each by its last part; those of the functions that it calls where it names none. */
function claimNames(model: Model, tree: unknown): string[] {
  const given = walk(tree).flatMap(([type, node]) => {
    if (type !== 'FuncCall') return []
    const args = listOf(node.args)
    const call = { ...qualifiedName(namesOf(node.funcname)), argumentCount: args.length }
    return model.callers.resolve(call).some((each) => model.callers.readsCaller(each)) ? (stringOf(args[0]) ?? []) : []
  })
  return given.length > 0 ? given : namesIn(model, bodyOf([tree]), 0)
}

function namesIn(model: Model, { members, settings, calls }: Body, depth: number): string[] {
  const own = [...members, ...settings].map((path) => path.slice(path.lastIndexOf('.') + 1))
  const named = own.filter((name) => !carriers.test(name) && name !== '*')
  if (named.length > 0 || depth >= maxDepth) return named
  return calls.flatMap((call) =>
    model.callers.resolve(call).flatMap((routine) => {
      const body = model.callers.body(routine)
      return body.known ? namesIn(model, body, depth + 1) : (knownClaims[`${routine.schema}.${routine.name}`] ?? [])
    }),
  )
}

/** Names of columns that tell tenants apart somewhere in the database, to some role that the policy is for. */
export function tenantNames(model: Model, policy: PolicyFacts): ReadonlySet<string> {
  const reading = model.policies.filter((other) => isForCommand(other, 'select') && meet(model, policy, other))
  return new Set(reading.flatMap((policy) => [...tenantColumns(model, policy)]))
}

/** Whether two policies hold for one role of requests. */
export function meet({ access }: Model, one: PolicyFacts, other: PolicyFacts): boolean {
  return access.apiRoles.some((role) => access.isAmong(role, one.roles) && access.isAmong(role, other.roles))
}

/**
 * Whether a policy for reading lets rows of any tenant through: a branch of it ties no column to the caller, and names none
 * of the columns of the tenant, as `tenant_id is null` does for what belongs to nobody.
 */
export function ignoresTenant(model: Model, policy: PolicyFacts, columns: ReadonlySet<string>): boolean {
  const { table, usingTree } = policy
  if (usingTree === undefined) return false
  return operands(usingTree.tree, 'OR_EXPR').some((branch) => {
    const parts = operands(branch, 'AND_EXPR')
    return parts.every((part) => {
      if (isFalse(part)) return false
      if (isAlwaysTrue(part, table) || isNotNull(part)) return true
      if (tiedColumns(part, table, model.judge).size > 0) return false
      const used = scan(part, table.name).columns
      if (used.some((name) => columns.has(name))) return false
      if (model.judge.readsCaller(part)) return used.length > 0 || isAnybody(model, part)
      return used.length > 0 && ![...reachedBy(model, part).routines].some((each) => !model.callers.body(each).known)
    })
  })
}

/** Whether an expression asks only that there is somebody: `auth.uid() is not null`, `auth.role() = 'authenticated'`. */
export function isAnybody(model: Model, tree: unknown): boolean {
  const parts = operands(tree, 'AND_EXPR')
  if (parts.length > 1) return parts.every((part) => isAnybody(model, part))
  const [type, node] = typed(unwrap(tree)) ?? []
  if (node === undefined || !model.judge.readsCaller(tree)) return false
  if (type === 'NullTest') return node.nulltesttype === 'IS_NOT_NULL'
  if (type === 'BoolExpr' && node.boolop === 'NOT_EXPR') {
    const test = fieldsOf(unwrap(listOf(node.args)[0]), 'NullTest')
    return test?.nulltesttype === 'IS_NULL'
  }
  if (type !== 'A_Expr') return false
  const sides = [node.lexpr, node.rexpr]
  const constants = sides.flatMap((side) => constantsOf(side))
  if (/^[<>]=?$/.test(namesOf(node.name)[0] ?? '')) return sides.some(isNothing)
  const isNegative = node.kind === 'AEXPR_DISTINCT' || ['<>', '!='].includes(namesOf(node.name)[0] ?? '')
  if (isNegative) return sides.some(isNothing)
  const roles = model.access.apiRoles.map(({ name }) => name)
  return (
    constants.length > 0 && (constants.every((text) => roles.includes(text)) || constants.includes('authenticated'))
  )
}

/** 0, an empty text, or a uuid of zeros: what is more, or another, is anybody. */
function isNothing(side: unknown): boolean {
  const inner = unwrap(side)
  const constant = fieldsOf(fieldsOf(inner, 'TypeCast')?.arg ?? inner, 'A_Const')
  // The parser leaves out what is 0.
  if (isNode(constant?.ival)) return constant.ival.ival === undefined
  const text = constant === undefined || constant.isnull === true ? undefined : stringOf({ A_Const: constant })
  return text !== undefined && /^[0-]*$/.test(text)
}

/** Texts that an operand is: one, or those of a list or an array. */
function constantsOf(side: unknown): string[] {
  const inner = unwrap(side)
  const cast = fieldsOf(inner, 'TypeCast')
  const list = Array.isArray(side) ? side : fieldsOf(cast?.arg ?? inner, 'A_ArrayExpr')?.elements
  if (Array.isArray(list)) return list.flatMap((each) => stringOf(each) ?? [])
  const text = fieldsOf(cast?.arg ?? inner, 'A_Const') === undefined ? undefined : stringOf(inner)
  return text === undefined ? [] : [text]
}

/** Whether a condition says by its words that its rows are for everybody, such as `published` or `visibility = 'public'`. */
export function isForEverybody({ usingTree }: PolicyFacts): boolean {
  const words = [...(usingTree?.columns ?? []), ...bodyOf([usingTree?.tree]).texts]
  return words.some((word) => forEverybody.test(word))
}

function isNotNull(tree: unknown): boolean {
  return fieldsOf(unwrap(tree), 'NullTest')?.nulltesttype === 'IS_NOT_NULL' && scan(tree, '').columns.length > 0
}

function isFalse(tree: unknown): boolean {
  const constant = fieldsOf(unwrap(tree), 'A_Const')
  return isNode(constant?.boolval) && constant.boolval.boolval !== true
}
