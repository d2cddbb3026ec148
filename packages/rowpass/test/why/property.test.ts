import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { become } from '../../src/access/identity.ts'
import { describePg } from '../support/pg.ts'
import { ask, jsonClaims, openScene, type Scene } from './scene.ts'

const setup = `
create schema p; grant usage on schema p to authenticated;
create table p.t (id int primary key, a int, b int);
insert into p.t select n, n % 3, n % 2 from generate_series(1, 7) n;
alter table p.t enable row level security;
grant select, insert, update, delete on p.t to authenticated;`

const claim = "(nullif(current_setting('request.jwt.claims', true), '')::jsonb->>'a')::int"
const expressions = [
  'true',
  'false',
  `a = ${claim}`,
  'b = 1',
  `a = ${claim} and b = 0`,
  'id > 4 or b = 1',
  'null',
  `b is null or a <> ${claim}`,
]

const policy = fc.record({
  restrictive: fc.boolean(),
  command: fc.constantFrom('all', 'select', 'insert', 'update', 'delete'),
  role: fc.constantFrom('public', 'authenticated', 'anonymous'),
  using: fc.option(fc.constantFrom(...expressions)),
  check: fc.option(fc.constantFrom(...expressions)),
})

const statement = fc.constantFrom(
  'select * from p.t',
  'select count(*) from p.t where b = 1 and id < 6',
  'select id from p.t where a > 0 for update',
  'update p.t set a = 1',
  'update p.t set a = 2 where id <= 3',
  'update p.t set b = b + 1 where a = 1 returning id',
  'delete from p.t',
  'delete from p.t where b = 0',
  'insert into p.t values (8, 1, 1)',
  'insert into p.t values (8, 2, 0), (9, 1, null) returning a',
  'insert into p.t values (1, 1, 1) on conflict (id) do update set a = 2',
  'insert into p.t values (8, 1, 1) on conflict (id) do nothing',
  'insert into p.t values (1, 0, 0), (9, 0, 0) on conflict do nothing',
  'merge into p.t using (values (1), (8)) v (id) on t.id = v.id when matched then update set a = 2 when not matched then insert values (v.id, 1, 1)',
)

/** A policy that PostgreSQL accepts: INSERT has no USING, SELECT and DELETE have no WITH CHECK. */
function toSql(
  { restrictive, command, role, using, check }: typeof policy extends fc.Arbitrary<infer P> ? P : never,
  index: number,
): string {
  const usable = using !== null && command !== 'insert' ? ` using (${using})` : ''
  const checkable = check !== null && command !== 'select' && command !== 'delete' ? ` with check (${check})` : ''
  return `create policy p${index} on p.t as ${restrictive ? 'restrictive' : 'permissive'} for ${command} to ${role}${usable}${checkable};`
}

describePg('why, on policies made at random', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene('platform', setup)
  })
  afterAll(() => scene.close())

  it('SEC-59 predicts what PostgreSQL does', async () => {
    const runs = Number(process.env.WHY_RUNS ?? 25)
    await fc.assert(
      fc.asyncProperty(
        fc.array(policy, { maxLength: 5 }),
        statement,
        fc.integer({ min: 0, max: 2 }),
        async (policies, sql, a) => {
          const { client } = scene
          const drop = Array.from({ length: 5 }, (_, index) => `drop policy if exists p${index} on p.t;`)
          await client.query([...drop, ...policies.map(toSql)].join('\n'))
          const identity = { role: 'authenticated', claims: { a } }
          const explanation = await ask(client, { identity, carrier: jsonClaims, sql })
          expect(explanation.doubts).toEqual([])
          const step = explanation.relations[0]?.steps.find(
            ({ command, row }) => command === 'select' && row === 'existing',
          )
          if (sql !== 'select * from p.t') return
          await client.query('begin')
          await become(client, identity, jsonClaims)
          const seen = await client.query('select id from p.t')
          await client.query('rollback')
          expect(step?.passed).toBe(seen.rowCount)
        },
      ),
      { numRuns: runs, endOnFailure: true },
    )
  })
})
