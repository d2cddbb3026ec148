import { describe, expect, it } from 'vitest'
import { maxJsonDepth, parseStrictJson } from '../../src/token/strict-json.ts'

const parse = (text: string) => parseStrictJson(new TextEncoder().encode(text)).value
const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`

describe('strict JSON', () => {
  it.each([
    '{}',
    ' {\n"a" : 1 ,\t"b":[ ] }\r\n',
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '{"a":["a","a",{"a":1},{"a":1}]}',
    '{"a":"\\"b\\":1,\\"b\\":2","c":"{\\"c\\":1}"}',
    '{"\\\\":1,"\\"":2,"/":3}',
    '{"a":"\\\\u0000"}',
    '{"a":"\\ud83d\\ude00","b":"😀","c":"\u2028"}',
    '{"a":1e308,"b":-1E-308,"c":0.1e+10,"d":-0,"e":12345678901234567890}',
    '{"a":true,"b":false,"c":null,"":""}',
    '{"__proto__":1,"constructor":2,"toString":3}',
    nested(maxJsonDepth),
  ])('takes %s as the parser does', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  it.each([
    ['SEC-12 the same name twice', '{"a":1,"a":1}'],
    ['SEC-12 the same name twice, apart', '{"a":1,"b":{"a":[{}]},"a":1}'],
    ['SEC-12 the same name twice, once escaped', '{"a":1,"\\u0061":1}'],
    ['SEC-12 the same name twice, in a list', '{"l":[1,{"a":1,"b":[],"a":1}]}'],
    ['SEC-12 __proto__ twice', '{"__proto__":1,"__proto__":1}'],
    ['SEC-12 the empty name twice', '{"":1,"":1}'],
    ['U+0000 in a text', '{"a":"\\u0000"}'],
    ['U+0000 after an escaped backslash', '{"a":"\\\\\\u0000"}'],
    ['U+0000 in a name', '{"a\\u0000":1}'],
    ['a high surrogate alone', '{"a":"\\ud83d"}'],
    ['a low surrogate alone', '{"a":"\\ude00\\ud83d"}'],
    ['a number over the largest', '{"a":1e309}'],
    ['a number under the smallest', '{"a":-1e309}'],
    ['an exponent that numeric does not have', '{"a":1e-20000}'],
    ['an exponent of a zero', '{"a":0e99999999}'],
    ['a number of 400 digits', `{"a":${'9'.repeat(400)}}`],
    ['nesting over the limit', nested(maxJsonDepth + 1)],
    ['a list at the top', '[]'],
    ['a text at the top', '"a"'],
    ['null at the top', 'null'],
    ['nothing', ''],
    ['two documents', '{}{}'],
    ['a comma too many', '{"a":1,}'],
    ['a comment', '{/**/}'],
    ['single quotes', "{'a':1}"],
    ['a leading zero', '{"a":01}'],
    ['NaN', '{"a":NaN}'],
    ['a control character', '{"a":"\u0001"}'],
    ['a byte order mark', '\ufeff{}'],
  ])('refuses %s', (_, text) => {
    expect(() => parse(text)).toThrow(SyntaxError)
  })

  it.each([
    ['a stray byte', [0x7b, 0xff, 0x7d]],
    ['an overlong slash', [0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d]],
    ['an encoded surrogate', [0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d]],
    ['a cut-off character', [0x7b, 0x22, 0xe2, 0x82]],
    ['UTF-16', [...Buffer.from('{}', 'utf16le')]],
  ])('SEC-12 refuses %s', (_, bytes) => {
    expect(() => parseStrictJson(Uint8Array.from(bytes))).toThrow(SyntaxError)
  })

  it('gives the text as it was sent', () => {
    const text = ' {"b":1,  "a":"\\u00fc"} '
    expect(parseStrictJson(new TextEncoder().encode(text)).text).toBe(text)
  })

  it('does not quote its input in an error', () => {
    for (const text of ['{"secret":1,"secret":2}', '{"secret"', '{"a":"secret\\u0000"}']) {
      expect(() => parse(text)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }))
    }
  })

  it('takes time in proportion to the input', () => {
    const start = performance.now()
    parse(`{${Array.from({ length: 5000 }, (_, i) => `"${i}":"\\"${'a'.repeat(4)}"`).join(',')}}`)
    expect(() => parse('{"a'.repeat(20_000))).toThrow(SyntaxError)
    expect(performance.now() - start).toBeLessThan(500)
  })
})
