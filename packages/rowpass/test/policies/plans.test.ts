import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as schema from '../../../../examples/policies/schema.ts'
import { become } from '../../src/access/identity.ts'
import { describePg, type TestDatabase } from '../support/pg.ts'
import { createSchemaDatabase } from './schema-database.ts'

const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const author = { sub: id(1), tenant_id: id(1_000) }
const admin = { sub: id(2), tenant_id: id(1_000), role: 'admin' }

interface Plan {
  'Node Type': string
  'Parent Relationship'?: string
  'Relation Name'?: string
  Plans?: Plan[]
}

describePg('policies of the example on 60000 rows', () => {
  let database: TestDatabase
  let owner: pg.Client

  beforeAll(async () => {
    database = await createSchemaDatabase(schema)
    const superuser = new pg.Client(database.superuserUrl)
    await superuser.connect()
    const uuid = (number: string) => `('00000000-0000-4000-8000-' || lpad((${number})::text, 12, '0'))::uuid`
    await superuser.query(`
      insert into tasks (tenant_id, author_id, title)
        select ${uuid('1000 + i % 1000')}, ${uuid('i % 5000 + 1')}, 'task' from generate_series(0, 20000 - 1) i;
      insert into memberships select ${uuid('i % 1000')}, ${uuid('i')}, case i / 1000 % 2 when 0 then 'viewer' else 'editor' end
        from generate_series(1, 5000) i;
      insert into documents (project_id, body) select ${uuid('i % 5000')}, 'text' from generate_series(1, 20000) i;
      insert into articles (author_id, title, published)
        select ${uuid('i % 5000')}::text, 'article', i % 500 = 0 from generate_series(1, 20000) i`)
    await superuser.query('vacuum analyze tasks, memberships, documents, articles')
    await superuser.end()
    owner = new pg.Client(database.ownerUrl)
    await owner.connect()
  })
  afterAll(async () => {
    await owner.end()
    await database.close()
  })

  const as = async <T>(claims: Record<string, unknown>, role: string, work: () => Promise<T>): Promise<T> => {
    await owner.query('begin')
    try {
      await become(owner, { role, claims }, { kind: 'sealed' })
      return await work()
    } finally {
      await owner.query('rollback')
    }
  }

  it.each<[string, Record<string, unknown>, string, number]>([
    ['the tasks of a tenant', author, 'select * from tasks', 20],
    ['the own tasks, for a change', author, `update tasks set title = 'x' returning *`, 4],
    ['the tasks of a tenant, for its admin to delete', admin, 'delete from tasks', 20],
    ['the documents of a member', author, 'select * from documents', 20],
    ['the documents of an editor, for a change', author, `update documents set body = 'x'`, 8],
    ['the own memberships', author, 'select * from memberships', 5],
    ['the articles of an author and the published ones', author, 'select * from articles', 44],
  ])('SEC-55 read %s by an index, the claims and memberships once', async (_title, claims, sql, count) => {
    const plan = await as(claims, 'authenticated', async () => {
      expect((await owner.query(sql)).rowCount).toBe(count)
      return (await owner.query(`explain (format json) ${sql}`)).rows[0]['QUERY PLAN'][0].Plan as Plan
    })
    const nodes = flatten(plan)
    const scans = nodes.filter((node) => node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable')
    for (const scan of scans) expect(scan['Node Type']).toMatch(/Index|Bitmap Heap/)
    expect(nodes.map((node) => node['Parent Relationship'])).toContain('InitPlan')
    expect(nodes.map((node) => node['Parent Relationship'])).not.toContain('SubPlan')
  })

  it('would not use an index for memberships that are read by `in`', async () => {
    await owner.query('begin')
    await owner.query(`alter policy documents_select on documents using (project_id in (
      select memberships.project_id from memberships where memberships.user_id = (select auth.uid())))`)
    await become(owner, { role: 'authenticated', claims: author }, { kind: 'sealed' })
    const { rows } = await owner.query('explain select * from documents')
    await owner.query('rollback')
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Seq Scan on documents.*hashed SubPlan/s)
  })

  it('shows what is published to nobody in particular', async () => {
    const count = await as({}, 'anonymous', async () => (await owner.query('select from articles')).rowCount)
    expect(count).toBe(40)
  })

  it.each([
    ['of another tenant', `insert into tasks (tenant_id, author_id, title) values ('${id(1_001)}', '${id(1)}', 't')`],
    ['of another author', `insert into tasks (tenant_id, author_id, title) values ('${id(1_000)}', '${id(2)}', 't')`],
    ['in a project that the caller may only view', `insert into documents (project_id, body) values ('${id(1)}', 'b')`],
    ['that moves to another tenant', `update tasks set tenant_id = '${id(1_001)}'`],
    ['that is given away', `update tasks set author_id = '${id(2)}'`],
    ['that moves between two projects of its editor', `update documents set project_id = '${id(3_001)}'`],
    ['that makes an editor', `update memberships set role = 'editor'`],
  ])('SEC-53 SEC-54 refuse a row %s', async (_title, sql) => {
    await as(author, 'authenticated', async () => {
      await expect(owner.query(sql)).rejects.toMatchObject({ code: '42501' })
    })
  })

  it('SEC-53 refuse to give away or move a row even where every column is granted', async () => {
    await owner.query('grant update on tasks to authenticated')
    for (const change of [`tenant_id = '${id(1_001)}'`, `author_id = '${id(2)}'`]) {
      await as(author, 'authenticated', async () => {
        await expect(owner.query(`update tasks set ${change}`)).rejects.toThrow('violates row-level security policy')
      })
    }
  })
})

function flatten(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(flatten)]
}
