import { createTester, expectHidden, expectRefused, expectVisible } from 'rowpass/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'

const acme = '5b0c7a6e-1111-4c3e-9d8e-0a6f6a9d1c01'
const ada = { sub: '9a1f6e3c-aaaa-4f5b-8f0e-5d0c2a7b1e01', tenant_id: acme }
const bob = { sub: '9a1f6e3c-bbbb-4f5b-8f0e-5d0c2a7b1e02', tenant_id: acme }
const eve = { sub: '9a1f6e3c-eeee-4f5b-8f0e-5d0c2a7b1e03', tenant_id: '5b0c7a6e-2222-4c3e-9d8e-0a6f6a9d1c02' }

const tester = createTester({ databaseUrl: process.env.DATABASE_URL ?? '' })
beforeAll(async () => void (await tester))
afterAll(async () => (await tester).close())

describe('tasks', () => {
  it('colleagues see a task, and its author alone changes it', async () =>
    (await tester).run(async ({ asUser }) => {
      const [author, colleague, stranger] = [asUser(ada), asUser(bob), asUser(eve)]
      await author.sql`insert into tasks (tenant_id, author_id, title) values (${acme}, ${ada.sub}, 'Write tests')`
      await expectVisible(colleague.sql`select from tasks`, 1)
      await expectHidden(colleague.sql`update tasks set done = true`)
      await expectVisible(author.sql`update tasks set done = true`, 1)
      await expectHidden(stranger.sql`select from tasks`)
    }))

  it('nobody writes into another tenant, or in the name of somebody else', async () =>
    (await tester).run(async ({ asUser }) => {
      const { sql } = asUser(eve)
      const insert = (tenant: string, author: string) =>
        sql`insert into tasks (tenant_id, author_id, title) values (${tenant}, ${author}, 'Mine now')`
      await expectRefused(insert(acme, eve.sub), { policy: 'tasks_insert' })
      await expectRefused(insert(eve.tenant_id, ada.sub), { policy: 'tasks_insert' })
      await expectVisible(insert(eve.tenant_id, eve.sub), 1)
      await expectRefused(sql`update tasks set tenant_id = ${acme}`, { by: 'grant' })
    }))
})
