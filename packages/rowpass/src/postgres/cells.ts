/**
 * Writes cells of results as JSON: PostgreSQL's text format, from bytes to bytes.
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
import { type JsonText, writeByte, writeBytes, writeEscaped } from './json-writer.ts'
import type { FindType } from './values.ts'

/** A cell that is being written, from `bytes[start]` to `bytes[end - 1]`. */
export interface ResultCell {
  bytes: Buffer
  start: number
  end: number
  /** Where the writing goes on; `end` when it is done. */
  at: number
}

/**
 * Writes a part of a cell, and moves its `at`.
 * @param until where the part ends, about; from `end` on it is all that is left
 */
export type WriteCell = (json: JsonText, cell: ResultCell, until: number) => void

const booleanOid = 16
const numberOids: ReadonlySet<number> = new Set([21, 23, 700, 701])
const jsonOids: ReadonlySet<number> = new Set([114, 3802])
/** `int2vector` and `oidvector`: arrays in the catalog, but printed as numbers with a space between. */
const vectorOids: ReadonlySet<number> = new Set([22, 30])

const [quote, backslash, comma, space, minus, zero, nine, equals, smallT] = Buffer.from('"\\, -09=t')
const nullText = Buffer.from('NULL')
const [openBracket, closeBracket, openBrace, closeBrace] = Buffer.from('[]{}')
const [trueJson, falseJson, nullJson] = ['true', 'false', 'null'].map((text) => Buffer.from(text)) as [
  Buffer,
  Buffer,
  Buffer,
]

/**
 * Returns the writer of a type's cells.
 *
 * Booleans, `int2`, `int4`, `float4`, `float8`, JSON and arrays become JSON values, all else JSON strings (`int8` and
 * `numeric` do not fit a double). `NaN` and infinities are strings.
 */
export function toCellWriter(oid: number, findType: FindType): WriteCell {
  if (oid === booleanOid) return writeBoolean
  if (numberOids.has(oid)) return writeNumber
  if (jsonOids.has(oid)) return writeAsIs
  if (vectorOids.has(oid)) return writeVector
  const array = findType(oid)
  if (array === undefined) return writeString
  return toArrayWriter(array.delimiter.charCodeAt(0), toCellWriter(array.elementOid, findType))
}

/** Writes a cell as a JSON string. */
export function writeString(json: JsonText, cell: ResultCell, until: number): void {
  const stop = Math.min(until, cell.end)
  if (cell.at === cell.start) writeByte(json, quote as number)
  writeEscaped(json, cell.bytes, cell.at, stop)
  if (stop === cell.end) writeByte(json, quote as number)
  cell.at = stop
}

function writeAsIs(json: JsonText, cell: ResultCell, until: number): void {
  const stop = Math.min(until, cell.end)
  writeBytes(json, cell.bytes, cell.at, stop)
  cell.at = stop
}

function writeBoolean(json: JsonText, cell: ResultCell): void {
  writeBytes(json, cell.bytes[cell.start] === smallT ? trueJson : falseJson)
  cell.at = cell.end
}

function writeNumber(json: JsonText, cell: ResultCell, until: number): void {
  const { bytes, start } = cell
  const digit = bytes[bytes[start] === minus ? start + 1 : start] as number
  if (digit >= (zero as number) && digit <= (nine as number)) writeAsIs(json, cell, until)
  else writeString(json, cell, until)
}

function writeVector(json: JsonText, cell: ResultCell, until: number): void {
  const stop = Math.min(until, cell.end)
  if (cell.at === cell.start) writeByte(json, openBracket as number)
  for (let at = cell.at; at < stop; at++) {
    const byte = cell.bytes[at] as number
    writeByte(json, byte === space ? (comma as number) : byte)
  }
  if (stop === cell.end) writeByte(json, closeBracket as number)
  cell.at = stop
}

/** For arrays, nested as they are; a bounds prefix such as `[0:1]=` is dropped. */
function toArrayWriter(delimiter: number, writeElement: WriteCell): WriteCell {
  const element: ResultCell = { bytes: nullJson, start: 0, end: 0, at: 0 }

  function write(json: JsonText, bytes: Buffer, start: number, end: number): void {
    element.bytes = bytes
    element.start = start
    element.at = start
    element.end = end
    writeElement(json, element, end)
  }

  /** Writes the element that starts at `at` without a quote. @returns where it ends */
  function writeBare(json: JsonText, bytes: Buffer, at: number, end: number): number {
    let stop = at
    while (stop < end && bytes[stop] !== delimiter && bytes[stop] !== closeBrace) stop++
    if (isNull(bytes, at, stop)) writeBytes(json, nullJson)
    else write(json, bytes, at, stop)
    return stop
  }

  /** Writes the element whose opening quote is before `at`. @returns the place after its closing quote */
  function writeQuoted(json: JsonText, bytes: Buffer, at: number, end: number): number {
    let stop = at
    while (stop < end && bytes[stop] !== quote && bytes[stop] !== backslash) stop++
    if (bytes[stop] === quote || stop >= end) {
      write(json, bytes, at, stop)
      return stop + 1
    }
    while (stop < end && bytes[stop] !== quote) stop += bytes[stop] === backslash ? 2 : 1
    const unescaped = withoutBackslashes(bytes, at, Math.min(stop, end))
    write(json, unescaped, 0, unescaped.length)
    return stop + 1
  }

  return (json, cell, until) => {
    const { bytes, end } = cell
    const stop = Math.min(until, end)
    let { at } = cell
    if (at === cell.start && bytes[at] === openBracket) at = bytes.indexOf(equals as number, at) + 1
    while (at < stop) {
      const byte = bytes[at] as number
      if (byte === openBrace) writeByte(json, openBracket as number)
      else if (byte === closeBrace) writeByte(json, closeBracket as number)
      else if (byte === delimiter) writeByte(json, comma as number)
      else {
        at = byte === quote ? writeQuoted(json, bytes, at + 1, end) : writeBare(json, bytes, at, end)
        continue
      }
      at++
    }
    cell.at = Math.min(at, end)
  }
}

function isNull(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 4 && bytes.compare(nullText, 0, 4, start, end) === 0
}

/** Text whose backslashes each take the next byte as it is. */
function withoutBackslashes(bytes: Buffer, start: number, end: number): Buffer {
  const into = Buffer.allocUnsafe(end - start)
  let length = 0
  for (let at = start; at < end; at++) {
    if (bytes[at] === backslash) at++
    into[length++] = bytes[at] as number
  }
  return into.subarray(0, length)
}
