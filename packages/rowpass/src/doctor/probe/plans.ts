/**
 * Looks at the plans of slow policies: the line that shows what costs, and where the plan knows better, no finding.
 */
import type pg from 'pg'
import type { Relation, Role } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import type { Finding } from '../finding.ts'
import { type Probe, queryAs } from './probe.ts'

/** What the plans had to say. */
export interface PlanVerdicts {
  /** Findings that stand, those about speed with a line of the plan in their evidence. */
  readonly findings: readonly Finding[]
  /** What could not be looked at, for the report. */
  readonly notes: readonly string[]
}

/** A node of `explain (format json)`, as far as it is read. */
interface PlanNode {
  readonly 'Node Type': string
  readonly 'Parent Relationship'?: string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Recheck Cond'?: string
  readonly Filter?: string
  readonly Plans?: readonly PlanNode[]
}

/** What the plan of a table shows, in nodes that read the table itself and not what sub-selects read. */
interface TablePlan {
  readonly role: Role
  readonly nodes: readonly PlanNode[]
  /** The same of the plan that the server would take. */
  readonly chosen: readonly PlanNode[]
}

const budgetMs = 5_000
const maxTables = 100
const maxLine = 300
/** The first version that reads an index by a column that is not its first. */
const skipScans = 180_000

/** Rules about what a policy costs. */
const slow = new Set(['RLS030', 'RLS031', 'RLS032', 'RLS033', 'RLS034', 'RLS035', 'RLS037'])

/**
 * Plans `select * from table` as a role of requests, without claims and with `enable_seqscan = off`, for the tables that
 * have findings about speed: the largest 100, for at most five seconds. Nothing is executed.
 *
 * A finding goes where the plan contradicts it for sure: an index on a cast, or a partial one that the policy implies, is
 * used and leaves no filter; or no sub-select is left to run for each row. Policies for writing only are not looked at.
 */
export async function lookAtPlans(probe: Probe, model: Model, findings: readonly Finding[]): Promise<PlanVerdicts> {
  const named = new Map(model.tables.map((table) => [table.sql, table]))
  const tables = [
    ...new Set(findings.filter(({ code }) => slow.has(code)).flatMap(({ object }) => named.get(object) ?? [])),
  ]
  const largest = tables.sort((a, b) => b.rows - a.rows).slice(0, maxTables)
  const plans = new Map<string, TablePlan | undefined>()
  const deadline = performance.now() + budgetMs
  for (const table of largest) {
    if (performance.now() < deadline) plans.set(table.sql, await planOf(probe, model, table))
  }
  const unseen = tables.filter(({ sql }) => plans.get(sql) === undefined).length
  return {
    findings: findings.flatMap((finding) => {
      const table = named.get(finding.object)
      const plan = plans.get(finding.object)
      if (!slow.has(finding.code) || table === undefined || plan === undefined) return [finding]
      return isReading(model, table, finding) ? judge(model, table, plan, finding) : [finding]
    }),
    notes: unseen === 0 ? [] : [`no plan was looked at for ${unseen} tables with findings about speed`],
  }
}

async function planOf(probe: Probe, model: Model, table: Relation): Promise<TablePlan | undefined> {
  const role = probe.roles.find(
    (each) =>
      table.rls &&
      model.access.can(each, 'select', table) &&
      !model.access.bypasses(each.oid, table) &&
      model.applying(table, each, 'select').length > 0,
  )
  if (role === undefined) return undefined
  const explain = async (settings: Readonly<Record<string, string>>): Promise<readonly PlanNode[] | undefined> => {
    const rows = await queryAs<pg.QueryResultRow & { 'QUERY PLAN': readonly { Plan: PlanNode }[] }>(
      probe,
      role,
      `explain (format json, costs off) select from ${table.sql}`,
      settings,
    )
    const plan = typeof rows === 'string' ? undefined : rows[0]?.['QUERY PLAN'][0]?.Plan
    return plan && readingNodes(plan)
  }
  const nodes = await explain({ enable_seqscan: 'off' })
  const chosen = model.catalog.database.version < skipScans ? [] : await explain({})
  return nodes && { role, nodes, chosen: chosen ?? [] }
}

/** Nodes that read the table or its partitions; what belongs to a sub-select is left out. */
function readingNodes(node: PlanNode): readonly PlanNode[] {
  const own = node['Relation Name'] === undefined ? [] : [node]
  const parts = (node.Plans ?? []).filter((each) => !/SubPlan|InitPlan/.test(each['Parent Relationship'] ?? ''))
  return [...own, ...parts.flatMap(readingNodes)]
}

