/**
 * Turns the messages of one statement into the JSON object that Neon's SQL over HTTP answers with.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Failure } from '../errors.ts'
import { type ResultCell, toCellWriter, type WriteCell, writeString } from './cells.ts'
import { createJsonText, type JsonText, lengthOf, toPieces, writeByte, writeBytes, writeText } from './json-writer.ts'
import type { CommandTag, Field } from './messages.ts'
import type { FindType } from './values.ts'

/** How a statement's rows are written. */
export interface ResultShape {
  /** Rows as arrays; else as objects by column name. */
  readonly arrayMode: boolean
  /** Every cell is PostgreSQL's text, as a JSON string; else numbers, booleans, JSON and arrays become JSON. */
  readonly rawText: boolean
}

/** How much of a result is kept. */
export interface ResultBounds {
  readonly rows: number
  /** Of rows as the server sends them. */
  readonly bytes: number
  /** Whether the server is to stop there. It does not say how many rows there are then, or were changed. */
  readonly stops: boolean
}

/** What a statement's description is good for; computed once for a prepared statement. */
export interface Description {
  readonly fields: readonly Field[]
  /** `"fields":[…]` */
  readonly fieldsJson: Buffer
  /** `"name":` by column, for rows as objects. */
  readonly keys: readonly Buffer[]
  /** Bytes of all keys. */
  readonly keysBytes: number
}

const noDescription: Description = { fields: [], fieldsJson: Buffer.from('"fields":[]'), keys: [], keysBytes: 0 }
const noTag: CommandTag = { command: '', rowCount: null }
const rowsOpen = Buffer.from(',"rows":[')
const nullJson = Buffer.from('null')
const comma = 0x2c
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
/** What a row takes besides its message, and a result besides its rows and fields. */
const [rowBytes, frameBytes] = [3, 256]
/** Bytes of rows that are written before others have a turn. */
const turnBytes = 128 * 1024
/** Rows are written while they arrive, so many bytes at a time; what they came in is let go. */
const batchBytes = 32 * 1024

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
  const keys = fields.map((field) => Buffer.from(`${JSON.stringify(field.name)}:`))
  return {
    fields,
    fieldsJson: Buffer.from(`"fields":${JSON.stringify(described)}`),
    keys,
    keysBytes: keys.reduce((sum, key) => sum + key.length, 0),
  }
}

/** What has been written of a result. */
interface Writing {
  readonly json: JsonText
  readonly turns: Iterator<boolean, never>
}

/** Collects one statement's result, and writes it. */
export class Result {
  /** Bytes that the result has at the least, so far. */
  size = 0
  /** Rows returned or changed, as the command tag has it. */
  rowCount = 0
  /** There were more rows than are kept. */
  truncated = false
  readonly #shape: ResultShape
  readonly #findType: FindType
  readonly #bounds: ResultBounds | undefined
  readonly #rows: Buffer[] = []
  readonly #starts: number[] = []
  #description = noDescription
  #tag = noTag
  #maxBytes = Number.POSITIVE_INFINITY
  #unwrittenBytes = 0
  #writing: Writing | undefined

  /** @param findType looks up the types of cells that are not raw text */
  constructor(shape: ResultShape, findType: FindType, bounds?: ResultBounds) {
    this.#shape = shape
    this.#findType = findType
    this.#bounds = bounds
  }

  describe(description: Description): void {
    this.#description = description
    this.size = description.fieldsJson.length
  }

