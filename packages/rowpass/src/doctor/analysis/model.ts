/**
 * What the rules are given: the catalog, and all that follows from it, worked out once.
 */

import { type Access, createAccess } from '../../access/access.ts'
import { bodyOf, settingOf } from '../../access/bodies.ts'
import { type Callers, createCallers, type FunctionReach, isSystemCaller } from '../../access/callers.ts'
import type {
  Catalog,
  Command,
  Index,
  Policy,
  Relation,
  Role,
  Routine,
  SystemFunction,
} from '../../access/catalog/catalog.ts'
import { policiesFor } from '../../access/policies.ts'
import { fieldsOf, listOf, namesOf, qualifiedName, walk } from '../../access/tree.ts'
import type { Parser } from '../../statement/parser.ts'
import type { ClaimlessTrials } from './claimless.ts'
import { type Expression, parseExpression, type Reading } from './expression.ts'
import { type ClaimLogic, evaluate, isNullSwallower, type TruthValue, tiedColumns } from './logic.ts'

/** A policy with its table and its expressions, parsed. */
export interface PolicyFacts extends Policy {
  readonly table: Relation
  /** Its roles, quoted; none for PUBLIC. */
  readonly to: readonly string[]
  readonly usingTree: Expression | undefined
  readonly checkTree: Expression | undefined
}

/** Everything a rule may ask. */
export interface Model {
  readonly catalog: Catalog
  readonly access: Access
  readonly callers: Callers
  readonly judge: ClaimLogic
  /** Tables that are nobody's extension. */
  readonly tables: readonly Relation[]
  readonly policies: readonly PolicyFacts[]
  /** What was tried without claims; undefined where only the catalogs were read. */
  readonly trials?: ClaimlessTrials
  /** Parses an expression about a table's row. */
  parse(text: string, table: Relation): Expression | undefined
  /** Parses a whole query; undefined when the parser does not take it. */
  query(text: string): unknown
  policiesOf(relation: Relation): readonly PolicyFacts[]
  indexesOf(relation: Pick<Relation, 'oid'>): readonly Index[]
  /** Policies that hold for a role and a command, of tables with RLS on or off. */
  applying(relation: Relation, role: Role, command: Command): readonly PolicyFacts[]
  /** Columns that each row which the role can see has tied to the caller. */
  tied(relation: Relation, role: Role): ReadonlySet<string>
  relationNamed(reading: Pick<Reading, 'schema' | 'name'>): Relation | undefined
  routineNamed(name: string): Routine | undefined
  /** A function of pg_catalog. */
  systemFunction(name: string): SystemFunction | undefined
  role(oid: number): string
}

/** The expression that decides about what is written: WITH CHECK, else USING. */
export function writeExpression(policy: PolicyFacts): Expression | undefined {
  return policy.check === undefined ? policy.usingTree : policy.checkTree
}

/** Works out what follows from a catalog. */
export function createModel(catalog: Catalog, parser: Parser, apiRoles?: readonly string[]): Model {
  const callers = createCallers(parser, catalog)
  const access = createAccess(catalog, apiRoles)
  const judge = createClaimLogic(callers)
  const parse = createExpressions(parser)
  const maybe = (text: string | undefined, table: Relation) => (text === undefined ? undefined : parse(text, table))
  const policies = catalog.policies.flatMap((policy): PolicyFacts[] => {
    const table = catalog.relations.get(policy.relation)
    if (table === undefined) return []
    const to = policy.roles.flatMap((oid) => catalog.roles.get(oid)?.sql ?? [])
    return [{ ...policy, table, to, usingTree: maybe(policy.using, table), checkTree: maybe(policy.check, table) }]
  })
  const byTable = new Map<number, PolicyFacts[]>()
  for (const policy of policies) byTable.set(policy.relation, [...(byTable.get(policy.relation) ?? []), policy])
  const indexes = new Map<number, Index[]>()
  for (const index of catalog.indexes) indexes.set(index.relation, [...(indexes.get(index.relation) ?? []), index])
  const system = new Map(catalog.systemFunctions.map((each) => [each.name, each]))
  const ties = new Map<string, ReadonlySet<string>>()
  const relations = [...catalog.relations.values()]
  // Of one name the first counts.
  const routines = new Map(
    [...catalog.routines.values()].reverse().map((each) => [`${each.schema}.${each.name}`, each]),
  )
  const byLastName = new Map([...relations].reverse().map((each) => [each.name, each]))
  const byName = new Map(relations.flatMap((each) => [[`${each.schema}.${each.name}`, each] as const]))

  const policiesOf = (relation: Relation): readonly PolicyFacts[] => byTable.get(relation.oid) ?? []
  const applying = (relation: Relation, role: Role, command: Command): readonly PolicyFacts[] =>
    policiesFor(policiesOf(relation), access, role, command)
  return {
    catalog,
    access,
    callers,
    judge,
    policies,
    parse,
    query(text) {
      const parsed = parser.parse(text)
      return parsed.kind === 'tree' ? parsed.statements : undefined
    },
    policiesOf,
    indexesOf: (relation) => indexes.get(relation.oid) ?? [],
    applying,
    tables: relations.filter(({ kind, extension }) => !extension && (kind === 'table' || kind === 'partitioned table')),
    relationNamed: ({ schema, name }) =>
      schema === undefined ? (byName.get(`public.${name}`) ?? byLastName.get(name)) : byName.get(`${schema}.${name}`),
    routineNamed: (name) => routines.get(name),
    systemFunction: (name) => system.get(name),
    role: (oid) => (oid === 0 ? 'public' : (catalog.roles.get(oid)?.sql ?? String(oid))),
    tied: (relation, role) => {
      const known = ties.get(`${relation.oid} ${role.oid}`)
      if (known !== undefined) return known
      const seen = applying(relation, role, 'select')
      const permissive = seen.filter((each) => each.permissive)
      const sets = permissive.map((each) => tiedColumns(each.usingTree?.tree, relation, judge))
      const [first, ...rest] = sets
      const common = [...(first ?? [])].filter((column) => rest.every((set) => set.has(column)))
      const restricted = seen
        .filter((each) => !each.permissive)
        .flatMap((each) => [...tiedColumns(each.usingTree?.tree, relation, judge)])
      const found = new Set([...common, ...restricted])
      ties.set(`${relation.oid} ${role.oid}`, found)
      return found
    },
  }
}

