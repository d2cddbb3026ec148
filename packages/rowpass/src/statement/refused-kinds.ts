/**
 * Kinds of statement that are refused: what each is called, and the proper way to the same end.
 */
import type { TreeNode } from './parser.ts'
import type { TypedNode } from './syntax.ts'

const migrations = 'Run migrations as the owner.'
const settings = "Settings belong to the gateway's configuration."
const transactions = 'Send the statements together: sql.transaction([...]).'
const sessions = 'A request has no session that outlives it.'
const ownLogin = 'Use a login of your own.'

/** By type of the parse tree's node. */
const refusedStatements: ReadonlyMap<string, readonly [what: string, instead: string]> = new Map([
  ['VariableSetStmt', ['SET or RESET', settings]],
  ['AlterSystemStmt', ['ALTER SYSTEM', settings]],
  ['ConstraintsSetStmt', ['SET CONSTRAINTS', 'Declare the constraint INITIALLY DEFERRED.']],
  ['TransactionStmt', ['Transaction control', transactions]],
  ['PrepareStmt', ['PREPARE', 'The gateway prepares statements by itself.']],
  ['ExecuteStmt', ['EXECUTE', 'Send the statement itself.']],
  ['DeallocateStmt', ['DEALLOCATE', 'The gateway prepares statements by itself.']],
  ['DeclareCursorStmt', ['DECLARE CURSOR', 'Page with LIMIT and a condition on the last key.']],
  ['FetchStmt', ['FETCH', 'Page with LIMIT and a condition on the last key.']],
  ['ClosePortalStmt', ['CLOSE', sessions]],
  ['DiscardStmt', ['DISCARD', sessions]],
  ['ListenStmt', ['LISTEN', sessions]],
  ['UnlistenStmt', ['UNLISTEN', sessions]],
  ['NotifyStmt', ['NOTIFY', 'Notify from a trigger, or with a login of your own.']],
  ['CopyStmt', ['COPY', 'Use SELECT or INSERT; copy with a login of your own.']],
  ['DoStmt', ['DO', 'Have the owner create a function, and call that.']],
  ['CallStmt', ['CALL', 'Have the owner create a function, and call that.']],
  [
    'ExplainStmt',
    ['EXPLAIN', 'A plan counts rows that the policies hide. Ask "rowpass why", or explain with a login of your own.'],
  ],
  ['LockStmt', ['LOCK', 'Lock rows with SELECT … FOR UPDATE in a transaction.']],
  ['TruncateStmt', ['TRUNCATE', 'Use DELETE, which obeys the policies.']],
  ['CreateTableAsStmt', ['CREATE TABLE AS', migrations]],
  ['RefreshMatViewStmt', ['REFRESH MATERIALIZED VIEW', migrations]],
  ['CreateStmt', ['CREATE TABLE', migrations]],
  ['CreateTrigStmt', ['CREATE TRIGGER', migrations]],
  ['CreateSeqStmt', ['CREATE SEQUENCE', migrations]],
  ['CreatePLangStmt', ['CREATE LANGUAGE', migrations]],
  ['CreateFunctionStmt', ['CREATE FUNCTION', migrations]],
  ['IndexStmt', ['CREATE INDEX', migrations]],
  ['ViewStmt', ['CREATE VIEW', migrations]],
  ['RuleStmt', ['CREATE RULE', migrations]],
  ['DefineStmt', ['CREATE', migrations]],
  ['CompositeTypeStmt', ['CREATE TYPE', migrations]],
  ['RenameStmt', ['ALTER … RENAME', migrations]],
  ['DropStmt', ['DROP', migrations]],
  ['DropdbStmt', ['DROP DATABASE', migrations]],
  ['CreatedbStmt', ['CREATE DATABASE', migrations]],
  ['GrantStmt', ['GRANT or REVOKE', migrations]],
  ['GrantRoleStmt', ['GRANT or REVOKE', migrations]],
  ['CommentStmt', ['COMMENT', migrations]],
  ['SecLabelStmt', ['SECURITY LABEL', migrations]],
  ['ReassignOwnedStmt', ['REASSIGN OWNED', migrations]],
  ['ImportForeignSchemaStmt', ['IMPORT FOREIGN SCHEMA', migrations]],
  // ANALYZE has the same node.
  ['VacuumStmt', ['VACUUM or ANALYZE', ownLogin]],
  ['ClusterStmt', ['CLUSTER', ownLogin]],
  ['ReindexStmt', ['REINDEX', ownLogin]],
  ['CheckPointStmt', ['CHECKPOINT', ownLogin]],
  ['LoadStmt', ['LOAD', ownLogin]],
])

/** What to do instead of making a table for a while. */
export const noTemporary =
  'Nothing outlives a request: name a part of the statement by WITH … AS. Tables that stay are made by migrations, as the owner.'

/** What a refused kind of statement is called and what to do instead. */
export function describeStatement(statement: TypedNode | undefined): {
  readonly what: string
  readonly instead: string
} {
  const { type, node } = statement ?? { type: '', node: {} }
  const known = refusedStatements.get(type)
  if (known !== undefined) return { what: known[0], instead: makesTemporary(node) ? noTemporary : known[1] }
  // AlterRoleSetStmt → ALTER ROLE SET: what is left is data definition, named after its command.
  const words = type.replace(/Stmt$/, '').replace(/([a-z])([A-Z])/g, '$1 $2')
  return { what: words.toUpperCase(), instead: migrations }
}

/** CREATE TEMPORARY TABLE, SEQUENCE, VIEW, TABLE AS: each keeps its name in another place. */
function makesTemporary({ relation, sequence, view, into }: TreeNode): boolean {
  const made = (relation ?? sequence ?? view ?? (into as TreeNode | undefined)?.rel) as TreeNode | undefined
  return made?.relpersistence === 't'
}
