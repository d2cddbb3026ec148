import { AssertionError } from 'node:assert'
import { eq } from 'drizzle-orm'
import { insertable } from 'rowpass/policies'
import { createTester, expectHidden, expectRefused, expectVisible, type SqlTag, type Tester } from 'rowpass/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { users } from '../../../../demo/src/db/schema.ts'
import { withConnection } from '../../src/database/connect.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const newUsers = insertable(users, 'tenantId', 'email', 'name', 'role')
const tenant = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const other = 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e'
const david = { sub: '2e7e25e8-5445-40bd-8f89-dc19bba64faa', tenant_id: tenant, role: 'member' }
const amara = { sub: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3', tenant_id: tenant, role: 'admin' }
const priya = { sub: '030dde22-eae7-4b26-97bf-a1e03772024b', tenant_id: other, role: 'admin' }

describePg('tests of the application', () => {
  let database: TestDatabase
  let tester: Tester<{ users: typeof users }>

  beforeAll(async () => {
    database = await createTestDatabase()
    tester = await createTester({ databaseUrl: database.ownerUrl, schema: { users } })
  })
  afterAll(async () => {
    await tester.close()
    await database.close()
  })

  it('give a person SQL and drizzle-orm under their token', () =>
    tester.asUser(david, async ({ sql, db }) => {
      expect(await sql`select name from users where id = ${david.sub}`).toEqual([{ name: 'David' }])
      expect((await sql`select from users`).count).toBe(1)
      expect(await db.select({ name: users.name }).from(users)).toEqual([{ name: 'David' }])
      expect(await db.query.users.findFirst()).toMatchObject({ name: 'David', tenantId: tenant })
    }))

  it('let several people meet, who see what the others have written and not yet committed', () =>
    tester.run(async ({ asUser, asAnonymous }) => {
      const [member, admin, stranger] = [david, amara, priya].map((claims) => asUser(claims))
      await admin!.db
        .insert(newUsers)
        .values({ tenantId: tenant, email: 'new@neon.example', name: 'New', role: 'member' })
      await expectVisible(admin!.sql`select from users`, 5)
      await expectHidden(member!.db.select().from(users).where(eq(users.email, 'new@neon.example')))
      await expectHidden(stranger!.sql`select from users where email = 'new@neon.example'`)
      await expectRefused(asAnonymous().sql`select from users`, { by: 'grant' })
      await expectVisible(admin!.sql`select from users`, 5)
    }))

  it('run each statement as whom it is meant for, also when they are sent together', () =>
    tester.run(async ({ asUser, owner }) => {
      const people = Array.from({ length: 12 }, (_, at) => [david, amara, priya][at % 3]!)
      const answers = people.map(({ sub }, at) => asUser(people[at]!).sql`select auth.user_id() = ${sub} as same`)
      const self = owner.sql`select auth.user_id() is null and current_user = session_user as same`
      expect((await Promise.all([...answers, self])).flat()).toEqual(Array(13).fill({ same: true }))
    }))

  it('leave nothing behind, whatever became of them', async () => {
    const rename = (end: () => void) =>
      tester.run(async ({ asUser }) => {
        const { sql } = asUser(david)
        await expectVisible(sql`update users set name = 'Dave'`, 1)
        end()
      })
    await rename(() => undefined)
    await expect(
      rename(() => {
        throw new Error('the test fails')
      }),
    ).rejects.toThrow('the test fails')
    await tester.asUser(david, async ({ sql }) =>
      expect(await sql`select name from users`).toEqual([{ name: 'David' }]),
    )
  })

  it('go on after a statement that failed', () =>
    tester.run(async ({ asUser }) => {
      const { sql } = asUser(david)
      await expect(sql`select 1 / 0`).rejects.toThrow('division by zero')
      await expectVisible(sql`select from users`, 1)
    }))

  it('take a transaction of drizzle-orm for a part of theirs', () =>
    tester.run(async ({ asUser }) => {
      const { db, sql } = asUser(david)
      const names = () => sql`select name from users`
      await db.transaction((tx) => tx.update(users).set({ name: 'Kept' }))
      const failing = db.transaction(async (tx) => {
        await tx.update(users).set({ name: 'Lost' })
        await tx.delete(newUsers).where(eq(newUsers.tenantId, 'no uuid'))
      })
      await expect(failing).rejects.toThrow()
      expect(await names()).toEqual([{ name: 'Kept' }])
      await expect(
        db.transaction(async (tx) => {
          await tx.update(users).set({ name: 'Lost' })
          tx.rollback()
        }),
      ).rejects.toThrow()
      expect(await names()).toEqual([{ name: 'Kept' }])
    }))

  it.each(['commit', 'rollback', ' /* so */ end', 'select 1; commit'])('refuse %s', (text) =>
    tester.run(async ({ owner }) => {
      await expect(owner.db.execute(text)).rejects.toThrow()
      await owner.sql`select 1`
    }),
  )

  it('run side by side in several connections, and in several testers, as an owner who could not become the roles', async () => {
    const second = await createTester({ databaseUrl: database.ownerUrl })
    const both = await Promise.all(
      Array.from({ length: 16 }, (_, at) =>
        (at % 2 ? tester : second).asUser(david, ({ sql }) => expectVisible(sql`update users set name = name`, 1)),
      ).map((each) => each.then(() => true)),
    )
    await second.close()
    expect(both).toEqual(Array(16).fill(true))
  })

  describe('expect of a statement', () => {
    const insert = (tenantId: string) => ({ tenantId, email: 'x@x.example', name: 'X', role: 'member' as const })

    it('that a policy refuses it, by name, or that a grant is missing', () =>
      tester.run(async ({ asUser }) => {
        const { sql, db } = asUser(amara)
        expect(await expectRefused(db.insert(newUsers).values(insert(other)), { by: 'policy' })).toEqual({
          by: 'policy',
          on: 'users',
          policies: ['users_insert'],
        })
        await expectRefused(sql`update users set tenant_id = ${other}`, { by: 'grant' })
        expect(await expectRefused(sql`select from rowpass.seal_keys`)).toMatchObject({
          by: 'grant',
          on: 'table seal_keys',
        })
      }))

    it('that a restrictive policy refuses it, by its name', () =>
      tester.run(async ({ owner, asUser }) => {
        await owner.sql`create policy no_x on users as restrictive for insert with check (name <> 'X')`
        await expectRefused(asUser(amara).db.insert(newUsers).values(insert(tenant)), { policy: 'no_x' })
      }))

    const failures: [string, (person: { sql: SqlTag }) => Promise<unknown>, string][] = [
      [
        'visible, and they are hidden',
        ({ sql }) => expectVisible(sql`select from users where tenant_id = ${other}`),
        'expected rows to be visible, but the statement reached no row',
      ],
      [
        'another number',
        ({ sql }) => expectVisible(sql`select from users`, 9),
        'expected 9 rows to be visible, but the statement reached 4 rows',
      ],
      [
        'hidden, and one is there',
        ({ sql }) => expectHidden(sql`select from tenants`),
        'expected rows to be hidden, but the statement reached 1 row',
      ],
      [
        'hidden, and a change without RETURNING reaches them',
        ({ sql }) => expectHidden(sql`update users set name = 'x'`),
        'expected rows to be hidden, but the statement reached 4 rows',
      ],
      [
        'hidden, and it is refused',
        ({ sql }) => expectHidden(sql`delete from rowpass.seal_keys`),
        'expected rows to be hidden, but the statement was refused by a grant: permission denied for table seal_keys',
      ],
      [
        'refused, and nothing is there to refuse',
        ({ sql }) => expectRefused(sql`delete from users where tenant_id = ${other}`),
        'expected a refusal, but the statement ran and reached no row; rows that are hidden are not refused: expectHidden',
      ],
      [
        'refused, and it fails',
        ({ sql }) => expectRefused(sql`select 1 / 0`),
        'expected a refusal, but the statement failed: division by zero',
      ],
      [
        'refused by a policy, and it is a grant',
        ({ sql }) => expectRefused(sql`update users set email = 'x'`, { by: 'policy' }),
        'expected a refusal by a policy, but it was a grant: permission denied for table users',
      ],
      [
        'refused by another policy',
        ({ sql }) =>
          expectRefused(sql`insert into users (tenant_id, email, name) values (${other}, 'x@x.example', 'X')`, {
            policy: 'mine',
          }),
        'expected the policy mine to refuse, but it was a policy of users: users_insert',
      ],
    ]
    it.each(failures)('and say what was wrong: %s', (_title, check, message) =>
      tester.asUser(amara, async (person) => {
        const failure = await check(person).then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(failure).toBeInstanceOf(AssertionError)
        expect(failure).toMatchObject({ message })
      }),
    )
  })
})
describePg('tests of other databases', () => {
  it.each([
    ['request.jwt.claims', `(current_setting('request.jwt.claims', true)::json ->> 'sub')`],
    ['jwt.claims.*', `nullif(current_setting('jwt.claims.sub', true), '')`],
  ])('find out that claims come as %s, and empty them between people', async (_title, expression) => {
    // Makes the roles, which all databases share.
    await (await createTestDatabase({ contents: 'platform' })).close()
    const database = await createTestDatabase({ contents: 'bare' })
    await withConnection(database.superuserUrl, (client) =>
      client.query(`create table items (owner text); insert into items values ('ada'), ('bob');
        alter table items enable row level security;
        create policy items_own on items to authenticated using (owner = (select ${expression}));
        grant all on items to authenticated; grant select on items to anonymous`),
    )
    const tester = await createTester({ databaseUrl: database.superuserUrl })
    try {
      await tester.run(async ({ asUser, asAnonymous, owner }) => {
        const [ada, nobody] = [asUser({ sub: 'ada' }), asUser({ tenant: 'x' })]
        expect(await ada.sql`select * from items`).toEqual([{ owner: 'ada' }])
        await expectHidden(nobody.sql`select * from items`)
        await expectHidden(asAnonymous().sql`select * from items`)
        await expectVisible(owner.sql`select * from items`, 2)
        await expectRefused(ada.sql`insert into items values ('bob')`, { by: 'policy', policy: 'items_own' })
        await expectVisible(ada.sql`insert into items values ('ada')`)
      })
    } finally {
      await tester.close()
      await database.close()
    }
  })

  it('run as the roles that policies and grants name, where none is given', async () => {
    const database = await createTestDatabase({ contents: 'bare' })
    const made = ['tester_member', 'tester_anon'].map(
      (name) =>
        `do $$ begin create role ${name}; exception when duplicate_object or unique_violation then null; end $$;`,
    )
    await withConnection(database.superuserUrl, (client) =>
      client.query(`${made.join('\n')} create table items (owner text); insert into items values ('ada'), ('bob');
        alter table items enable row level security;
        create policy items_own on items to tester_member
          using (owner = (select current_setting('request.jwt.claims', true)::json ->> 'sub'));
        create policy items_shown on items for select to tester_anon using (owner = 'bob');
        grant all on items to tester_member; grant select on items to tester_anon`),
    )
    const tester = await createTester({ databaseUrl: database.superuserUrl })
    try {
      await tester.run(async ({ asUser, asAnonymous }) => {
        expect(await asUser({ sub: 'ada' }).sql`select owner, current_user::text as role from items`).toEqual([
          { owner: 'ada', role: 'tester_member' },
        ])
        expect(await asAnonymous().sql`select owner, current_user::text as role from items`).toEqual([
          { owner: 'bob', role: 'tester_anon' },
        ])
      })
    } finally {
      await tester.close()
      await database.close()
    }
  })

  it('fail to start where nothing listens, without the password', async () => {
    const databaseUrl = 'postgresql://me:canary@127.0.0.1:1/none'
    const failure = await createTester({ databaseUrl }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'database_unavailable', detail: '127.0.0.1:1/none' })
  })
})
