import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Policy } from '../../src/access/catalog/catalog.ts'
import { type Database, readDatabase } from '../../src/access/database.ts'
import {
  type Action,
  expressionFor,
  passesStep,
  policiesFor,
  type RowKind,
  type Step,
  stepsFor,
} from '../../src/access/policies.ts'
import { attempt, inTrial, isProblem } from '../../src/access/trial.ts'
import { createTestDatabase, describePg, postgresMajor, type TestDatabase } from '../support/pg.ts'

const reader = 'access_reader'

/** Tags 0 to 7: each condition is `tag & mask <> 0`, so that each row of one sees another choice of policies. */
const schema = `
  do $$ begin create role ${reader} nologin; exception when duplicate_object or unique_violation then null; end $$;
  do $$ begin create role access_group nologin; exception when duplicate_object or unique_violation then null; end $$;
  do $$ begin create role access_other nologin; exception when duplicate_object or unique_violation then null; end $$;
  do $$ begin grant access_group to ${reader}; exception when unique_violation then null; end $$;
  create table t (id int primary key, tag int not null);
  insert into t select n, n from generate_series(0, 7) n;
  alter table t enable row level security;
  grant select, insert, update, delete on t to ${reader};`

interface Tried {
  readonly sql: string
  readonly actions: readonly Action[]
  readonly reads?: boolean
  readonly returning?: boolean
  /** The row that is given: its key, and its tag. */
  readonly id?: number
  readonly tag?: number
}

const statements: readonly Tried[] = [
  { sql: 'select id from t', actions: ['read'], reads: true },
  { sql: 'select count(*) from t', actions: ['read'], reads: true },
  { sql: 'select id from t for update', actions: ['read', 'lock'], reads: true },
  { sql: 'update t set tag = 5', actions: ['update'], tag: 5 },
  { sql: 'update t set tag = 3 where id >= 0', actions: ['update'], reads: true, tag: 3 },
  { sql: 'update t set tag = 6 returning id', actions: ['update'], reads: true, returning: true, tag: 6 },
  { sql: 'delete from t', actions: ['delete'] },
  { sql: 'delete from t where id >= 0', actions: ['delete'], reads: true },
  { sql: 'delete from t returning tag', actions: ['delete'], reads: true, returning: true },
  { sql: 'insert into t values (9, 5)', actions: ['insert'], id: 9, tag: 5 },
  { sql: 'insert into t values (9, 2) returning id', actions: ['insert'], reads: true, returning: true, id: 9, tag: 2 },
  { sql: 'insert into t values (9, 1) on conflict do nothing', actions: ['insert'], id: 9, tag: 1 },
  { sql: 'insert into t values (4, 1) on conflict do nothing', actions: ['insert'], id: 4, tag: 1 },
  { sql: 'insert into t values (4, 1) on conflict (id) do nothing', actions: ['insert'], reads: true, id: 4, tag: 1 },
  ...[3, 5, 9].map((id) => ({
    sql: `insert into t values (${id}, 4) on conflict (id) do update set tag = 6`,
    actions: ['insert', 'conflict_update'] as const,
    reads: true,
    id,
    tag: 4,
  })),
  ...[2, 7, 9].flatMap((id) => {
    const on = `merge into t using (values (${id})) v (id) on t.id = v.id`
    const merges: Tried[] = [
      { sql: `${on} when matched then update set tag = 6`, actions: ['merge', 'merge_update'], reads: true, id },
      { sql: `${on} when matched then delete`, actions: ['merge', 'merge_delete'], reads: true, id },
      {
        sql: `${on} when matched then update set tag = 6 when not matched then insert values (v.id + 20, 5)`,
        actions: ['merge', 'merge_update', 'merge_insert'],
        reads: true,
        id,
        tag: 5,
      },
    ]
    // Nothing matches 9.
    const useful = id === 9 ? merges.slice(2) : merges
    const returning = useful.map((each) => ({ ...each, sql: `${each.sql} returning t.id`, returning: true }))
    // MERGE has RETURNING since 17.
    return postgresMajor() < 17 ? useful : [...useful, ...returning]
  }),
]

