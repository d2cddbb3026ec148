/**
 * Texts that differ in constants, judged by their shape as the gateway does and in full: both must say the same.
 */
import { createClassifier, type Verdict } from '../../src/statement/classify.ts'
import { type FunctionFactRow, parseFunctionFacts } from '../../src/statement/facts.ts'
import { loadParser } from '../../src/statement/parser.ts'
import { toShape } from '../../src/statement/shape.ts'
import { createVerdicts } from '../../src/statement/verdicts.ts'
import { createRandom } from '../token/mutations.ts'

/** What came of a run. */
export interface VariantsReport {
  /** Texts made. */
  readonly made: number
  /** Those of them that were known by their shape, and what they were judged to be. */
  readonly compared: number
  readonly byVerdict: ReadonlyMap<string, number>
  /** At most ten. */
  readonly disagreements: readonly { readonly sql: string; readonly byShape: string; readonly inFull: string }[]
}

const strings = [
  ...[
    "''",
    "'x'",
    "'it''s'",
    "''''",
    "'--'",
    "'/*'",
    "'*/'",
    "'$$'",
    "'$q$'",
    `'"'`,
    "'é'",
    "'😀'",
    "'\n'",
    "' -- \n'",
  ],
  ...[
    "'pg_class'",
    "'a'';select 1'",
    "'(1,2)'",
    "' in (1,2)'",
    "'%'",
    "'1 day'",
    "'!'",
    "'set_config'",
    "'$.a'",
    "','",
  ],
]
const numbers = [
  ...['0', '1', '7', '42', '53', '54', '2147483647', '2147483648', '9223372036854775807', '99999999999999999999', '00'],
  ...['007', '1.5', '0.0', '1234567890.0987654321'],
]
const parameters = ['$1', '$2', '$99', '$0', '$999999999']
/** Constants, and what may be taken for one, that have a meaning of their own. */
const odd = [
  ...[
    '1e5',
    '.5',
    '1.',
    '1..2',
    '0x1F',
    '1_000',
    '0b1',
    '0o7',
    '1a',
    '1$',
    '$1a',
    '$99999999999',
    '$1.5',
    '1.5.5',
    '-1',
  ],
  ...["E'a'", "e'\\''", "N'a'", "B'101'", "X'1F'", "U&'a'", 'U&"a"', '$$a$$', '$q$a$q$', "'a' 'b'", "'a'\n'b'", "'\\'"],
  ...[
    "'a' -- x\n'b'",
    "'a'--\n'b'",
    '/* 1 */',
    '-- 1\n',
    "/* ' */",
    '--1',
    'null',
    'true',
    '- 1',
    '+1',
    '@-1',
    "date'x'",
  ],
]
const comments = [
  ...[
    '',
    ' ',
    '-- x',
    "-- '\n",
    '/* x */',
    "/* ' */",
    '/* /* */ */',
    '/* /* */',
    '--',
    '/**/ ',
    "/*traceparent='00-1'*/",
    '1',
  ],
]
const words = [
  ...['select', 'from', 'where', 'in', 'IN', 'not', 'and', 'or', 'float', 'FLOAT', 'position', 'interval', 'timestamp'],
  ...[
    'limit',
    'a',
    't',
    '"in (1,2)"',
    '"a""b"',
    '"in"',
    'lower',
    'set_config',
    'reset_it',
    'é',
    'x$1',
    '(',
    ')',
    ',',
    '.',
  ],
  ...[';', '::', ':=', '=', '-', '<%>', '->>', '|', '&', '*', '[', ']', 'as', 'like', 'escape', 'uescape', 'in (1, 2)'],
  ...[
    "in ('a')",
    'in ($1,$2)',
    'a.in(1,2)',
    'a . in (1,2)',
    "position('a' in ('b','c'))",
    'as in (1,2)',
    'with',
    'values',
  ],
]

