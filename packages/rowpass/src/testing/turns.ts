/**
 * One transaction in which several identities act in turn, each statement under its own role and claims.
 */
import type pg from 'pg'
import { become, type ClaimsCarrier, type Identity, stepBack } from '../access/identity.ts'
import { inSavepoint } from '../access/trial.ts'
import { explainRefusal } from './refusal.ts'

/** What is sent to PostgreSQL: what `pg` and drizzle-orm give to a client. */
export type SentStatement = { readonly text: string } & Partial<Omit<pg.QueryArrayConfig, 'text'>>

/** Runs one statement as somebody. */
export type RunAs = (identity: Identity | undefined, statement: SentStatement) => Promise<pg.QueryResult>

/** Words that end the transaction, or begin another, and stand for the same with a savepoint. */
const controls: Readonly<Record<string, 'begin' | 'commit' | 'rollback'>> = {
  begin: 'begin',
  start: 'begin',
  commit: 'commit',
  end: 'commit',
  rollback: 'rollback',
  abort: 'rollback',
}

/**
 * Lets people take turns on a connection that is in a transaction.
 *
 * Statements wait for each other, so that each runs as whom it is meant to. A statement that fails is undone alone: it
 * runs between savepoints. `BEGIN`, `COMMIT` and `ROLLBACK` become savepoints as well, and statements between them fail
 * together, as in a transaction.
 */
export function createTurns(client: pg.ClientBase, carrier: ClaimsCarrier | undefined): RunAs {
  let current: Identity | undefined
  let depth = 0
  let last: Promise<unknown> = Promise.resolve()

  async function switchTo(identity: Identity | undefined): Promise<void> {
    if (identity === current) return
    if (current !== undefined) {
      await stepBack(client)
      await forget(client, current, carrier)
      current = undefined
    }
    if (identity !== undefined) await become(client, identity, carrier)
    current = identity
  }

  async function run(identity: Identity | undefined, statement: SentStatement): Promise<pg.QueryResult> {
    const control = controlOf(statement.text)
    if (control !== undefined) return nest(control)
    await switchTo(identity)
    if (depth > 0) return send(statement)
    try {
      return await inSavepoint(client, () => send(statement), { keep: true })
    } catch (error) {
      await switchTo(undefined)
      throw await explainRefusal(client, error, identity, statement.text)
    }
  }

  /** With the extended protocol, which takes one statement: a second one could end the transaction. */
  function send(statement: SentStatement): Promise<pg.QueryResult> {
    // @types/pg does not know queryMode, which pg has since 8.13.
    return client.query({ ...statement, queryMode: 'extended' } as pg.QueryArrayConfig)
  }

  async function nest(control: 'begin' | 'commit' | 'rollback'): Promise<pg.QueryResult> {
    if (control === 'begin') return client.query(`savepoint rowpass_${depth++}`)
    if (depth === 0) throw new TypeError('the test rolls its transaction back by itself')
    const name = `rowpass_${--depth}`
    if (control === 'rollback') {
      await client.query(`rollback to savepoint ${name}`)
      // The role goes back to what it was at the savepoint, whoever that was.
      await switchTo(undefined)
    }
    return client.query(`release savepoint ${name}`)
  }

  return (identity, statement) => {
    const next = last.then(() => run(identity, statement))
    last = next.catch(() => undefined)
    return next
  }
}

function controlOf(text: string): 'begin' | 'commit' | 'rollback' | undefined {
  const [, word = '', rest = ''] = /^(?:\s|--.*\n|\/\*[\s\S]*?\*\/)*(\w+)\s*(\w*)/.exec(text) ?? []
  return rest.toLowerCase() === 'to' ? undefined : controls[word.toLowerCase()]
}

/** Empties the settings of an identity; an empty setting is what a connection reads that never had the claim. */
async function forget(
  client: pg.ClientBase,
  identity: Identity | undefined,
  carrier: ClaimsCarrier | undefined,
): Promise<void> {
  if (identity === undefined || carrier === undefined) return
  for (const name of settingsOf(identity, carrier)) await client.query(`select set_config($1, '', true)`, [name])
}

function settingsOf(identity: Identity, carrier: ClaimsCarrier): string[] {
  switch (carrier.kind) {
    case 'sealed':
      return ['rowpass.claims', 'rowpass.seal']
    case 'json':
      return [carrier.setting]
    case 'each':
      return Object.keys(identity.claims).map((claim) => `${carrier.prefix}${claim}`)
  }
}