const mask = fc.option(fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 7, 7), { freq: 7 })
const policy = fc.record({
  permissive: fc.constantFrom(true, true, true, false),
  command: fc.constantFrom('all', 'all', 'all', 'select', 'select', 'insert', 'update', 'delete'),
  to: fc.constantFrom('public', 'public', reader, reader, 'access_group', 'access_other'),
  using: mask,
  check: mask,
})
type Drawn = typeof policy extends fc.Arbitrary<infer P> ? P : never

/** INSERT has no USING; SELECT and DELETE have no WITH CHECK. */
function toSql({ permissive, command, to, using, check }: Drawn, index: number): string {
  const usable = using === null || command === 'insert' ? '' : ` using (tag & ${using} <> 0)`
  const checkable =
    check === null || command === 'select' || command === 'delete' ? '' : ` with check (tag & ${check} <> 0)`
  return `create policy p${index} on t as ${permissive ? 'permissive' : 'restrictive'} for ${command} to ${to}${usable}${checkable}`
}

/** What the table of steps says of a statement: how many rows it reaches, or `refused`. */
function predict({ catalog, access }: Database, tried: Tried): number | 'refused' {
  const { actions, reads = false, returning = false, id = -1, tag = 0 } = tried
  const role = [...catalog.roles.values()].find(({ name }) => name === reader)!
  const steps = stepsFor(actions, { reads, returning })
  const passes = (step: Step, row: number) => {
    const asked = policiesFor(catalog.policies, access, role, step.command).filter(
      (each) => expressionFor(each, step) !== undefined,
    )
    return passesStep(asked, (each: Policy) => {
      const bits = Number(/tag & (\d)/.exec(expressionFor(each, step)!)![1])
      return (row & bits) !== 0
    })
  }
  const survives = (kind: RowKind, row: number) =>
    steps.filter((step) => step.row === kind).every((step) => passes(step, row))
  const existing = [0, 1, 2, 3, 4, 5, 6, 7]
  const hidden = steps.filter(({ failure, row }) => failure === 'hides' && row === 'existing')
  const visible = existing.filter((row) => hidden.every((step) => passes(step, row)))
  if (actions.includes('update')) return visible.length > 0 && !survives('new', tag) ? 'refused' : visible.length
  if (actions.includes('read') || actions.includes('delete')) return visible.length
  if (actions.includes('insert')) {
    if (!survives('new', tag)) return 'refused'
    if (!existing.includes(id)) return 1
    if (!actions.includes('conflict_update')) return 0
    return survives('conflicting', id) && survives('updated', 6) ? 1 : 'refused'
  }
  if (visible.includes(id)) {
    if (actions.includes('merge_delete')) return survives('removed', id) ? 1 : 'refused'
    return survives('changed', id) && survives('updated', 6) ? 1 : 'refused'
  }
  if (!actions.includes('merge_insert')) return 0
  return survives('new', tag) ? 1 : 'refused'
}

describePg('the table of policies', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client(database.superuserUrl)
    await client.connect()
    await client.query(schema)
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  it('SEC-59 says of each statement what PostgreSQL does, on policies made at random', async () => {
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.array(policy, { minLength: 1, maxLength: 6 }), async (policies) => {
        await inTrial(client, {}, async () => {
          for (const sql of policies.map(toSql)) await client.query(sql)
          const known = await readDatabase(client)
          for (const each of statements) {
            const done = await attempt(client, async () => {
              await client.query(`set local role ${reader}`)
              const { rowCount, rows } = await client.query(each.sql)
              return each.sql.includes('count(*)') ? Number(rows[0].count) : (rowCount ?? 0)
            })
            const happened = !isProblem(done) ? done : done.sqlstate === '42501' ? 'refused' : done.message
            const says = policies.map(toSql).join(';\n')
            expect([each.sql, predict(known, each), says]).toEqual([each.sql, happened, says])
            seen.add(`${each.sql}: ${happened === 'refused' || happened === 0 ? happened : 'rows'}`)
          }
        })
      }),
      { numRuns: Number(process.env.POLICY_RUNS ?? 40) },
    )
    // Nobody would notice a property that never lets anything happen, or everything.
    for (const { sql } of statements) {
      expect([...seen].filter((each) => each.startsWith(`${sql}: `)).length, sql).toBeGreaterThan(1)
    }
  })
})
