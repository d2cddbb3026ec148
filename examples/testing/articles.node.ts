import { after, describe, it } from 'node:test'
import { createTester, expectHidden, expectVisible } from 'rowpass/testing'
import { articles } from '../policies/schema.ts'

const tester = await createTester({ databaseUrl: process.env.DATABASE_URL ?? '' })
after(() => tester.close())

describe('articles', () => {
  it('the world reads what is published', () =>
    tester.run(async ({ asUser, asAnonymous }) => {
      const { db, sql } = asUser({ sub: 'ada' })
      await db.insert(articles).values({ authorId: 'ada', title: 'Draft' })
      await expectHidden(asAnonymous().sql`select from articles`)
      await sql`update articles set published = true`
      await expectVisible(asAnonymous().sql`select from articles`, 1)
    }))
})
