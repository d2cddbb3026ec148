/**
 * Reads the bodies of the backend messages that carry something to keep.
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

/** Type bytes of backend messages. */
export const backend = {
  authentication: 0x52,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBothResponse: 0x57,
  copyInResponse: 0x47,
  copyOutResponse: 0x48,
  dataRow: 0x44,
  emptyQueryResponse: 0x49,
  errorResponse: 0x45,
  noData: 0x6e,
  noticeResponse: 0x4e,
  parameterDescription: 0x74,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const

/** One column of a result, as RowDescription tells it. */
export interface Field {
  readonly name: string
  /** OID of the table, 0 when the column is not one of a table. */
  readonly tableID: number
  /** Attribute number in that table, else 0. */
  readonly columnID: number
  /** OID of the type. */
  readonly dataTypeID: number
  /** `pg_type.typlen`; negative for variable width. */
  readonly dataTypeSize: number
  /** `pg_attribute.atttypmod`. */
  readonly dataTypeModifier: number
}

/** An ErrorResponse, by the names that node-postgres and the Neon driver give its fields. */
export interface PostgresError {
  readonly message: string
  /** SQLSTATE. */
  readonly code: string
  readonly severity: string
  readonly detail?: string
  readonly hint?: string
  readonly position?: string
  readonly internalPosition?: string
  readonly internalQuery?: string
  readonly where?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly dataType?: string
  readonly constraint?: string
  readonly file?: string
  readonly line?: string
  readonly routine?: string
}

const errorFieldNames: Readonly<Record<string, keyof PostgresError>> = {
  M: 'message',
  C: 'code',
  S: 'severity',
  D: 'detail',
  H: 'hint',
  P: 'position',
  p: 'internalPosition',
  q: 'internalQuery',
  W: 'where',
  s: 'schema',
  t: 'table',
  c: 'column',
  d: 'dataType',
  n: 'constraint',
  F: 'file',
  L: 'line',
  R: 'routine',
}

/** Reads the body of an ErrorResponse. */
export function readError(bytes: Buffer, start: number, end: number): PostgresError {
  const error: { -readonly [Name in keyof PostgresError]: PostgresError[Name] } = {
    message: '',
    code: '',
    severity: '',
  }
  let at = start
  while (at < end && bytes[at] !== 0) {
    const name = errorFieldNames[String.fromCharCode(bytes[at] as number)]
    const terminator = bytes.indexOf(0, at + 1)
    if (name !== undefined) error[name] = bytes.toString('utf8', at + 1, terminator)
    at = terminator + 1
  }
  return error
}

/** Whether an ErrorResponse ends the session, by the field that is never translated; a pooler may send only the other one. */
export function isFatal(bytes: Buffer, start: number, end: number): boolean {
  let severity = 0
  for (let at = start; at < end && bytes[at] !== 0; at = bytes.indexOf(0, at + 1) + 1) {
    if (bytes[at] === 0x56 || (bytes[at] === 0x53 && severity === 0)) severity = bytes[at + 1] ?? 0
  }
  return severity === 0x46 || severity === 0x50
}

/** Reads the body of a RowDescription. */
export function readFields(bytes: Buffer, start: number): Field[] {
  const count = bytes.readInt16BE(start)
  const fields: Field[] = []
  let at = start + 2
  for (let index = 0; index < count; index++) {
    const terminator = bytes.indexOf(0, at)
    const name = bytes.toString('utf8', at, terminator)
    at = terminator + 1
    fields.push({
      name,
      tableID: bytes.readUInt32BE(at),
      columnID: bytes.readInt16BE(at + 4),
      dataTypeID: bytes.readUInt32BE(at + 6),
      dataTypeSize: bytes.readInt16BE(at + 10),
      dataTypeModifier: bytes.readInt32BE(at + 12),
    })
    at += 18
  }
  return fields
}

/** Reads a time, the second cell of a DataRow in binary format, after a boolean: microseconds since 2000. */
export function readTime(bytes: Buffer, start: number): number {
  return bytes.readInt32BE(start + 11) * 2 ** 32 + bytes.readUInt32BE(start + 15)
}

/** A command tag, cut as node-postgres cuts it: `INSERT 0 2` is INSERT and 2, `CREATE TABLE` is CREATE and null. */
export interface CommandTag {
  readonly command: string
  readonly rowCount: number | null
}

/** Reads the body of a CommandComplete. */
export function readCommandTag(bytes: Buffer, start: number, end: number): CommandTag {
  const [command = '', second, third] = bytes.toString('latin1', start, end - 1).split(' ')
  const count = command === 'INSERT' ? third : second
  return { command, rowCount: count !== undefined && /^\d+$/.test(count) ? Number(count) : null }
}