const templates = [
  'select id, body from notes where id = 1',
  "select * from notes where owner = 'x' and id > 5 and not done limit 10 offset 20",
  "select n.id from notes n join users u on u.id = n.owner where u.email like '%x' escape '!' order by 1 desc nulls last",
  "select id from notes where id in (1, 2, 3) and owner not in ('a', 'b') and kind in ($1) and x = $2",
  'select id from notes where id in (1,2147483648,1.5) or id in (-1, 2) or (a, b) in ((1, 2), (3, 4))',
  "select 'pg_class'::regclass, '1'::int, cast('x' as odd), 'x'::text::odd, int '7', regclass 'notes', '{1}'::int[3]",
  "select float(3) '1.5', '1'::float(30), x::numeric(10, 2), 'a'::varchar(5), '1'::bit(3), '1'::float",
  "select interval '1' day, interval(3) '1 day', interval '1' second(3), timestamp(3) '2020-01-01', current_time(3)",
  "select set_config('role', 'x', true)",
  "select query_to_xml('select 1', true, false, '')",
  "select nextval('s'), lower('X'), now() - interval '7 days', coalesce(a, 1), greatest(1, 2), nullif(a, 0)",
  "select reset_it('a', 1), count(*) filter (where a > 1), string_agg(a, ',' order by b) from t",
  "select position('a' in ('b')), substring('abc' from 1 for 2), trim(both 'x' from 'y'), overlay('a' placing 'b' from 1)",
  "select extract('year' from now()), extract(year from now()), now() at time zone 'UTC', 'a' collate \"C\"",
  "insert into notes (id, owner, body) values (1, 'x', 'y'), (2, 'x', 'z')",
  "insert into notes (id, owner, body) values ($1, $2, 'z') returning id, 5",
  "insert into notes (id) values (1) on conflict (id) do update set body = 'x' where notes.id > 3",
  'insert into notes (id) values (1) on conflict do nothing',
  'insert into notes default values',
  "update notes set body = 'x', n = n + 1, arr[1] = 2, (a, b) = (1, 2) where id = 7 returning id",
  'delete from notes using users where notes.id = 3 returning *',
  "merge into notes using (values (1, 'x')) as v(id, body) on notes.id = v.id when matched then update set body = 'y' when not matched then insert values (1, 'z')",
  "with recursive r(n) as (select 1 union all select n + 1 from r where n < 10) search depth first by n set o cycle n set c to 'y' default 'n' using p select * from r",
  "select * from json_table('[]', '$[*]' columns (a int path '$.a' default 1 on empty, b text path '$.b')) as j",
  "select json_value('{}', '$.a' returning int default 5 on error), json_object('a': 1), json_array(1, 2)",
  "select * from xmltable('/a' passing '<a/>' columns x int path 'b' default 3, o for ordinality)",
  'select sum(a) over (partition by b order by c rows between 1 preceding and 2 following) from t group by 1, 2 having count(*) > 5',
  'select a[1], b[1:2], (c).d, array[1, 2], row(1, 2), (1, 2) = (3, 4), a between 1 and 2 from t fetch first 3 rows with ties',
  "select case a when 1 then 'x' else 'y' end, a is distinct from 1, exists (select 1), a = any('{1}'), a = any(array[1])",
  'select * from rows from (generate_series(1, 2), generate_series(1, 3)) with ordinality as g(a, b, c)',
  'select * from generate_series(1, 100) g for update',
  'select 1 union select 2 except all select 3 order by 1 limit 1',
  'values (1, 2), (3, 4)',
  "explain (analyze false, format 'json') select 1",
  "select current_time(3), current_timestamp(0), localtime(2), localtimestamp(6), current_date, float '1', time(3) '1'",
  'select position, float, "position" from t where position(\'a\' in b) > 1 and position in (1, 2)',
  'show work_mem',
  "set search_path = 'a'",
  "copy notes to '/tmp/x'",
  "select a <%> 1, a operator(pg_catalog.+) 2, - 3, @ -5, 'a' || 'b', '{}'::jsonb ->> 'a', a ~ 'x' from t",
  'select ctid, t.xmin from t where id = 1',
  'select relname from pg_class where oid = 1',
  'select name from pg_settings where name = 1 limit 1',
  'select 1; select 2',
]