/** Parses each text once: in a large schema the same few stand on hundreds of tables. */
function createExpressions(parser: Parser): Model['parse'] {
  const known = new Map<string, Expression | undefined>()
  return (text, { name }) => {
    // Only a text that names the table means another thing on another table; a quote in a name is doubled in the text.
    const key = name.includes('"') || text.includes(name) ? `${name}\0${text}` : text
    if (!known.has(key)) known.set(key, parseExpression(parser, text, name))
    return known.get(key)
  }
}

const maxDepth = 10

function createClaimLogic(callers: Callers): ClaimLogic {
  const depth = { current: 0 }
  const routinesOf = (node: Readonly<Record<string, unknown>>): readonly Routine[] =>
    callers.resolve({ ...qualifiedName(namesOf(node.funcname)), argumentCount: listOf(node.args).length })
  const judge: ClaimLogic = {
    readsCaller: remembered((tree) => {
      for (const [type, node] of walk(tree)) {
        if (type === 'SQLValueFunction' && /USER|ROLE/.test(String(node.op))) return true
        if (type !== 'FuncCall') continue
        const name = qualifiedName(namesOf(node.funcname))
        if (settingOf(name, node.args) !== undefined || isSystemCaller(name)) return true
        if (routinesOf(node).some((each) => callers.readsCaller(each))) return true
      }
      return false
    }),
    swallowsNull(tree) {
      for (const [type, node] of walk(tree)) {
        if (isNullSwallower(type, node)) return true
        if (type !== 'FuncCall' || depth.current >= maxDepth) continue
        depth.current++
        const found = routinesOf(node).some((each) => judge.swallowsNull(callers.body(each).expression))
        depth.current--
        if (found) return true
      }
      return false
    },
    withoutClaims(tree): TruthValue | undefined {
      const node = fieldsOf(tree, 'FuncCall')
      if (node === undefined) return undefined
      if (settingOf(qualifiedName(namesOf(node.funcname)), node.args) !== undefined) return 'null'
      const routines = routinesOf(node).filter((each) => callers.readsCaller(each))
      const [routine] = routines
      if (routine === undefined) return undefined
      const { expression } = callers.body(routine)
      if (expression !== undefined && depth.current < maxDepth) {
        depth.current++
        const value = evaluate(expression, judge)
        depth.current--
        return value
      }
      // A body that is more than one expression is taken for one that denies; nobody but a trial can tell.
      return 'null'
    },
  }
  return judge
}

/** Answers of a question to a tree; trees never change. */
function remembered(ask: (tree: unknown) => boolean): (tree: unknown) => boolean {
  const known = new WeakMap<object, boolean>()
  return function answered(tree) {
    // Lists are made for the question; the trees in them stay.
    if (Array.isArray(tree)) return tree.some(answered)
    if (typeof tree !== 'object' || tree === null) return ask(tree)
    const answer = known.get(tree) ?? ask(tree)
    known.set(tree, answer)
    return answer
  }
}

/** Custom settings, text constants and functions that an expression reaches. */
export function reachedBy({ callers }: Pick<Model, 'callers'>, tree: unknown): FunctionReach {
  if (typeof tree !== 'object' || tree === null) return reachAnew(callers, tree)
  const known = reachedTrees.get(callers) ?? new WeakMap<object, FunctionReach>()
  reachedTrees.set(callers, known)
  const found = known.get(tree) ?? reachAnew(callers, tree)
  known.set(tree, found)
  return found
}

/** By the functions of a database, then by tree. */
const reachedTrees = new WeakMap<Callers, WeakMap<object, FunctionReach>>()

function reachAnew(callers: Callers, tree: unknown): FunctionReach {
  const { settings, texts, calls } = bodyOf([tree])
  const found = { settings: new Set(settings), texts: new Set(texts), routines: new Set<Routine>() }
  for (const call of calls) {
    for (const routine of callers.resolve(call)) {
      const reached = callers.reached(routine)
      for (const each of reached.settings) found.settings.add(each)
      for (const each of reached.texts) found.texts.add(each)
      for (const each of reached.routines) found.routines.add(each)
    }
  }
  return found
}
