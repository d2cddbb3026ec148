import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/errors.ts'
import { toParameter } from '../../src/postgres/values.ts'

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
})
