import { describe, expect, it } from 'vitest'
import { cutScript } from '../../src/scratch/script.ts'

const cut = (text: string) => [...cutScript(text, 'a.sql')]
const texts = (text: string) => cut(text).map(({ sql }) => sql)

describe('a script', () => {
  it.each([
    ['strings', "select 'a;b', E'it\\';', 'it''s;'; select 2", ["select 'a;b', E'it\\';', 'it''s;'", 'select 2']],
    ['names', 'select 1 as "a;""b"; select 2', ['select 1 as "a;""b"', 'select 2']],
    [
      'dollar quotes',
      'do $x$ begin; $$ ; end $x$; select $1, a$b$c',
      ['do $x$ begin; $$ ; end $x$', 'select $1, a$b$c'],
    ],
    ['comments', 'select 1 /* ; /* ; */ ; */ -- ;\n; select 2', ['select 1 /* ; /* ; */ ; */ -- ;', 'select 2']],
    [
      'parentheses',
      'create rule r as on insert to t do (delete from a; delete from b); select 2',
      ['create rule r as on insert to t do (delete from a; delete from b)', 'select 2'],
    ],
    [
      'bodies of the standard',
      'create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3',
      [
        'create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end',
        'select 3',
      ],
    ],
    ['transactions', 'begin; select 1; end; commit', ['begin', 'select 1', 'end', 'commit']],
    ['nothing', ' ; -- a comment\n ;; /* another */', []],
    ['commands of psql', '\\restrict x\n\\connect app\nselect 1;\n\\unrestrict x\n', ['select 1']],
  ])('is cut outside of %s', (_, text, expected) => {
    expect(texts(text)).toEqual(expected)
  })

  it('has the line of the first word of each statement', () => {
    const text = "-- one\n\nselect 1;\n/* three\n*/ select\n'a\nb';select 3;\n\nselect 4"
    expect(cut(text).map(({ line }) => line)).toEqual([3, 5, 7, 9])
  })

  it('has the rows behind COPY, and goes on after them', () => {
    const text =
      'COPY public.t (a, "b c") FROM stdin;\n1\t;\n2\t\'\n\\.\n\nselect 1;\ncopy t from stdin with (format csv);\n\\.\nselect 2'
    expect(cut(text)).toEqual([
      { sql: 'COPY public.t (a, "b c") FROM stdin', line: 1, data: "1\t;\n2\t'\n" },
      { sql: 'select 1', line: 6 },
      { sql: 'copy t from stdin with (format csv)', line: 7, data: '' },
      { sql: 'select 2', line: 9 },
    ])
  })

  it.each(['\\i other.sql', '\\ir x', '\\copy t from file', '\\gexec', '\\if true', '\\! ls', '\\cd x'])(
    'with %s is refused with its line',
    (command) => {
      expect(() => texts(`select 1;\n${command}\n`)).toThrow(
        expect.objectContaining({ code: 'input_invalid', detail: expect.stringMatching(/^a\.sql:2: \\/) }),
      )
    },
  )
})