/** The words of a text, roughly: cut anywhere else it would seldom be SQL any more. */
const piece = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\d+|\d+(?:\.\d+)?|\w+|\s+|[^\w\s]/g
const constant = /^['$\d]/

/**
 * Compares a number of texts.
 * @param onProgress called after each thousand; gives whether to go on
 */
export async function compareVariants(
  count: number,
  seed: number,
  onProgress: (report: VariantsReport) => boolean = () => true,
): Promise<VariantsReport> {
  const parser = await loadParser()
  const facts = parseFunctionFacts(factRows)
  const options = { allowExplain: true, cacheLength: 1 }
  const judge = createClassifier(parser, facts, options)
  const verdicts = createVerdicts()
  const below = createRandom(seed)
  const byVerdict = new Map<string, number>()
  const report = { made: 0, compared: 0, byVerdict, disagreements: [] as VariantsReport['disagreements'][number][] }

  for (; report.compared < count; report.made++) {
    if (report.made % 1000 === 0 && !onProgress(report)) break
    const sql = makeText(below)
    const shape = toShape(sql)
    if (shape === undefined || shape === sql) continue
    if (toShape(shape) !== shape) throw new Error(`the shape of ${JSON.stringify(sql)} has another`)
    // What is known by its shape is what any other text of that shape was judged to be: this one is the shortest.
    if (verdicts.get(shape) === undefined) verdicts.keep(shape, judge(shape))
    const known = verdicts.get(sql)
    if (known === undefined || known.kind === 'refused') continue
    const [byShape, inFull] = [describe(known), describe(judge(sql))]
    report.compared++
    byVerdict.set(byShape.slice(0, -17), (byVerdict.get(byShape.slice(0, -17)) ?? 0) + 1)
    if (byShape !== inFull && report.disagreements.length < 10) report.disagreements.push({ sql, byShape, inFull })
  }
  return report
}

/** All that the gateway does by a verdict. */
function describe(verdict: Verdict): string {
  if (verdict.kind === 'refused') return `refused: ${verdict.what}`
  const { kind, command, readOnly, writing, sql, fingerprint } = verdict
  return `${kind} ${command} ${readOnly} ${writing ?? ''} ${sql ?? ''} ${fingerprint}`
}

type Below = (limit: number) => number

function makeText(below: Below): string {
  const pieces = below(20) === 0 ? soup(below) : (pick(templates, below).match(piece) ?? [])
  const oddities = below(3) === 0 ? 1 + below(3) : 0
  const text = pieces.map((each) => (constant.test(each) && below(2) === 0 ? pickConstant(below) : each))
  for (let change = 0; change < oddities; change++) {
    const at = below(text.length + 1)
    const fragment = below(2) === 0 ? pick(odd, below) : below(2) === 0 ? pickConstant(below) : pick(words, below)
    text.splice(at, below(2), ...(below(8) === 0 ? [] : [fragment]))
  }
  if (below(10) === 0) text.push(` ${pick(['or', 'and', 'union select'], below)} a in (${makeList(below)})`)
  if (below(10) === 0) text.push(pick([' ', '', '\n'], below), pick(comments, below), pick(comments, below))
  return text.join('')
}

function soup(below: Below): string[] {
  const all = [...words, ...odd, ...strings, ...numbers]
  const texts = Array.from({ length: below(9) }, () => pick(all, below) + pick(['', ' ', ' ', '\n'], below))
  return ['select ', ...texts]
}

function makeList(below: Below): string {
  const length = below(30) === 0 ? 1 + below(2_000) : 1 + below(6)
  const comma = pick([',', ', ', ' , ', ',\n'], below)
  return Array.from({ length }, () => pickConstant(below)).join(comma)
}

function pickConstant(below: Below): string {
  const kind = below(20)
  if (kind < 10) return pick(strings, below)
  if (kind < 17) return below(3) === 0 ? String(below(2 ** 32)) : pick(numbers, below)
  return kind < 19 ? pick(parameters, below) : pick(odd, below)
}

function pick<T>(list: readonly T[], below: Below): T {
  return list[below(list.length)] as T
}

const factRows: readonly FunctionFactRow[] = [
  row('function', 'system', 'i', ['lower', 'coalesce', 'count', 'sum', 'string_agg', 'generate_series', 'position']),
  row('function', 'system', 's', ['now', 'extract', 'overlay', 'substring', 'timezone', 'like_escape', 'btrim']),
  row('function', 'owner', 'v', ['reset_it', 'in']),
  row('operator', 'system', 'i', ['=', '<', '>', '<=', '>=', '+', '-', '||', '->>', '~', '~~', '@', '*']),
  row('operator', 'owner', 'v', ['<%>']),
  row('type', 'owner', 'v', ['odd']),
  row('encoding', '', '', ['UTF8']),
  row('standard strings', '', '', ['on']),
  row('server version', '', '', ['180006']),
]

function row(kind: string, source: string, volatility: string, names: readonly string[]): FunctionFactRow {
  return { kind, schema: 'public', volatility, source, function: null, names: JSON.stringify(names) }
}
