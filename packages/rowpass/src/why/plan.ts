/**
 * How PostgreSQL would run a statement as an identity: the nodes of its plan, with what they filter by. Nothing is run.
 */
import pg from 'pg'
import { detectCarrier, type Identity } from '../access/identity.ts'
import { loadParser } from '../statement/parser.ts'
import { rolledBack } from './session.ts'
import { parseStatement } from './statement.ts'
import { inlineParameters, withoutEnd } from './text.ts'

/** One node; what it has none of is absent. */
export interface PlanNode {
  /** As EXPLAIN names it: `Seq Scan`, `Index Scan`. */
  readonly node: string
  readonly relation?: string
  readonly index?: string
  /** What chooses rows here: conditions of the index and filters, the policies' among them. */
  readonly conditions: readonly string[]
  readonly below: readonly PlanNode[]
}

/** What to plan. */
export interface PlanOptions {
  readonly identity: Identity
  readonly sql: string
  /** Values of `$1`, `$2` …, as text. Default: none. */
  readonly params?: readonly (string | null)[]
  /** Default 1000. */
  readonly timeoutMs?: number
}

/**
 * Plans one statement as an identity has it, in a transaction that is rolled back. The plan holds no counts of rows.
 *
 * @param client connected as the owner of the tables or a superuser, outside of a transaction
 * @throws Failure `input_invalid` when the text is not one SELECT, INSERT, UPDATE, DELETE or MERGE
 * @throws pg.DatabaseError where PostgreSQL would refuse the statement before it ran
 */
export async function planAs(client: pg.ClientBase, options: PlanOptions): Promise<PlanNode> {
  const { identity, sql, params = [], timeoutMs = 1_000 } = options
  const parser = await loadParser()
  parseStatement(sql, parser)
  const text = withoutEnd(inlineParameters(sql, params, parser, pg.escapeLiteral), parser)
  const carrier = await detectCarrier(client)
  return rolledBack(client, { identity, carrier, timeoutMs }, 'identity', async () => {
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: ExplainedNode }] }>(
      `explain (format json, costs off) ${text}`,
    )
    const [row] = rows
    if (row === undefined) throw new Error('EXPLAIN gave nothing')
    return toNode(row['QUERY PLAN'][0].Plan)
  })
}

/** As far as it is looked at. */
interface ExplainedNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly Filter?: string
  readonly 'Index Cond'?: string
  readonly 'One-Time Filter'?: string
  readonly Plans?: readonly ExplainedNode[]
}

function toNode(explained: ExplainedNode): PlanNode {
  const { 'Relation Name': relation, 'Index Name': index, Plans = [] } = explained
  const conditions = [explained['One-Time Filter'], explained['Index Cond'], explained.Filter]
  return {
    node: explained['Node Type'],
    ...(relation !== undefined && { relation }),
    ...(index !== undefined && { index }),
    conditions: conditions.filter((each) => each !== undefined),
    below: Plans.map(toNode),
  }
}
