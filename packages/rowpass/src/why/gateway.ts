/**
 * Whether the gateway would refuse a statement before PostgreSQL sees it.
 */
import type pg from 'pg'
import { createClassifier } from '../statement/classify.ts'
import { type FunctionFactRow, functionFactsSql, parseFunctionFacts } from '../statement/facts.ts'
import type { Parser } from '../statement/parser.ts'
import type { Reason } from './explanation.ts'

type Classifier = ReturnType<typeof createClassifier>

/** The facts of a database take longer to read than everything else; they are those at the first question of a connection. */
const classifiers = new WeakMap<pg.ClientBase, Promise<Classifier>>()

/** The refusal of the gateway, if there is one. */
export async function gatewayReasons(client: pg.ClientBase, parser: Parser, sql: string): Promise<Reason[]> {
  const known = classifiers.get(client)
  const classifier = known ?? loadClassifier(client, parser)
  if (known === undefined) {
    classifiers.set(client, classifier)
    classifier.catch(() => classifiers.delete(client))
  }
  const verdict = (await classifier)(sql)
  if (verdict.kind !== 'refused') return []
  const says = `The gateway refuses it before PostgreSQL sees it: ${verdict.what} is not allowed with a token.`
  const advice = verdict.instead === undefined ? {} : { advice: verdict.instead }
  return [{ code: 'gateway_refuses', says, ...advice, refuses: false }]
}

async function loadClassifier(client: pg.ClientBase, parser: Parser): Promise<Classifier> {
  const { rows } = await client.query<FunctionFactRow>(functionFactsSql)
  return createClassifier(parser, parseFunctionFacts(rows))
}
