import { getTableColumns, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import {
  boolean,
  integer,
  jsonb,
  type PgColumn,
  pgPolicy,
  pgTable,
  serial,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import {
  anonymous,
  both,
  claimTexts,
  everyRow,
  forceAndGrants,
  hasRole,
  insertable,
  inTenant,
  isTrue,
  memberOf,
  ownedBy,
  type PolicyOptions,
  policies,
  protectedTable,
  rule,
} from 'rowpass/policies'
import { describe, expect, it } from 'vitest'
import { migrationOf } from './schema-database.ts'

const columns = {
  id: uuid('id').primaryKey().defaultRandom(),
  tenantId: uuid('tenant_id').notNull(),
  userId: uuid('user_id').notNull(),
  slug: text('slug').notNull(),
  number: integer('number').notNull(),
  open: boolean('open').notNull(),
  at: timestamp('at'),
  data: jsonb('data'),
}
type Columns = Parameters<Parameters<typeof protectedTable<'notes', typeof columns>>[2]>[0]

/** What drizzle-kit writes for a table with these policies, without the table itself. */
async function written(...options: ((t: Columns) => PolicyOptions)[]): Promise<string[]> {
  const notes = protectedTable('notes', columns, (t) => {
    const [first, ...rest] = options.map((each) => each(t))
    return policies(t, first!, ...rest)
  })
  const statements = await migrationOf({ notes })
  return statements.slice(2).map((each) => each.replace('AS PERMISSIVE ', '').replaceAll('"notes".', '').trim())
}

describe('the policies of a table', () => {
  it('are one for each command, to a role, named for both, with one index that serves them', async () => {
    expect(await written((t) => ({ all: ownedBy(t.userId) }))).toEqual([
      `CREATE INDEX "notes_user_id_idx" ON "notes" USING btree ("user_id");`,
      `CREATE POLICY "notes_select" ON "notes" FOR SELECT TO "authenticated" USING ("user_id" = (select auth.uid()));`,
      `CREATE POLICY "notes_insert" ON "notes" FOR INSERT TO "authenticated" WITH CHECK ("user_id" = (select auth.uid()));`,
      `CREATE POLICY "notes_update" ON "notes" FOR UPDATE TO "authenticated" USING ("user_id" = (select auth.uid())) WITH CHECK ("user_id" = (select auth.uid()));`,
      `CREATE POLICY "notes_delete" ON "notes" FOR DELETE TO "authenticated" USING ("user_id" = (select auth.uid()));`,
    ])
  })

  it('of another role or group carry its name', async () => {
    const names = (
      await written(
        (t) => ({ select: inTenant(t.tenantId) }),
        (t) => ({ to: anonymous, select: isTrue(t.open) }),
        (t) => ({ who: 'auditor', select: both(hasRole('auditor'), inTenant(t.tenantId)) }),
      )
    ).map((each) => /POLICY "(\w+)"/.exec(each)?.[1])
    expect(names.filter(Boolean)).toEqual(['notes_select', 'notes_select_anonymous', 'notes_select_auditor'])
  })

  it.each<[string, (t: Columns) => PolicyOptions, string[]]>([
    ['none for a primary key', (t) => ({ select: ownedBy(t.id) }), []],
    ['none for an insert', (t) => ({ insert: ownedBy(t.userId) }), []],
    ['none where the table has them', (t) => ({ select: ownedBy(t.userId), indexes: false }), []],
    ['none for a rule about the caller alone', () => ({ select: hasRole('admin') }), []],
    [
      'both columns of two rules',
      (t) => ({ all: both(inTenant(t.tenantId), ownedBy(t.userId)) }),
      ['tenant_id,user_id'],
    ],
    [
      'the longer of two that begin alike',
      (t) => ({ all: both(inTenant(t.tenantId), ownedBy(t.userId)), select: inTenant(t.tenantId) }),
      ['tenant_id,user_id'],
    ],
    ['the order of pages at the end', (t) => ({ select: inTenant(t.tenantId), pageBy: [t.id] }), ['tenant_id,id']],
  ])('need as index: %s', async (_title, options, indexes) => {
    const found = (await written(options)).flatMap((each) => /INDEX .* btree \((.*)\);/.exec(each)?.[1] ?? [])
    expect(found.map((each) => each.replaceAll('"', ''))).toEqual(indexes)
  })

  it('read each claim as the type of its column', async () => {
    const conditions = await written((t) => ({
      select: both(ownedBy(t.slug), ownedBy(t.number), inTenant(t.slug, { claim: "o'rg" })),
      update: rule(sql`${t.slug} = any(${claimTexts('slugs')})`),
    }))
    expect(conditions.join('\n')).toContain(
      `("slug" = (select auth.claim_text('sub')) and "number" = (select auth.claim_int('sub')) and "slug" = (select auth.claim_text('o''rg')))`,
    )
    expect(conditions.join('\n')).toContain(`"slug" = any((select auth.claim_texts('slugs'))::text[])`)
  })

  it('hold values in their text, as a policy has no parameters', async () => {
    const [policy] = await written((t) => ({ insert: rule(sql`${t.slug} <> ${"it's"} and ${t.number} > ${3}`) }))
    expect(policy).toContain(`("slug" <> 'it''s' and "number" > 3)`)
  })

  it('hold roles and names of claims in their text, whatever is in them', async () => {
    const [policy] = await written(() => ({ insert: hasRole("o'brien", { claim: "r' or true" }) }))
    expect(policy).toContain(`(select auth.claim_text('r'' or true')) = 'o''brien'`)
  })
})

describe('policies that would be wrong', () => {
  const notes = pgTable('notes', columns)
  const others = pgTable('others', { id: uuid('id'), userId: uuid('user_id') })
  const bare = (options: PolicyOptions) => () => policies(notes as unknown as Record<string, PgColumn>, options)

  it.each<[string, () => unknown, RegExp]>([
    ['have no rule', bare({}), /have no rule/],
    [
      'let a row be moved',
      bare({ update: { of: ownedBy(notes.userId), into: isTrue(notes.open) } }),
      /leaves open what notes.user_id may become/,
    ],
    [
      'have one name',
      () => policies({ id: notes.id }, { select: ownedBy(notes.id) }, { select: hasRole('admin') }),
      /two policies have the name notes_select/,
    ],
    [
      'have a name that is cut off',
      bare({ who: 'x'.repeat(60), select: everyRow }),
      /cut off the name notes_select_xxx/,
    ],
    [
      'recurse',
      () => memberOf(notes.tenantId, { key: notes.tenantId, user: notes.userId }),
      /a policy of notes cannot read notes/,
    ],
    [
      'mix up the tables of a membership',
      () => memberOf(notes.tenantId, { key: others.id, user: notes.userId }),
      /others.id and notes.user_id are of different tables/,
    ],
  ])('are refused when the module loads: those that %s', (_title, make, message) => {
    expect(make).toThrow(message)
    expect(make).toThrow(TypeError)
  })

  it('do not compile, where the columns have their types', () => {
    const attempts: (() => unknown)[] = [
      // @ts-expect-error a timestamp is nobody
      () => ownedBy(notes.at),
      // @ts-expect-error a json document is no tenant
      () => inTenant(notes.data),
      // @ts-expect-error a number is no switch
      () => isTrue(notes.number),
      // @ts-expect-error an integer is not compared with a uuid
      () => memberOf(notes.number, { key: others.id, user: others.userId }),
      // @ts-expect-error the table has no such column
      () => ownedBy(notes.ownerId),
      () =>
        protectedTable('n', { id: uuid(), at: timestamp() }, (t) =>
          policies(t, {
            // @ts-expect-error in the callback too
            select: ownedBy(t.at),
          }),
        ),
      () =>
        protectedTable('n', { id: uuid() }, (t) =>
          policies(t, {
            // @ts-expect-error the tenant is missing
            select: inTenant(t.tenantId),
          }),
        ),
    ]
    for (const attempt of attempts.slice(0, 3)) expect(attempt).toThrow(TypeError)
  })

  it('are found when pgTable is read, where its callback has lost the types', async () => {
    const wrong = pgTable('wrong', { at: timestamp() }, (t) => policies(t, { select: ownedBy(t.at) }))
    await expect(async () => migrationOf({ wrong })).rejects.toThrow('wrong.at is a PgTimestamp, which no claim can be')
  })
})

describe('forceAndGrants', () => {
  it('grants columns by default so that no row can be moved', () => {
    const notes = protectedTable('notes', { ...columns, serial: serial('serial') }, (t) =>
      policies(t, { all: both(inTenant(t.tenantId), ownedBy(t.userId)) }),
    )
    const statements = forceAndGrants({ notes })
    expect(statements).toContain('grant update ("slug", "number", "open", "at", "data", "serial") on "public"."notes"')
    expect(statements).toContain('grant usage on sequence "public"."notes_serial_seq" to "authenticated"')
    expect(statements).toContain('revoke all on "public"."notes" from public, "anonymous", "authenticated"')
  })

  it('grants once what several policies of a role need, and nothing for a restrictive one', () => {
    const notes = protectedTable('notes', columns, (t) =>
      policies(
        t,
        { select: ownedBy(t.userId), update: ownedBy(t.userId), columns: { update: [t.slug] } },
        { who: 'admin', update: hasRole('admin'), columns: { update: [t.open, t.slug] } },
        { who: 'tenant', as: 'restrictive', all: inTenant(t.tenantId) },
      ),
    )
    const grants = forceAndGrants({ notes })
      .split('\n')
      .filter((line) => line.startsWith('grant') && !line.includes('schema'))
    expect(grants).toEqual([
      'grant select on "public"."notes" to "authenticated";--> statement-breakpoint',
      'grant update ("slug", "open") on "public"."notes" to "authenticated";',
    ])
  })

  it('forces a table without policies and grants nothing on it', () => {
    const closed = protectedTable('closed', { id: uuid() }, () => [])
    expect(forceAndGrants({ closed, unrelated: 1 }).split('\n').slice(1, 3)).toEqual([
      'alter table "public"."closed" force row level security;--> statement-breakpoint',
      'revoke all on "public"."closed" from public, "anonymous", "authenticated";',
    ])
  })

  it('refuses a policy of which it does not know what it needs', () => {
    const own = pgTable('own', { id: uuid() }, () => [pgPolicy('by_hand', { for: 'select', using: sql`true` })])
    expect(() => forceAndGrants({ own })).toThrow('policies() has written it: own has by_hand')
  })

  it('leaves a table alone on request, and no other one', () => {
    const own = pgTable('own', { id: uuid() }, () => [pgPolicy('by_hand', { for: 'select', using: sql`true` })])
    const closed = protectedTable('closed', { id: uuid() }, () => [])
    for (const name of ['own', 'public.own']) {
      const text = forceAndGrants({ own, closed }, { except: [name] })
      expect(text).toContain('-- public.own is left alone.')
      expect(text).toContain('alter table "public"."closed" force')
      expect(text).not.toContain('"own"')
    }
    expect(() => forceAndGrants({ own }, { except: ['owner'] })).toThrow('no table has the name owner')
  })
})

describe('insertable', () => {
  const notes = protectedTable('notes', columns, (t) =>
    policies(
      t,
      { all: ownedBy(t.userId), columns: { insert: [t.userId, t.slug] } },
      { to: anonymous, select: everyRow },
    ),
  )
  const db = drizzle({} as never)

  it('names in an INSERT only what a caller gives, and returns whatever is asked for', () => {
    const query = db
      .insert(insertable(notes, 'slug', 'userId'))
      .values({ slug: 'a', userId: 'b' })
      .returning(getTableColumns(notes))
      .toSQL()
    expect(query.sql).toBe(
      'insert into "notes" ("user_id", "slug") values ($1, $2) returning "id", "tenant_id", "user_id", "slug", "number", "open", "at", "data"',
    )
    expect(query.params).toEqual(['b', 'a'])
    // @ts-expect-error it is not one of them
    db.insert(insertable(notes, 'slug', 'userId')).values({ slug: 'a', userId: 'b', number: 1 })
  })

  it('refuses columns that no role is granted together, and says which are', () => {
    expect(() => insertable(notes, 'slug', 'number')).toThrow(
      'no role may insert slug, number into notes: its policies grant user_id, slug',
    )
    const closed = protectedTable('closed', { id: uuid('id') }, () => [])
    expect(() => insertable(closed, 'id')).toThrow('its policies grant none')
  })
})
