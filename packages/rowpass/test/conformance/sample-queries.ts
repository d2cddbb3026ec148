/**
 * Statements whose results must be the same whichever way they take, on any PostgreSQL. They may be run with a token.
 */

/** A statement with its parameters, as `client.query` takes them. */
export type SampleQuery = readonly [text: string, params?: unknown[]]

const moment = new Date('2026-02-28T23:59:59.987Z')

/** Types, each as a value of its own, in an array, and as NULL. */
const typed: readonly (readonly [type: string, value: string])[] = [
  ['bool', 'true'],
  ['int2', '-32768'],
  ['int4', '2147483647'],
  ['int8', '9007199254740993'],
  ['numeric', '-12345678901234567890.0123456789'],
  ['float4', '0.1'],
  ['float8', '-1.7976931348623157e308'],
  ['text', `back\\slash "quote" 'tick' \u{1F4A5} 日本`],
  ['varchar(5)', 'abcde'],
  ['char(5)', 'ab'],
  ['"char"', 'x'],
  ['name', 'a_name'],
  ['bytea', '\\x00ff5c'],
  ['uuid', '2e7e25e8-5445-40bd-8f89-dc19bba64faa'],
  ['date', '2026-02-28'],
  ['time', '23:59:59.123456'],
  ['timetz', '23:59:59+05:30'],
  ['timestamp', '1999-12-31 23:59:59.5'],
  ['timestamptz', '2026-02-28 23:59:59.987654+02'],
  ['interval', '1 year 2 mons 3 days 04:05:06.789'],
  ['json', '{"a": [1, null, "\\u00e9"]}'],
  ['jsonb', '{"b": {"c": 1.50}}'],
  ['int4range', '[1,4)'],
  ['datemultirange', '{[2026-01-01,2026-02-01),[2026-03-01,2026-04-01)}'],
  ['point', '(1.5,-2)'],
  ['circle', '<(1,2),3>'],
  ['box', '(4,4),(3,3)'],
  ['inet', '192.0.2.7/24'],
  ['cidr', '2001:db8::/32'],
  ['macaddr', '08:00:2b:01:02:03'],
  ['bit(4)', '1010'],
  ['varbit', '101'],
  ['money', '12.34'],
  ['xml', '<a b="c"/>'],
  ['tsvector', `'fat':2 'rat':3`],
  ['oid', '4294967295'],
  ['regtype', 'integer'],
]

const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`

const column = (type: string): string => `"${type.replaceAll('"', '')} value"`

/** All of them. */
export const sampleQueries: readonly SampleQuery[] = [
  [`select ${typed.map(([type, value]) => `${literal(value)}::${type} as ${column(type)}`)}`],
  [`select ${typed.map(([type]) => `null::${type} as ${column(type)}`)}`],
  [`select ${typed.map(([type, value]) => `array[${literal(value)}, null]::${type}[] as ${column(type)}`)}`],
  // Parameters as the two drivers send them.
  ['select $1::int4 as it', [42]],
  ['select $1 as uncast', [1.5]],
  ['select $1::int8 as it', [9007199254740993n]],
  ['select $1 as it, $2::bool as other', [true, false]],
  ['select $1::text as it, $2::int as nothing', [null, undefined]],
  ['select $1::timestamptz as it', [moment]],
  ['select $1::jsonb as it', [{ a: ['b', { c: null }] }]],
  ['select $1::text[] as it', [['a,b', 'c"d', 'e\\f', '', 'NULL', null]]],
  [
    'select $1::int[] as it',
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ],
  ['select $1::bytea as it', [Buffer.from([0, 1, 254, 255])]],
  ['select $1::bytea as it', [new Uint8Array(1_000).fill(7)]],
  ['select length($1) as it', ['x'.repeat(300_000)]],
  ['select $1 || $2 as greeting', ['hello, ', 'world']],
  // Shapes.
  ['select'],
  ['select from generate_series(1, 3)'],
  ['select 1 as a where false'],
  ['select 1 as same, 2 as same, 3 as "?column?"'],
  ['select 1 as "Ünï \\"çödé\\" 名"'.replaceAll('\\"', '""')],
  ['select * from (values (1, null), (null, $1)) as rows (a, b)', ['x']],
  ['values (1, 2), (3, 4)'],
  ['select n, repeat(chr(64 + n), n) as letters from generate_series(1, 26) as n'],
  ['select array[]::int[] as none, array[[1],[2]] as nested, row(1, $$a b$$) as pair'],
  [`select E'\\u0001\\b\\t\\n\\f\\r\\x1f\\x7f"\\\\/' as controls`],
  ['table public.notes'],
  ['select id, owner, body from public.notes'],
  [`select repeat('y', 200000) as large`],
]
