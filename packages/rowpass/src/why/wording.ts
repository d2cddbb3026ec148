/**
 * How reasons are worded: what several kinds of them share.
 */
import type { Reason, ReasonCode } from './explanation.ts'
import type { Right } from './grants.ts'
import { maxRows } from './trial.ts'

/** A reason that ends nothing. */
export function reason(code: ReasonCode, says: string, advice?: string): Reason {
  return { code, says, ...(advice !== undefined && { advice }), refuses: false }
}

/** A reason that ends the statement with an error. */
export function refusal(code: ReasonCode, says: string, advice?: string): Reason {
  return { ...reason(code, says, advice), refuses: true }
}

/** The statement that gives a right. */
export function grantSql({ privilege, on, object, columns, role }: Right): string {
  const list = columns.length > 0 ? ` (${columns.join(', ')})` : ''
  const kind = on === 'table' ? '' : `${on} `
  return `grant ${privilege.toLowerCase()}${list} on ${kind}${object} to ${role};`
}

/** How many rows, for a person. */
export function some(rows: number, atLeast = false): string {
  const most = rows > maxRows
  return `${most || atLeast ? 'at least ' : ''}${most ? maxRows : rows} ${rows === 1 ? 'row' : 'rows'}`
}
