/**
 * What a narrowed token lets through: compares what its scopes allow with what was judged of the statements, and says what
 * PostgreSQL is to hold to besides.
 */
import { Failure } from '../errors.ts'
import type { WorkLimits } from '../postgres/flight.ts'
import type { Allowed } from '../statement/classify.ts'
import type { TableUse } from '../statement/tables.ts'
import { type Narrowing, type TableScope, writeScopes } from '../token/narrowing.ts'

/**
 * Holds the statements of one request to what a token is narrowed to.
 *
 * Verdicts tell nothing of who asks, so one that was made for a wider token is as good here as any. Does NOT know which
 * table a bare name stands for: where that matters, the work asks PostgreSQL in the same transaction.
 *
 * @param own whether they are the gateway's own, which may read any table
 * @returns what the work is run under; undefined for a token that is not narrowed
 * @throws Failure `scope_refused` that says what the token does not allow, and what it allows
 */
export function holdToScopes(
  narrowing: Narrowing | undefined,
  verdicts: readonly Allowed[],
  own = false,
): WorkLimits | undefined {
  if (narrowing === undefined) return undefined
  const { access, maxRows } = narrowing
  const names = new Map<string, readonly string[]>()
  for (const verdict of verdicts) {
    if (access === 'none') throw refused(narrowing, 'Nothing')
    if (access === 'read' && !verdict.readOnly) throw refused(narrowing, whatWrites(verdict))
    if (own || narrowing.tables === undefined) continue
    if (verdict.beyond !== undefined) throw refused(narrowing, `${verdict.beyond} may read other tables, which`)
    for (const use of verdict.tables) {
      const scopes = scopesFor(use, narrowing.tables)
      if (scopes.length === 0) throw refused(narrowing, `${use.command} of ${nameOf(use)}`)
      if (!scopes.some(({ schema }) => schema === use.schema)) names.set(nameOf(use), scopes.map(nameOf))
    }
  }
  return { readOnly: access === 'read', names, maxRows }
}

/** The scopes that may be of the table that a statement uses: a name with its schema and one without may be the same. */
function scopesFor({ schema, name, command }: TableUse, tables: readonly TableScope[]): readonly TableScope[] {
  return tables.filter(
    (table) =>
      table.name === name &&
      table.commands.includes(command) &&
      (table.schema === schema || table.schema === undefined || schema === undefined),
  )
}

function whatWrites({ tables, command }: Allowed): string {
  if (command !== 'SELECT') return command
  if (tables.some((use) => use.command === 'update')) return 'SELECT … FOR UPDATE'
  return tables.some((use) => use.command !== 'select') ? 'A change in WITH' : 'A call of what may change something'
}

function refused(narrowing: Narrowing, what: string): Failure {
  return new Failure('scope_refused', { detail: `${what} is not allowed. ${describe(narrowing)}` })
}

/** What is said of names that turn out to stand for other tables. */
export function otherTable(narrowing: Narrowing): Failure {
  return new Failure('scope_refused', {
    detail: `A table name without its schema, in the statement or in the token, does not stand for the same table. ${describe(narrowing)}`,
  })
}

function describe(narrowing: Narrowing): string {
  const scopes = writeScopes(narrowing)
  return scopes === '' ? 'This token has no scope.' : `This token has: ${scopes}`
}

/** As SQL writes it. */
export function nameOf({ schema, name }: Pick<TableUse, 'schema' | 'name'>): string {
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
  return schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`
}
