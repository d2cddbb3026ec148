/**
 * Projects of the shapes that people have: all that `rowpass doctor --fix` writes is applied, and what worked still works.
 */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { runDoctor, writeMigration } from '../../src/exports/doctor.ts'
import { createTestDatabase, describePg, product, type TestDatabase, urlFor } from '../support/pg.ts'

const password = 'of-a-throw-away-database'
const [a, b] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']
const json = (sub: string) => ({ 'request.jwt.claims': JSON.stringify({ sub }) })

/** A busy machine takes its time; what comes of it is the same. */
const budgetMs = 120_000

/** What somebody does: the login, the role that it takes on, and settings of the request. */
interface Smoke {
  readonly as: string
  readonly role?: string
  readonly settings?: Readonly<Record<string, string>>
  readonly sql: string
}

interface Project {
  readonly file: string
  /** Who runs the doctor and what it writes. */
  readonly doctor: string
  readonly roles: readonly string[]
  readonly smoke: readonly Smoke[]
  /** What nobody should be able to do, and the rule that says so as long as it works. */
  readonly leaks: readonly (Smoke & { readonly code: string })[]
  /** Findings whose fixes are to be left to a person. */
  readonly questions: readonly string[]
  /** Words of the migration that are not there. */
  readonly never: readonly RegExp[]
}

const user = { as: 'project_authenticator', role: 'project_authenticated', settings: json(a) }
const anon = { as: 'project_authenticator', role: 'project_anon' }
const service = { as: 'project_authenticator', role: 'project_service_role' }
const visitor = { as: 'project_gate', role: 'project_visitor', settings: { 'jwt.claims.session_id': a } }
const app = { as: 'project_app', settings: { 'app.customer': '1' } }

const projects: readonly Project[] = [
  {
    file: 'supabase',
    doctor: 'project_postgres',
    roles: ['project_anon', 'project_authenticated'],
    smoke: [
      { ...service, sql: `insert into public.customers values ('${b}', 'cus_2')` },
      { ...service, sql: 'select from public.todos' },
      { ...service, sql: 'update public.subscriptions set product_id = product_id' },
      { ...user, sql: 'select from public.todos' },
      { ...user, sql: `insert into public.todos (user_id, task) values ('${a}', 'four')` },
      { ...user, sql: 'update public.todos set done = true' },
      { ...user, sql: "update public.profiles set name = 'A'" },
      { ...user, sql: 'select from public.subscriptions' },
      { ...user, sql: 'select where public.my_name() is not null' },
      { ...user, sql: 'select from public.products' },
      { ...anon, sql: 'select from public.products' },
      { ...anon, sql: 'select from public.profiles' },
      { as: 'project_auth_admin', sql: "insert into auth.users (email) values ('c@example.org')" },
      { as: 'project_postgres', sql: 'select from public.customers' },
      { as: 'project_postgres', sql: "update public.todos set task = task || '!'" },
      { as: 'project_postgres', sql: 'create table public.later (id int primary key)' },
    ],
    leaks: [
      { ...anon, sql: 'select from public.open_todos', code: 'RLS044' },
      { ...anon, sql: `select public.remove_todos('${b}')`, code: 'RLS052' },
      { ...user, sql: 'truncate public.todos', code: 'RLS060' },
    ],
    questions: [
      'RLS004:public.profiles',
      'RLS006:project_authenticator:project_service_role',
      'RLS062:public:project_admin:tables',
    ],
    never: [/force row level security;$/m, /^revoke project_/m, /^alter default privileges for role project_admin/m],
  },
  {
    file: 'accounts',
    doctor: 'project_postgres',
    roles: ['project_authenticated'],
    smoke: [
      { ...user, sql: 'select from base.accounts' },
      { ...user, sql: "insert into base.accounts (name) values ('new')" },
      { ...user, sql: "update base.accounts set name = 'renamed'" },
      { ...user, sql: 'select from base.members' },
      { ...user, sql: 'select from base.billing' },
      { ...user, sql: "select base.accept_invitation('t')" },
      { ...service, sql: "select base.service_role_upsert('00000000-0000-4000-8000-0000000000aa', 'paid')" },
      { ...service, sql: 'select from base.accounts' },
      { as: 'project_postgres', sql: 'select from base.members' },
    ],
    leaks: [],
    questions: ['RLS004:base.members', 'RLS006:project_authenticator:project_service_role', 'RLS031:base.billing:seen'],
    never: [/force row level security;$/m, /^revoke project_/m],
  },
  {
    file: 'postgraphile',
    doctor: 'project_owner',
    roles: ['project_visitor'],
    smoke: [
      { ...visitor, sql: "select from app_public.register('carol', 'secret')" },
      { ...visitor, sql: "select where app_public.login('bob', 'secret') is not null" },
      { ...visitor, sql: 'select from app_public.users' },
      { ...visitor, sql: "update app_public.users set username = 'alison'" },
      { ...visitor, sql: 'select from app_public.posts' },
      { ...visitor, sql: "insert into app_public.posts (author_id, body) select app_public.current_user_id(), 'more'" },
      { ...visitor, sql: 'delete from app_public.posts' },
      { as: 'project_owner', sql: 'select from app_private.secrets' },
      { as: 'project_owner', sql: 'update app_public.users set is_admin = true' },
    ],
    leaks: [],
    questions: ['RLS004:app_public.users', 'RLS010:app_public.users:select_all'],
    never: [/force row level security;$/m],
  },
  {
    file: 'plain-owner',
    doctor: 'project_app',
    roles: ['project_reports'],
    smoke: [
      { ...app, sql: 'select from shop.orders' },
      { ...app, sql: 'insert into shop.orders values (3, 1, 30)' },
      { as: 'project_app', sql: 'insert into shop.orders values (4, 2, 30)' },
      { as: 'project_app', sql: 'select from shop.orders' },
      { as: 'project_app', sql: 'select from shop.staff' },
      { as: 'project_migrator', role: 'project_app', sql: 'alter table shop.orders add column note text' },
      { as: 'project_migrator', sql: 'select from shop.orders' },
      { as: 'project_reports', settings: { 'app.customer': '2' }, sql: 'select from shop.orders' },
    ],
    leaks: [{ as: 'project_reports', sql: 'select from shop.staff', code: 'RLS002' }],
    questions: ['RLS004:shop.orders'],
    never: [/force row level security;$/m, /^revoke project_/m],
  },
]

