import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sealSession } from '../../../packages/rowpass/src/seal/seal.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../../../packages/rowpass/test/support/pg.ts'
import { personas } from '../../src/personas.ts'

const [david] = personas
const admin = personas.find(({ role, tenantId }) => role === 'admin' && tenantId === david.tenantId)!
const tenants = 4_000
const usersEach = 20
const usersOfNeon = 20_000

interface Plan {
  'Node Type': string
  'Parent Relationship'?: string
  'Relation Name'?: string
  'Index Name'?: string
  'Actual Rows'?: number
  Plans?: Plan[]
}

describePg(`policies on ${tenants * usersEach + usersOfNeon} rows`, () => {
  let database: TestDatabase
  let client: pg.Client

  beforeAll(async () => {
    database = await createTestDatabase()
    const superuser = new pg.Client(database.superuserUrl)
    await superuser.connect()
    await superuser.query(
      `insert into tenants (name) select 'tenant ' || i from generate_series(1, ${tenants}) as i;
       insert into users (tenant_id, email, name)
         select id, i || '@many.example', 'Somebody' from tenants, generate_series(1, ${usersEach}) as i;
       insert into users (tenant_id, email, name)
         select '${admin.tenantId}', i || '@neon.example', 'Somebody' from generate_series(1, ${usersOfNeon}) as i`,
    )
    await superuser.query('vacuum analyze tenants, users')
    await superuser.end()
    client = new pg.Client(database.gatewayUrl)
    await client.connect()
  })

  afterAll(async () => {
    await client.end()
    await database.close()
  })

  /** All nodes of the plan that the statement has for this person, run once and rolled back. */
  const planFor = async (person: (typeof personas)[number], sql: string, params: unknown[] = []): Promise<Plan[]> => {
    const claims = { sub: person.id, tenant_id: person.tenantId, role: person.role, exp: Date.now() / 1000 + 60 }
    const session = sealSession(database.sealKeys[0], {
      role: 'authenticated',
      exp: claims.exp,
      claimsJson: JSON.stringify(claims),
    })
    await client.query('begin')
    try {
      await client.query(
        `select set_config('role', 'authenticated', true), set_config('rowpass.claims', $1, true), set_config('rowpass.seal', $2, true)`,
        [session.claims, session.seal],
      )
      const { rows } = await client.query(`explain (format json, analyze) ${sql}`, params)
      return flatten(rows[0]['QUERY PLAN'][0].Plan)
    } finally {
      await client.query('rollback')
    }
  }

  const page = 'select * from users order by id limit 51'
  const nextPage = 'select * from users where id > $1 order by id limit 51'

  it.each([
    ['a member lists users', david, page, []],
    ['an admin lists users', admin, page, []],
    ['an admin turns the page', admin, nextPage, [david.id]],
    ['a member reads one user', david, 'select * from users where id = $1', [admin.id]],
    ['a member renames themselves', david, 'update users set name = $2 where id = $1', [david.id, 'Dave']],
    ['an admin deletes a user', admin, 'delete from users where id = $1', [david.id]],
    ['a member lists tenants', david, 'select * from tenants order by id limit 51', []],
    ['an admin renames the tenant', admin, 'update tenants set name = $2 where id = $1', [admin.tenantId, 'Neo']],
    ['a member counts everybody', david, 'select count(*) from users', []],
    ['an admin joins both tables', admin, 'select * from users join tenants on tenants.id = tenant_id', []],
  ])('SEC-55 %s: by index, claims read once', async (_title, person, sql, params) => {
    const plan = await planFor(person, sql, params)
    const scans = plan.filter((node) => node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable')
    expect(scans.map((node) => node['Node Type'])).not.toContain('Seq Scan')
    expect(scans.every((node) => /Index|Bitmap Heap/.test(node['Node Type']))).toBe(true)
    const below = plan.map((node) => node['Parent Relationship'])
    expect(below).toContain('InitPlan')
    expect(below).not.toContain('SubPlan')
  })

  it('SEC-55 reads for an admin no more rows of the table than the page has', async () => {
    const plan = await planFor(admin, page)
    expect(Math.max(...plan.map((node) => node['Actual Rows'] ?? 0))).toBeLessThanOrEqual(51)
    expect(plan.map((node) => node['Index Name'])).toContain('users_tenant_id_id_idx')
  })
})

function flatten(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(flatten)]
}