/** Whether the finding is of a policy that `select` runs into; RLS035 names columns, and not a policy. */
function isReading(model: Model, table: Relation, { code, part }: Finding): boolean {
  if (code === 'RLS035') return true
  const policy = model.policiesOf(table).find(({ sql }) => sql === part)
  return policy?.command === 'select' || policy?.command === 'all'
}

function judge(model: Model, table: Relation, plan: TablePlan, finding: Finding): Finding[] {
  if (plan.nodes.length === 0) return [finding]
  if (finding.code === 'RLS033' && plan.nodes.every(isAnsweredByIndex)) return []
  if (finding.code === 'RLS035' && isFoundByIndex(model, table, plan, finding)) return []
  const subPlans = plan.nodes.filter(({ Filter }) => /\bSubPlan\b/.test(Filter ?? ''))
  const isSubSelect = finding.code === 'RLS031' || finding.code === 'RLS032'
  if (isSubSelect && subPlans.length === 0) return []
  const [node] = isSubSelect ? subPlans : plan.nodes
  if (node === undefined) return [finding]
  const shown = `plan as ${plan.role.sql} with enable_seqscan = off: ${showNode(node)}`
  const instead = insteadOfEachRow(finding, isSubSelect ? subPlans : plan.nodes)
  return [
    {
      ...finding,
      // What is said never contradicts the plan beside it.
      ...(instead !== undefined && {
        level: 'info' as const,
        says: finding.says.replace(/ (for|about) each row\.$/, ` $1 ${instead}.`),
      }),
      evidence: `${finding.evidence}; ${shown}`,
    },
  ]
}

/** What is asked about for what a finding calls each row, where the plan shows better. */
function insteadOfEachRow({ code }: Finding, nodes: readonly PlanNode[]): string | undefined {
  const isHashed = nodes.every(({ Filter }) => !/(?<!hashed )\bSubPlan\b/.test(Filter ?? ''))
  if (code === 'RLS032' && isHashed) return 'the whole table at once, and for each row when it outgrows the memory'
  if (code === 'RLS030' && nodes.every(isAnsweredByIndex)) return 'each row where no index is used'
  return undefined
}

/** The index gives all that the policies let through: nothing is left to filter that calls a function. */
function isAnsweredByIndex(node: PlanNode): boolean {
  const filter = (node.Filter ?? '').replaceAll(/'(?:[^']|'')*'/g, '')
  return !/\w\(|SubPlan/.test(filter) && scansOf(node).length > 0
}

/** Scans of indexes by a condition, in a node and in those that gather for it. */
function scansOf(node: PlanNode): readonly PlanNode[] {
  const own = node['Index Name'] !== undefined && node['Index Cond'] !== undefined ? [node] : []
  return [...own, ...(node.Plans ?? []).flatMap(scansOf)]
}

/**
 * Whether an index finds the rows by the column: it begins with it, or, from version 18 on, the planner takes it of its own
 * accord. Any column of an index may be a condition of it; before skip scans only the first one saved reading all of it.
 */
function isFoundByIndex(model: Model, table: Relation, { nodes, chosen }: TablePlan, { part }: Finding): boolean {
  const column = table.columns.find(({ sql }) => sql === part)
  if (column === undefined) return false
  const indexes = model.indexesOf(table)
  const begins = ({ 'Index Name': name }: PlanNode): boolean =>
    indexes.some((index) => index.name === name && index.key[0] === column.number)
  const has = ({ 'Index Cond': condition = '' }: PlanNode): boolean => condition.includes(column.sql)
  const isEvery = (of: readonly PlanNode[], test: (scan: PlanNode) => boolean): boolean =>
    of.length > 0 && of.every((node) => scansOf(node).some(test))
  // A plan without statistics is a guess.
  const isKnown = model.catalog.database.version >= skipScans && table.rows > 0
  return isEvery(nodes, begins) || (isKnown && isEvery(chosen, has))
}

function showNode(node: PlanNode): string {
  const name = node['Index Name'] === undefined ? '' : ` using ${node['Index Name']}`
  const parts = (['Index Cond', 'Recheck Cond', 'Filter'] as const).flatMap((each) =>
    node[each] === undefined ? [] : [`${each}: ${node[each]}`],
  )
  const line = [`${node['Node Type']}${name} on ${node['Relation Name']}`, ...parts].join(', ')
  return line.length > maxLine ? `${line.slice(0, maxLine)}…` : line
}
