import { afterAll, beforeAll, expect, it } from 'vitest'
import { findPersona } from '../../../../demo/src/personas.ts'
import { describePg } from '../support/pg.ts'
import { ask, codes, openScene, type Scene } from './scene.ts'

const neon = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const other = 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e'
const david = '2e7e25e8-5445-40bd-8f89-dc19bba64faa'
const mei = '07bed1a4-91e7-4570-ab05-ff128e872801'

function claimsOf(name: string): Record<string, unknown> {
  const person = findPersona(`${name}@neon.example`)!
  return { sub: person.id, tenant_id: person.tenantId, role: person.role }
}

/** Who, the statement, what happens (rows, or SQLSTATE), the findings, and words that their texts hold. */
const cases: [who: string, sql: string, happens: number | string, findings: string, words: string[]][] = [
  ['david', 'select * from users', 1, 'rows_hidden', ['11 rows', 'users_select']],
  [
    'david',
    `select name from users where id = '${mei}'`,
    0,
    'rows_hidden',
    ['1 row of public.users is hidden', 'users_select'],
  ],
  ['david', `select name from users where id = '${neon}'`, 0, 'no_rows', ['No such row exists']],
  ['amara', `select name from users where id = '${mei}'`, 1, 'allowed', []],
  ['david', `select * from tenants`, 1, 'rows_hidden', ['3 rows', 'tenants_select']],
  [
    'amara',
    `insert into users (tenant_id, email, name) values ('${other}', 'a@b.example', 'A')`,
    '42501',
    'row_refused',
    ['users_insert'],
  ],
  ['amara', `insert into users (tenant_id, email, name) values ('${neon}', 'a@b.example', 'A')`, 1, 'allowed', []],
  [
    'amara',
    `insert into users (tenant_id, email, name) values ('${neon}', 'david@neon.example', 'A')`,
    '23505',
    'constraint',
    ['users_tenant_id_email_key', 'No policy'],
  ],
  [
    'amara',
    `insert into users (id, tenant_id, email, name) values ('${mei}', '${neon}', 'e@f.example', 'E')`,
    '42501',
    'grant_missing',
    ['INSERT on column id'],
  ],
  [
    'david',
    `insert into users (tenant_id, email, name) values ('${neon}', 'a@b.example', 'A') returning id`,
    '42501',
    'row_refused select_policy_refuses',
    ['users_insert', 'Also', 'users_select'],
  ],
  [
    'david',
    `insert into users (tenant_id, email, name) values ('${neon}', 'david@neon.example', 'D') on conflict (tenant_id, email) do update set name = 'David'`,
    '42501',
    'row_refused select_policy_refuses',
    ['users_insert'],
  ],
  [
    'amara',
    `insert into users (tenant_id, email, name) values ('${neon}', 'david@neon.example', 'D') on conflict (tenant_id, email) do update set name = 'David'`,
    1,
    'allowed',
    [],
  ],
  [
    'david',
    `update users set name = 'X' where id = '${mei}'`,
    0,
    'rows_hidden rows_hidden',
    ['users_select', 'users_update'],
  ],
  ['david', `update users set name = 'X' where id = '${david}'`, 1, 'allowed', []],
  [
    'david',
    `update users set role = 'admin' where id = '${david}'`,
    '42501',
    'grant_missing row_refused',
    ['UPDATE on column role', 'users_update'],
  ],
  ['david', `update users set name = '' where id = '${david}'`, '23514', 'constraint', ['users_name_length']],
  ['david', `delete from users where id = '${david}'`, 0, 'rows_hidden', ['users_delete (DELETE)']],
  ['amara', `delete from tenants where id = '${neon}'`, '23001|23503', 'constraint', ['foreign key']],
  ['amara', `delete from users where id = '${david}'`, 1, 'allowed', []],
  [
    'david',
    'select u.name from users u join tenants t on t.id = u.tenant_id',
    1,
    'rows_hidden rows_hidden',
    ['users_select', 'tenants_select'],
  ],
  ['david', `select pg_sleep(0)`, 1, 'gateway_refuses allowed', ['pg_sleep']],
  [
    'david',
    'select count(*) from users for update',
    '0A000',
    'rows_hidden rows_hidden error',
    ['FOR UPDATE is not allowed with aggregate'],
  ],
  ['david', 'select name from users for update', 1, 'rows_hidden rows_hidden', ['users_update (UPDATE)']],
]

describePg('why, on the schema of the demo', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene('application')
  })
  afterAll(() => scene.close())

  /** David's cases are asked by the owner too, who has to lift FORCE for a look. */
  const clientsFor = (who: string) => (who === 'david' ? [scene.owner] : [scene.client])

  it.each(cases)('SEC-59 explains to %s: %s', async (who, sql, happens, findings, words) => {
    for (const client of clientsFor(who)) {
      const explanation = await ask(client, { identity: { role: 'authenticated', claims: claimsOf(who) }, sql })
      const { outcome, doubts } = explanation
      expect(String(happens).split('|')).toContain(String(outcome?.problem?.sqlstate ?? outcome?.rows))
      expect(codes(explanation).join(' ')).toBe(findings)
      const text = explanation.findings.map(({ says }) => says).join('\n')
      for (const word of words) expect(text).toContain(word)
      expect(doubts).toEqual([])
    }
  })

  it('SEC-59 explains to nobody that a claim is missing', async () => {
    const explanation = await ask(scene.client, {
      identity: { role: 'authenticated', claims: {} },
      sql: 'select * from users',
    })
    expect(codes(explanation)).toEqual(['rows_hidden'])
    expect(JSON.stringify(explanation.relations[0]?.steps)).toContain('"whose":"caller","value":null')
  })

  it('explains to a role without grants what it lacks', async () => {
    const explanation = await ask(scene.client, {
      identity: { role: 'anonymous', claims: {} },
      sql: 'select id from users',
    })
    expect(codes(explanation)).toEqual(['grant_missing', 'no_policy'])
    expect(explanation.findings[0]?.advice).toBe('grant select (id) on public.users to anonymous;')
    expect(explanation.findings[1]?.says).toMatch(/users_select.* for other roles/)
  })

  it('takes parameters', async () => {
    const options = { identity: { role: 'authenticated', claims: claimsOf('david') } }
    const sql = 'select name from users where id = $1 and created_at < $2 limit $3'
    const explanation = await ask(scene.client, { ...options, sql, params: [mei, '2999-01-01', '5'] })
    expect(codes(explanation)).toEqual(['rows_hidden'])
    expect(explanation.relations[0]?.rows).toMatchObject({ matching: 1, seen: 0, filtered: true })
  })

  it('shows both sides of a comparison, and a column of a visible row only', async () => {
    const sql = `update users set name = 'X', tenant_id = '${other}' where id = '${david}'`
    const explanation = await ask(scene.client, { identity: { role: 'authenticated', claims: claimsOf('david') }, sql })
    const shown = JSON.stringify(explanation)
    expect(codes(explanation)).toEqual(['grant_missing', 'row_refused', 'select_policy_refuses'])
    expect(shown).toContain(`"value":"${neon}"`)
  })
})
