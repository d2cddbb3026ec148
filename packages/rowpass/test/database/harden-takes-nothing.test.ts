/**
 * What worked before for a login works after `db migrate` and `db harden`, with every extension that the server brings,
 * made before and after: three databases that differ in nothing but that.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { hardenDatabase } from '../../src/database/harden.ts'
import { provision } from '../../src/database/provision.ts'
import { createTestDatabase, describePg, postgresMajor, type TestDatabase, urlFor } from '../support/pg.ts'

const login = 'rowpass_gateway'
const suffix = randomBytes(4).toString('hex')
const app = `rowpass_test_app_${suffix}`
const migrator = `rowpass_test_migrator_${suffix}`
const password = 'of-a-throw-away-role'

type Name = 'plain' | 'before' | 'after'

describePg('a database that was hardened', () => {
  const databases = {} as Record<Name, TestDatabase>
  let made: string[]

  const query = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
    withConnection(url, async (client) => {
      const result = await client.query(sql)
      return Array.isArray(result) ? [] : result.rows
    })
  const as = (role: string, { name, ownerUrl }: TestDatabase) =>
    role === 'owner' ? ownerUrl : urlFor(name, role, password)
  const harden = async ({ ownerUrl, gatewayUrl, sealKeys, superuserUrl }: TestDatabase) => {
    await provision({ ownerUrl, gatewayUrl, sealKeys })
    await hardenDatabase({ url: superuserUrl, login })
  }

  beforeAll(async () => {
    for (const name of ['plain', 'before', 'after'] as const)
      databases[name] = await createTestDatabase({ contents: 'bare' })
    const { plain, before, after } = databases
    await query(
      plain.superuserUrl,
      `create role ${app} login password '${password}'; create role ${migrator} login password '${password}'`,
    )
    for (const { name, superuserUrl } of Object.values(databases)) {
      await query(
        superuserUrl,
        `grant create on database ${name} to ${migrator}; grant create on schema public to ${migrator};
         create table notes (id int primary key, body text); grant select, insert, update, delete on notes to ${app}`,
      )
    }
    await harden(after)
    made = await makeExtensions(plain)
    expect(await makeExtensions(before)).toEqual(made)
    expect(await makeExtensions(after)).toEqual(made)
    await harden(before)
    for (const database of Object.values(databases)) {
      await query(database.ownerUrl, 'create type owners_range as range (subtype = float8)')
      await query(as(migrator, database), 'create type migrators_range as range (subtype = float8)')
    }
  }, 120_000)
  afterAll(async () => {
    const { superuserUrl } = databases.plain
    for (const { close } of [databases.before, databases.after]) await close()
    await query(superuserUrl, `drop owned by ${app}, ${migrator}; drop role ${app}, ${migrator}`)
    await databases.plain.close()
  })

  /** Each as its own transaction, the trusted ones as the owner; what this server cannot load is left out. */
  async function makeExtensions(database: TestDatabase): Promise<string[]> {
    const extensions = await query(
      database.superuserUrl,
      `select distinct e.name, bool_or(v.trusted) as trusted
         from pg_available_extensions e join pg_available_extension_versions v using (name)
        where e.name not like '%-3' group by 1 order by 1`,
    )
    const names: string[] = []
    for (const { name, trusted } of extensions) {
      const url = trusted === true ? database.ownerUrl : database.superuserUrl
      const extension = `create extension if not exists "${String(name)}" cascade`
      await query(url, extension).then(
        () => names.push(String(name)),
        () => undefined,
      )
    }
    return names
  }

  /** Everything in the database but Rowpass's own, and whether a role may use it. */
  const rightsOf = async (role: string, { name, ownerUrl, superuserUrl }: TestDatabase): Promise<string[]> => {
    const [row] = await query(
      superuserUrl,
      `with me as (select '${role === 'owner' ? new URL(ownerUrl).username : role}'::regrole::oid as oid),
            ours as (select oid from pg_namespace where nspname in ('rowpass', 'auth', 'issuer'))
       select array(
         select 'function ' || p.oid::regprocedure || ' ' || has_function_privilege(me.oid, p.oid, 'EXECUTE')
           from pg_proc p, me where pronamespace not in (select oid from ours)
         union all
         select 'type ' || format_type(t.oid, null) || ' ' || has_type_privilege(me.oid, t.oid, 'USAGE')
           from pg_type t, me where typnamespace not in (select oid from ours) and typelem = 0
         union all
         select 'schema ' || nspname || ' ' || has_schema_privilege(me.oid, n.oid, 'USAGE') || has_schema_privilege(me.oid, n.oid, 'CREATE')
           from pg_namespace n, me where n.oid not in (select oid from ours) and nspname !~ '^pg_(toast_)?temp'
         union all
         select 'table ' || c.oid::regclass || ' ' || array(select has_table_privilege(me.oid, c.oid, p)
             from unnest('{select,insert,update,delete}'::text[]) as p)::text
           from pg_class c, me where relkind in ('r', 'v', 'm', 'p') and relnamespace not in (select oid from ours)
         union all
         select 'database ' || has_database_privilege(me.oid, '${name}', 'TEMPORARY') || has_database_privilege(me.oid, '${name}', 'CREATE')
           from me
       ) as rights`,
    )
    return (row!.rights as string[]).sort()
  }

  it('SEC-72 has the extensions that the server brings', () => {
    const some = [
      'citext',
      'pg_trgm',
      'pgcrypto',
      'uuid-ossp',
      'hstore',
      'btree_gist',
      'ltree',
      'postgres_fdw',
      'dblink',
    ]
    expect(made).toEqual(expect.arrayContaining([...some, ...(postgresMajor() === 15 ? ['postgis'] : [])]))
    expect(made.length).toBeGreaterThan(40)
  })

  it.each(['before', 'after'] as const)(
    'SEC-72 takes from no login what it had, extensions made %s included',
    async (name) => {
      for (const role of ['owner', app, migrator]) {
        const had = await rightsOf(role, databases.plain)
        expect(had.length).toBeGreaterThan(3000)
        const has = new Set(await rightsOf(role, databases[name]))
        expect(had.filter((right) => !has.has(right))).toEqual([])
      }
    },
  )

  const uses = [
    `select 'A'::citext = 'a' as yes`,
    `select similarity('abc', 'abd') > 0 and 'abc' % 'abc' as yes`,
    `select crypt('a', gen_salt('bf', 4)) like '$2a$%' as yes`,
    'select uuid_generate_v4() is not null as yes',
    `select 'a=>1'::hstore -> 'a' = '1' as yes`,
    `select 'a.b'::ltree <@ 'a'::ltree as yes`,
    `select unaccent('é') = 'e' as yes`,
    'select owners_range(1, 2) @> 1.5::float8 as yes',
    'select migrators_range(1, 2) @> 1.5::float8 as yes',
    `select set_config('a.b', 'c', false) = 'c' as yes`,
    'select count(*) >= 0 as yes from pg_stat_activity',
  ]
  if (postgresMajor() === 15) uses.push(`select ST_Distance('POINT(0 0)'::geometry, 'POINT(3 4)'::geometry) = 5 as yes`)

  it.each(['before', 'after'] as const)('SEC-72 lets every login use them, made %s', async (name) => {
    for (const role of ['owner', app, migrator]) {
      for (const sql of uses)
        expect([role, sql, await query(as(role, databases[name]), sql)]).toEqual([role, sql, [{ yes: true }]])
    }
  })

  it('SEC-72 lets the application make temporary tables, rows and all', async () => {
    for (const role of ['owner', app, migrator]) {
      const sql = `create temporary table mine as select generate_series(1, 3) as n; drop table mine`
      await query(as(role, databases.after), sql)
    }
    await query(as(app, databases.after), `insert into notes values (1, 'a'); delete from notes`)
  })

  it('names who would lose temporary tables, and keeps it for them by name when it is asked for', async () => {
    const { superuserUrl, gatewayUrl } = databases.before
    const options = { url: superuserUrl, login }
    // Logins of other tests on this server are not for this database.
    await query(
      superuserUrl,
      `revoke connect on database ${databases.before.name} from public;
       grant connect on database ${databases.before.name} to ${app}, ${migrator}, ${login}`,
    )
    const [step] = await hardenDatabase(options)
    expect(step).toMatchObject({ name: 'temporary_tables', state: 'asked', from: [app, migrator].sort() })
    const [done] = await hardenDatabase({ ...options, take: ['temporary_tables'] })
    expect(done).toMatchObject({ name: 'temporary_tables', state: 'done' })
    for (const role of ['owner', app, migrator]) {
      await query(as(role, databases.before), 'create temporary table mine (id int)')
    }
    await expect(query(gatewayUrl, 'create temporary table mine (id int)')).rejects.toMatchObject({ code: '42501' })
    const [again] = await hardenDatabase(options)
    expect(again).toMatchObject({ name: 'temporary_tables', state: 'closed', sql: [] })
  })

  it('would be noticed: what an earlier version took is found by the same comparison', async () => {
    const { plain } = databases
    const had = await rightsOf(app, plain)
    await query(
      plain.superuserUrl,
      `drop extension citext cascade; alter default privileges revoke execute on functions from public; create extension citext`,
    )
    const has = new Set(await rightsOf(app, plain))
    expect(had.filter((right) => !has.has(right))).toContain('function citext_eq(citext,citext) true')
  })
})
