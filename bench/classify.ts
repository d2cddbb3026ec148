/**
 * `npm run bench:classify`: what classifying costs, the first sight of a text and each one after. Medians of rounds.
 * The facts are empty, so that no server is needed; they do not change the cost.
 */
import { Failure } from '../packages/rowpass/src/errors.ts'
import { createHeavy } from '../packages/rowpass/src/gateway/threads/heavy.ts'
import { createClassifier } from '../packages/rowpass/src/statement/classify.ts'
import { parseFunctionFacts } from '../packages/rowpass/src/statement/facts.ts'
import { loadParser } from '../packages/rowpass/src/statement/parser.ts'
import { toShape } from '../packages/rowpass/src/statement/shape.ts'

const rounds = 15

const texts: Record<string, string> = {
  'one row by key': 'select id, name, email from users where id = $1',
  'join, filter, order': `select u.id, u.name, t.name as tenant from users u join tenants t on t.id = u.tenant_id
    where t.id = $1 and u.role in ('admin', 'member') and u.created_at > now() - interval '7 days'
    order by u.created_at desc, u.id limit 20 offset 40`,
  'insert returning':
    'insert into users (tenant_id, email, name, role) values ($1, $2, $3, $4) returning id, created_at',
  'report with CTEs': `with months as (
      select date_trunc('month', created_at) as month, tenant_id, count(*) as joined from users group by 1, 2
    ), ranked as (
      select *, rank() over (partition by month order by joined desc) as place from months
    )
    select t.name, r.month, r.joined, sum(r.joined) over (partition by t.id order by r.month) as total
    from ranked r join tenants t on t.id = r.tenant_id where r.place <= 10 order by r.month, r.place`,
  'insert of 1,000 rows': `insert into users (tenant_id, email, name) values ${Array.from(
    { length: 1_000 },
    (_, row) => `($${row * 3 + 1}, $${row * 3 + 2}, $${row * 3 + 3})`,
  ).join(', ')}`,
  'a list of constants': `select ${Array(10_000).fill(1).join(',')}`,
}

const loadStartedAt = performance.now()
const parser = await loadParser()
const loadMs = performance.now() - loadStartedAt
const facts = parseFunctionFacts([])
const cached = createClassifier(parser, facts)
const uncached = createClassifier(parser, facts, { cacheLength: 1 })

// As the gateway does it: on a thread.
const heavy = createHeavy(
  { allowExplain: false, maxBatch: 1, maxStatementLength: 1_048_576, requestTimeoutMs: 30_000 },
  () => {},
  () => new Failure('catalog_unread'),
)
heavy.setFacts([])
while (!heavy.ready) await new Promise((resolve) => setTimeout(resolve, 10))

console.log(
  `Node ${process.version}, ${process.platform} ${process.arch}; µs, median of ${rounds} rounds; loading the parser ${loadMs.toFixed(0)} ms`,
)
console.log(
  [
    ...['text', 'length', 'parse', 'first sight', 'first sight, on a thread', 'fingerprint'],
    ...['shape', 'hit', 'hit, new string'],
  ].join('\t'),
)
for (const [title, sql] of Object.entries(texts)) {
  const calls = sql.length > 1_000 ? 20 : 500
  const row = [
    title,
    sql.length,
    measure(calls, () => parser.parse(sql)).toFixed(0),
    measure(calls, () => uncached(sql)).toFixed(0),
    (await measureOnThread(sql)).toFixed(0),
    measure(calls, () => parser.fingerprint(sql)).toFixed(0),
    measure(calls, () => toShape(sql)).toFixed(1),
    measure(100_000, () => cached(sql)).toFixed(3),
    measureNewStrings(sql).toFixed(3),
  ]
  console.log(row.join('\t'))
}

await heavy.close()

async function measureOnThread(sql: string): Promise<number> {
  const times: number[] = []
  for (let call = 0; call < 100; call++) {
    const startedAt = performance.now()
    // A comment in front, unlike one at the end, makes a text of another shape.
    await heavy.judge(`/* ${call} */ ${sql}`, String(call))
    times.push((performance.now() - startedAt) * 1000)
  }
  return times.sort((a, b) => a - b)[50] ?? Number.NaN
}

function measure(calls: number, run: () => unknown): number {
  return median(() => {
    const startedAt = performance.now()
    for (let call = 0; call < calls; call++) run()
    return ((performance.now() - startedAt) * 1000) / calls
  })
}

/** Each look-up gets a string of its own, as from a request body: it is hashed and compared, about 1 ns a character. */
function measureNewStrings(sql: string): number {
  const calls = sql.length > 1_000 ? 500 : 20_000
  return median(() => {
    const bodies = JSON.parse(`[${Array(calls).fill(JSON.stringify(sql)).join()}]`) as string[]
    const startedAt = performance.now()
    for (const body of bodies) cached(body)
    return ((performance.now() - startedAt) * 1000) / calls
  })
}

function median(round: () => number): number {
  const times = Array.from({ length: rounds }, round).sort((a, b) => a - b)
  return times[Math.floor(rounds / 2)] ?? Number.NaN
}
