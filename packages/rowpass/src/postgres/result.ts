/**
 * Turns the messages of one statement into the JSON object that Neon's SQL over HTTP answers with.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  createJsonText,
  type JsonText,
  toBytes,
  writeByte,
  writeBytes,
  writeJsonString,
  writeText,
} from './json-writer.ts'
import { type CommandTag, type Field, readCells } from './messages.ts'

/** How a statement's rows are written. */
export interface ResultShape {
  /** Rows as arrays; else as objects by column name. */
  readonly arrayMode: boolean
  /** Every cell is PostgreSQL's text, as a JSON string; else numbers, booleans, JSON and arrays become JSON. */
  readonly rawText: boolean
}

/** What a statement's description is good for; computed once for a prepared statement. */
export interface Description {
  readonly fields: readonly Field[]
  /** `"fields":[…]` */
  readonly fieldsJson: Buffer
  /** `"name":` by column, for rows as objects. */
  readonly keys: readonly Buffer[]
}

/** Collects one statement's result. */
export interface ResultSink {
  describe(description: Description): void
  row(bytes: Buffer, start: number): void
  complete(tag: CommandTag): void
  /** Says how large the result may be at most; what is larger need not be kept. */
  limit(bytes: number): void
  /** Bytes or, for typed cells, code units held so far. */
  readonly size: number
  /** Rows returned or changed, as the command tag has it. */
  readonly rowCount: number
}

/** A converter from cell text to JSON text for each column, or `undefined` where the column's types are not known yet. */
export type ToJson = (text: string) => string

const rowsOpen = Buffer.from(',"rows":[')
const nullJson = Buffer.from('null')
const comma = 0x2c
const noDescription: Description = { fields: [], fieldsJson: Buffer.from('"fields":[]'), keys: [] }

/** Precomputes what each execution of a described statement writes again. */
export function describeFields(fields: readonly Field[]): Description {
  if (fields.length === 0) return noDescription
  const described = fields.map((field) => ({
    name: field.name,
    dataTypeID: field.dataTypeID,
    tableID: field.tableID,
    columnID: field.columnID,
    dataTypeSize: field.dataTypeSize,
    dataTypeModifier: field.dataTypeModifier,
    format: 'text',
  }))
  return {
    fields,
    fieldsJson: Buffer.from(`"fields":${JSON.stringify(described)}`),
    keys: fields.map((field) => Buffer.from(`${JSON.stringify(field.name)}:`)),
  }
}

/** The object's last members. */
function tail(tag: CommandTag, arrayMode: boolean): string {
  return `],"command":${JSON.stringify(tag.command)},"rowCount":${tag.rowCount},"rowAsArray":${arrayMode}}`
}

/** A sink that writes PostgreSQL's text as JSON strings while the rows arrive. */
export interface RawResult extends ResultSink {
  finish(): Buffer
}

/** Makes the sink for raw text, the one that the Neon driver asks for. */
export function createRawResult(arrayMode: boolean): RawResult {
  const json = createJsonText()
  let description = noDescription
  let empty = true

  function begin(): void {
    empty = false
    writeByte(json, 0x7b)
    writeBytes(json, description.fieldsJson)
    writeBytes(json, rowsOpen)
  }

  // Plain members: V8 defines accessors of a literal one by one, each time that it is made.
  const sink = {
    size: 0,
    rowCount: 0,
    describe(given: Description) {
      description = given
    },
    row(bytes: Buffer, start: number) {
      if (empty) begin()
      else writeByte(json, comma)
      if (arrayMode) writeArrayRow(json, bytes, start)
      else writeObjectRow(json, bytes, start, description.keys)
      sink.size = json.overflown ? Number.POSITIVE_INFINITY : json.length
    },
    complete(tag: CommandTag) {
      if (empty) begin()
      sink.rowCount = tag.rowCount ?? 0
      writeText(json, tail(tag, arrayMode))
      sink.size = json.length
    },
    limit(bytes: number) {
      json.maxLength = bytes
    },
    finish: () => toBytes(json),
  }
  return sink
}

function writeArrayRow(json: JsonText, bytes: Buffer, start: number): void {
  const count = bytes.readInt16BE(start)
  let at = start + 2
  writeByte(json, 0x5b)
  for (let index = 0; index < count; index++) {
    if (index > 0) writeByte(json, comma)
    at = writeCell(json, bytes, at)
  }
  writeByte(json, 0x5d)
}

function writeObjectRow(json: JsonText, bytes: Buffer, start: number, keys: readonly Buffer[]): void {
  let at = start + 2
  writeByte(json, 0x7b)
  for (const [index, key] of keys.entries()) {
    if (index > 0) writeByte(json, comma)
    writeBytes(json, key)
    at = writeCell(json, bytes, at)
  }
  writeByte(json, 0x7d)
}

/** Writes one cell of a DataRow and returns where the next one starts. */
function writeCell(json: JsonText, bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at)
  const start = at + 4
  if (length < 0) {
    writeBytes(json, nullJson)
    return start
  }
  writeJsonString(json, bytes, start, start + length)
  return start + length
}

/** A sink that keeps the cells' text, because their types may have to be looked up before they can be written. */
export interface TypedResult extends ResultSink {
  readonly fields: readonly Field[]
  /** Writes it piece by piece, so that others are served in between. */
  finish(converters: readonly ConvertCell[]): Promise<Buffer>
}

/** As {@link ToJson}, for a cell that may be converted elsewhere. */
export type ConvertCell = (text: string) => string | Promise<string>

/** What a row and a cell take besides the cell's text, at the least. */
const rowBytes = 16
const cellBytes = 8
/** Code units that are converted before others have a turn. */
const turnLength = 128 * 1024

/** Makes the sink for typed cells. */
export function createTypedResult(arrayMode: boolean): TypedResult {
  const rows: (string | null)[][] = []
  let description = noDescription
  let tag: CommandTag = { command: '', rowCount: null }

  async function toRow(cells: readonly (string | null)[], converters: readonly ConvertCell[]): Promise<string> {
    const values: string[] = []
    for (const [index, cell] of cells.entries()) {
      const value = cell === null ? 'null' : (converters[index]?.(cell) ?? 'null')
      values.push(typeof value === 'string' ? value : await value)
    }
    if (arrayMode) return `[${values.join(',')}]`
    return `{${values.map((value, index) => `${description.keys[index]}${value}`).join(',')}}`
  }

  const sink = {
    size: 0,
    rowCount: 0,
    fields: description.fields,
    describe(given: Description) {
      description = given
      sink.fields = given.fields
      sink.size = given.fieldsJson.length
    },
    row(bytes: Buffer, start: number) {
      const cells = readCells(bytes, start)
      sink.size += rowBytes
      for (const cell of cells) sink.size += cellBytes + (cell?.length ?? 0)
      rows.push(cells)
    },
    complete(given: CommandTag) {
      tag = given
      sink.rowCount = given.rowCount ?? 0
    },
    limit() {},
    async finish(converters: readonly ConvertCell[]) {
      const json = createJsonText()
      writeText(json, `{${description.fieldsJson},"rows":[`)
      let turnEndsAt = turnLength
      for (const [index, row] of rows.entries()) {
        if (index > 0) writeByte(json, comma)
        writeText(json, await toRow(row, converters))
        if (json.length < turnEndsAt) continue
        await nextTurn()
        turnEndsAt = json.length + turnLength
      }
      writeText(json, tail(tag, arrayMode))
      return toBytes(json)
    },
  }
  return sink
}