  /** Takes a DataRow, whose bytes nobody may change from then on. */
  row(bytes: Buffer, start: number, end: number): void {
    const size = end - start + rowBytes + (this.#shape.arrayMode ? 0 : this.#description.keysBytes)
    this.size += size
    if (this.truncated || this.#isBeyond()) {
      this.truncated = true
      return
    }
    this.#rows.push(bytes)
    this.#starts.push(start)
    this.#unwrittenBytes += size
    if (this.#unwrittenBytes < batchBytes) return
    this.#unwrittenBytes = 0
    this.#writing ??= this.#begin()
    this.#writing.turns.next()
  }

  /** Whether the row that was counted last is one too many. */
  #isBeyond(): boolean {
    if (this.#bounds === undefined) return false
    const { rows, bytes } = this.#bounds
    return this.#rows.length >= rows || this.size - this.#description.fieldsJson.length > bytes
  }

  complete(tag: CommandTag): void {
    this.#tag = tag
    this.rowCount = tag.rowCount ?? 0
  }

  /** The server has stopped at the bounds. */
  stop(): void {
    this.complete({ command: 'SELECT', rowCount: this.#rows.length })
  }

  /** Says how large the result may be at most. */
  limit(bytes: number): void {
    this.#maxBytes = bytes
  }

  /**
   * Writes what is not written yet: when it is much, in turns, so that others are served in between.
   * @returns pieces of some 64 KiB, in their order
   * @throws Failure `response_too_large`; its statement was run
   */
  finish(): Buffer[] | Promise<Buffer[]> {
    const writing = this.#writing ?? this.#begin()
    return writing.turns.next().value ? this.#close(writing) : this.#finishByTurns(writing)
  }

  #begin(): Writing {
    const { fields, fieldsJson, keys } = this.#description
    const { arrayMode, rawText } = this.#shape
    const json = createJsonText(this.size + frameBytes)
    writeByte(json, openBrace)
    writeBytes(json, fieldsJson)
    writeBytes(json, rowsOpen)
    const writers = rawText ? undefined : fields.map(({ dataTypeID }) => toCellWriter(dataTypeID, this.#findType))
    const rows = { rows: this.#rows, starts: this.#starts, keys: arrayMode ? undefined : keys, writers }
    return { json, turns: writeRows(json, rows) }
  }

  async #finishByTurns(writing: Writing): Promise<Buffer[]> {
    do {
      // Escapes make up to six bytes of one: what PostgreSQL sent was within the limit.
      if (lengthOf(writing.json) > this.#maxBytes) {
        throw new Failure('response_too_large', { detail: tooLarge(this.#maxBytes) })
      }
      await nextTurn()
    } while (!writing.turns.next().value)
    return this.#close(writing)
  }

  #close({ json }: Writing): Buffer[] {
    const { command, rowCount } = this.#tag
    const { arrayMode } = this.#shape
    writeText(json, `],"command":${JSON.stringify(command)},"rowCount":${rowCount},"rowAsArray":${arrayMode}}`)
    return toPieces(json)
  }
}

/** The detail of a result that is over the limit. */
export function tooLarge(maxBytes: number): string {
  return `response is too large (max is ${maxBytes} bytes)`
}

/** The detail of a result that has more rows than a token allows. */
export function tooManyRows(maxRows: number): string {
  return `the token allows ${maxRows} ${maxRows === 1 ? 'row' : 'rows'} at most`
}

/** Rows as they came, and how they are written. */
interface Rows {
  /** Each row's message, which is let go when it is written, and where the row starts in it. */
  readonly rows: Buffer[]
  readonly starts: readonly number[]
  /** For rows as objects. */
  readonly keys: readonly Buffer[] | undefined
  /** For cells that are not raw text. */
  readonly writers: readonly WriteCell[] | undefined
}

/** Writes rows. Yields true when there are no more of them, false when it has written much. */
function* writeRows(json: JsonText, { rows, starts, keys, writers }: Rows): Generator<boolean, never> {
  const [open, close] = keys === undefined ? [openBracket, closeBracket] : [openBrace, closeBrace]
  const cell: ResultCell = { bytes: nullJson, start: 0, end: 0, at: 0 }
  let turnEndsAt = turnBytes
  for (let row = 0; ; row++) {
    while (row === rows.length) {
      yield true
      turnEndsAt = lengthOf(json) + turnBytes
    }
    const bytes = rows[row] as Buffer
    rows[row] = nullJson
    let at = starts[row] as number
    const columns = bytes.readInt16BE(at)
    at += 2
    if (row > 0) writeByte(json, comma)
    writeByte(json, open)
    for (let column = 0; column < columns; column++) {
      if (column > 0) writeByte(json, comma)
      if (keys !== undefined) writeBytes(json, keys[column] as Buffer)
      const length = bytes.readInt32BE(at)
      at += 4
      if (length < 0) {
        writeBytes(json, nullJson)
        continue
      }
      cell.bytes = bytes
      cell.start = at
      cell.at = at
      at += length
      cell.end = at
      const write = writers === undefined ? writeString : (writers[column] as WriteCell)
      write(json, cell, cell.at + turnBytes)
      while (cell.at < at) {
        yield false
        write(json, cell, cell.at + turnBytes)
      }
      if (lengthOf(json) < turnEndsAt) continue
      yield false
      turnEndsAt = lengthOf(json) + turnBytes
    }
    writeByte(json, close)
  }
}