describePg('all that --fix writes', () => {
  describe.each(projects)('for a project like $file', ({ file, doctor, roles, smoke, leaks, questions, never }) => {
    let database: TestDatabase
    let before: string[]
    let leaksBefore: string[]
    let found: readonly Finding[]
    let migration: string
    let after: readonly Finding[]

    const login = (name: string) => urlFor(database.name, name, password)
    const examine = (fixes?: { readonly budgetMs: number }) =>
      runDoctor({ databaseUrl: login(doctor), roles, profile: 'none', ...(fixes !== undefined && { fixes }) })

    /** `2 rows`, or the SQLSTATE. */
    async function tryAll(list: readonly Smoke[]): Promise<string[]> {
      const outcomes: string[] = []
      for (const { as, role, settings = {}, sql } of list) {
        const outcome = await withConnection(login(as), async (client) => {
          try {
            await client.query('begin')
            for (const [name, value] of Object.entries(settings))
              await client.query('select set_config($1, $2, true)', [name, value])
            if (role !== undefined) await client.query(`set local role ${role}`)
            return `${(await client.query(sql)).rowCount} rows`
          } catch (error) {
            return error instanceof pg.DatabaseError ? `${error.code}: ${error.message}` : String(error)
          }
        })
        outcomes.push(`${role ?? as}: ${sql}: ${outcome}`)
      }
      return outcomes
    }

    beforeAll(async () => {
      database = await createTestDatabase({ contents: 'bare' })
      await withConnection(database.superuserUrl, (client) =>
        client.query(readFileSync(`${product}test/doctor/projects/${file}.sql`, 'utf8')),
      )
      before = await tryAll(smoke)
      leaksBefore = await tryAll(leaks)
      found = (await examine({ budgetMs })).findings
      migration = writeMigration(found).sql
      await withConnection(login(doctor), (client) => client.query(migration))
      after = (await examine()).findings
    })
    afterAll(async () => {
      const { rows } = await withConnection(database.superuserUrl, (client) =>
        client.query<{ name: string }>("select rolname as name from pg_roles where rolname like 'project\\_%'"),
      )
      await withConnection(database.superuserUrl, async (client) => {
        for (const { name } of rows) await client.query(`drop owned by ${name} cascade`)
      })
      await database.close()
      await withConnection(urlFor('postgres'), async (client) => {
        for (const { name } of rows) await client.query(`drop role ${name}`)
      })
    })

    it('leaves what worked before as it was', async () => {
      expect(before.filter((line) => !line.endsWith(' rows') || line.endsWith(': 0 rows'))).toEqual([])
      expect(await tryAll(smoke)).toEqual(before)
    })

    it('runs whole as the login that the doctor ran as, and does something', () => {
      expect(migration).toMatch(/;\n$/)
      expect(never.filter((words) => words.test(migration))).toEqual([])
    })

    it('says before each statement who loses what', () => {
      const blocks = migration.split('\n\n').filter((block) => !block.startsWith('-- question'))
      expect(blocks.filter((block) => !/^-- RLS\d{3}:/.test(block) && !/^\w/.test(block))).toEqual([])
      expect(blocks.filter((block) => block.startsWith('--') && !/^-- loses: ./m.test(block))).toEqual([])
    })

    it.each(questions)('asks about %s', (key) => {
      const finding = found.find((each) => each.key === key)
      expect(finding?.fix).toEqual({ person: expect.any(String) })
      expect(migration).toContain(`-- question ${key}: `)
    })

    it('is no worse afterwards: nothing new is wrong, and no leak is only quiet', async () => {
      // Where row-level security was off, the owner was past policies all the same.
      const off = found.filter(({ code }) => code === 'RLS002').map(({ object }) => `RLS004:${object}`)
      const keys = new Set([...found.map(({ key }) => key), ...off])
      expect(
        after.filter(({ key, level }) => level !== 'info' && !keys.has(key)).map(({ key, says }) => [key, says]),
      ).toEqual([])
      const now = await tryAll(leaks)
      const quiet = leaks.filter(
        ({ code }, index) => now[index] === leaksBefore[index] && !after.some((each) => each.code === code),
      )
      expect(quiet).toEqual([])
    })

    it('has nothing left to write', async () => {
      const { findings } = await examine({ budgetMs })
      expect(findings.filter(({ fix }) => 'sql' in fix).map(({ key }) => key)).toEqual([])
    })
  })
})
