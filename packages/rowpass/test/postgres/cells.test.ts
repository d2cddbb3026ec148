import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toCellWriter } from '../../src/postgres/cells.ts'
import { createJsonText, toPieces } from '../../src/postgres/json-writer.ts'
import { parseTypeFacts, toParameter } from '../../src/postgres/values.ts'

const [int4, text, jsonb, vector] = [23, 25, 3802, 22]
const int4Array = 1007
const textArray = 1009
const boxArray = 1020
const types = parseTypeFacts([
  { oid: String(int4Array), element_oid: '23', delimiter: ',' },
  { oid: String(textArray), element_oid: '25', delimiter: ',' },
  { oid: String(boxArray), element_oid: '603', delimiter: ';' },
])

/** The JSON of a cell that has other bytes before and behind it, written in parts of so many bytes. */
function toJsonText(oid: number, cellText: string, partBytes = Number.POSITIVE_INFINITY): string {
  const bytes = Buffer.from(`{"${cellText}"}`)
  const cell = { bytes, start: 2, at: 2, end: bytes.length - 2 }
  const json = createJsonText(1)
  const write = toCellWriter(oid, (type) => types.get(type))
  do write(json, cell, cell.at + partBytes)
  while (cell.at < cell.end)
  return Buffer.concat(toPieces(json)).toString()
}
const toJson = (oid: number, cellText: string): unknown => JSON.parse(toJsonText(oid, cellText))

describe('typed cells', () => {
  it.each<[string, number, string, unknown]>([
    ['bool', 16, 't', true],
    ['bool', 16, 'f', false],
    ['int2', 21, '-7', -7],
    ['int4', 23, '42', 42],
    ['int8 stays a string', 20, '9007199254740993', '9007199254740993'],
    ['numeric stays a string', 1700, '1.10', '1.10'],
    ['float8', 701, '1.5e-07', 1.5e-7],
    ['float8 NaN is a string', 701, 'NaN', 'NaN'],
    ['float8 -Infinity is a string', 701, '-Infinity', '-Infinity'],
    ['jsonb is embedded', 3802, '{"a": [1]}', { a: [1] }],
    ['text', 25, 'a"\n\u0001', 'a"\n\u0001'],
    ['int4[]', int4Array, '{1,NULL,-3}', [1, null, -3]],
    [
      'int4[][]',
      int4Array,
      '{{1,2},{3,4}}',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['an array with bounds', int4Array, '[0:1]={1,2}', [1, 2]],
    ['an empty array', int4Array, '{}', []],
    ['text[] tells NULL from "NULL"', textArray, '{NULL,"NULL"}', [null, 'NULL']],
    ['text[] with escapes', textArray, '{"a\\"b","c\\\\d","e,f","{}"}', ['a"b', 'c\\d', 'e,f', '{}']],
    ['box[] is separated by semicolons', boxArray, '{(2,2),(1,1);(4,4),(3,3)}', ['(2,2),(1,1)', '(4,4),(3,3)']],
    ['int2vector', 22, '1 2', [1, 2]],
    ['an empty oidvector', 30, '', []],
  ])('%s', (_title, oid, text, expected) => {
    expect(toJson(oid, text)).toEqual(expected)
  })

  it('every text survives the way through an array literal', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
        expect(toJson(textArray, toParameter(texts) ?? '')).toEqual(texts)
      }),
    )
  })

  it('in parts it is the same as whole', () => {
    const texts = fc.array(fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme' })))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), texts, (partBytes, elements) => {
        const joined = elements.join('\n"')
        const cells: [oid: number, cellText: string][] = [
          [text, joined],
          [textArray, toParameter(elements) ?? ''],
          [int4Array, `[5:${elements.length + 4}]={${elements.map((_, index) => index)}}`],
          [jsonb, JSON.stringify(elements)],
          [vector, elements.map((_, index) => index).join(' ')],
          [int4, String(elements.length)],
        ]
        for (const [oid, cellText] of cells)
          expect(toJsonText(oid, cellText, partBytes)).toBe(toJsonText(oid, cellText))
      }),
    )
  })
})
