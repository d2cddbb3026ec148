import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/errors.ts'
import { parseTypeFacts, toJsonConverter, toParameter } from '../../src/postgres/values.ts'

const int4Array = 1007
const textArray = 1009
const boxArray = 1020
const types = parseTypeFacts([
  { oid: String(int4Array), element_oid: '23', delimiter: ',' },
  { oid: String(textArray), element_oid: '25', delimiter: ',' },
  { oid: String(boxArray), element_oid: '603', delimiter: ';' },
])
const toJson = (oid: number, text: string): unknown => JSON.parse(toJsonConverter(oid, (type) => types.get(type))(text))

describe('parameters', () => {
  it.each<[string, unknown, string | null]>([
    ['null is SQL NULL', null, null],
    ['undefined is SQL NULL', undefined, null],
    ['a string stays as it is', 'a"b\\c', 'a"b\\c'],
    ['an empty string is not NULL', '', ''],
    ['a number is its JSON text', 1.5, '1.5'],
    ['a boolean is its JSON text', true, 'true'],
    ['an object is JSON', { foo: [1, null] }, '{"foo":[1,null]}'],
    ['an array is an array literal', [1, 2], '{1,2}'],
    ['an empty array is an empty literal', [], '{}'],
    ['null in an array is NULL', [null, 'NULL'], '{NULL,"NULL"}'],
    ['arrays nest', [[1], [2]], '{{1},{2}}'],
    ['an object in an array is quoted JSON', [{ foo: 1 }], '{"{\\"foo\\":1}"}'],
    ['quotes and backslashes in an array are escaped', ['a"b', 'c\\d'], '{"a\\"b","c\\\\d"}'],
    ['a newline in an array stays a newline', ['a\nb\tc'], '{"a\nb\tc"}'],
  ])('%s', (_title, value, expected) => {
    expect(toParameter(value)).toBe(expected)
  })

  it('six dimensions are accepted, a seventh is refused', () => {
    expect(toParameter([[[[[[1]]]]]])).toBe('{{{{{{1}}}}}}')
    expect(() => toParameter([[[[[[[1]]]]]]])).toThrow(Failure)
  })

  it('every text survives the way through an array literal', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
        expect(toJson(textArray, toParameter(texts) ?? '')).toEqual(texts)
      }),
    )
  })
})

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
})
