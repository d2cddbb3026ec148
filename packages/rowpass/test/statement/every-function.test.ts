import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { type JudgedDatabase, judgeDatabase } from './judge-database.ts'

interface Procedure {
  readonly schema: string
  readonly name: string
  /** Whether any function of the name in this schema is volatile. */
  readonly volatile: boolean
}

/** Reviewed here once more, apart from the list under test: what a volatile function of PostgreSQL must be to pass. */
const harmless =
  /^(clock_timestamp|timeofday|random|random_normal|gen_random_uuid|uuidv4|uuidv7|array_shuffle|array_sample|nextval|pg_is_in_recovery)$/

/** Runs SQL given as text, or tells of other sessions or of replication, although PostgreSQL does not call it volatile. Or counts what is hidden. */
const dangerous = [
  /^(query|table|schema|database|cursor)_to_xml/,
  /^ts_(stat|rewrite)$/,
  /^pg_stat_/,
  /^pg_replication_/,
  /^pg_column_toast_chunk_id$/,
  /^pg_(prepared_statement|cursor|listening_channels|get_replication_slots)$/,
]

/** SET_CONFIG as U&"\0073\0065…" */
const escaped = (name: string) =>
  `U&"${[...name].map((c) => `\\${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`

describePg('every function of PostgreSQL', () => {
  let judged: JudgedDatabase
  let procedures: Procedure[]

  beforeAll(async () => {
    judged = await judgeDatabase({ contents: 'platform' })
    const { rows } = await judged.superuser.query(
      `select pronamespace::regnamespace::text as schema, proname as name, bool_or(provolatile = 'v') as volatile
       from pg_proc where prokind <> 'p' and oid < 16384 group by 1, 2`,
    )
    procedures = rows
  })
  afterAll(() => judged.close())

  const expected = ({ name, volatile }: Procedure) =>
    (volatile && !harmless.test(name)) || dangerous.some((pattern) => pattern.test(name)) ? 'refused' : 'fast'

  it('SEC-40 gets the verdict that the rule gives it, in every spelling', () => {
    expect(procedures.length).toBeGreaterThan(2_500)
    const wrong: string[] = []
    for (const procedure of procedures) {
      const { schema, name } = procedure
      const quoted = `"${name}"`
      for (const sql of [
        `select ${quoted}(null)`,
        `select ${schema}.${quoted}()`,
        `select ${schema.toUpperCase()} . /* x */ ${quoted} -- y\n ($1, $2)`,
        `select ${escaped(schema)}.${escaped(name)}(1)`,
        `select postgres.${schema}.${quoted}(1)`,
        `select * from ${quoted}(1, 2) as f (a int)`,
        `select ${quoted}(distinct a order by b) filter (where c) over (order by d) from t`,
        `delete from t where ${quoted}(variadic a) is null`,
      ]) {
        const verdict = judged.classify(sql)
        if (verdict.kind !== expected(procedure)) wrong.push(`${verdict.kind}: ${sql}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('SEC-40 unquoted and in capitals, a refused one stays refused', () => {
    const wrong: string[] = []
    for (const procedure of procedures) {
      if (expected(procedure) !== 'refused' || !/^[a-z_][a-z0-9_]*$/.test(procedure.name)) continue
      for (const name of [procedure.name, procedure.name.toUpperCase()]) {
        const verdict = judged.classify(`select ${name}(1)`)
        if (verdict.kind !== 'refused') wrong.push(`${verdict.kind}: ${name}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('SEC-40 a refused name is refused in a schema of the owner’s too, and where no function has it', () => {
    for (const name of ['set_config', 'pg_sleep', 'lo_import', 'dblink_exec', 'pg_read_file', 'pg_stat_get_activity']) {
      expect(judged.classify(`select anywhere.${name}(1)`)).toMatchObject({ kind: 'refused' })
      expect(judged.classify(`select anywhere.${name}_later(1)`).kind).toMatch(/^(refused|reset)$/)
    }
  })

  it('SEC-40 none that is refused can be called as an attribute of a row and pass', async () => {
    const { rows } = await judged.superuser.query(
      `select distinct proname as name from pg_proc
       where prokind <> 'p' and pronargs - pronargdefaults <= 1 and pronargs > 0 and proargtypes[0]::regtype::text
         in ('record', '"any"', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblenonarray')`,
    )
    const names: string[] = rows.map(({ name }) => name)
    expect(names).toContain('row_to_json')
    for (const procedure of procedures) {
      if (!names.includes(procedure.name)) continue
      for (const sql of [`select t."${procedure.name}" from t`, `select (t)."${procedure.name}" from t`]) {
        expect([sql, judged.classify(sql).kind]).toEqual([sql, expected(procedure)])
      }
    }
  })

  it('SEC-40 no operator, cast or type of PostgreSQL calls a function that would be refused', async () => {
    const refused = procedures.filter((procedure) => expected(procedure) === 'refused').map(({ name }) => name)
    const { rows } = await judged.superuser.query(
      `select proname from pg_proc where proname = any ($1) and (
         oid in (select oprcode from pg_operator) or oid in (select castfunc from pg_cast)
         or exists (select from pg_type where typtype <> 'p' and pg_proc.oid in (typinput, typoutput, typreceive, typsend, typmodin)))`,
      [refused],
    )
    expect(rows).toEqual([])
  })

  describe('that is fast', () => {
    const state = `select jsonb_build_object(
      'settings', (select jsonb_object_agg(name, setting) from pg_settings),
      'role', current_user, 'session', session_user,
      'prepared', (select count(*) from pg_prepared_statements),
      'cursors', (select count(*) from pg_cursors),
      'locks', (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'),
      'channels', (select count(*) from pg_listening_channels()),
      'temporary', pg_my_temp_schema())::text`

    it('SEC-42 leaves the session as it was, called with plausible arguments', async () => {
      const { rows: calls } = await judged.superuser.query(
        `select format('select %I.%I(%s)', pronamespace::regnamespace, proname,
           (select string_agg(format('%L::%s', case typcategory
              when 'N' then case when typname like 'reg%' then 'pg_class' else '1' end
              when 'B' then 't' when 'D' then '2026-01-01' when 'T' then '1' when 'A' then '{}' when 'I' then '127.0.0.1'
              when 'S' then 'public' else null end, format_type(t.oid, null)), ', ' order by n)
            from unnest(proargtypes) with ordinality as a (type, n) join pg_type t on t.oid = a.type)) as sql
         from pg_proc where prokind = 'f' and not exists (
           select from unnest(proargtypes || prorettype) as a (type) join pg_type t on t.oid = a.type
           where typtype = 'p' and typname not in ('void', 'record'))`,
      )
      await judged.gateway.query("set statement_timeout = '200ms'")
      // The settings of plpgsql are there from the first call of one of its functions on.
      await judged.gateway.query("do 'begin end'")
      const before = (await judged.gateway.query(state)).rows
      let ran = 0
      for (const { sql } of calls) {
        if (judged.classify(sql).kind !== 'fast') continue
        const failure = await judged.gateway.query(sql).then(
          () => undefined,
          (error: { code: string }) => error.code,
        )
        if (failure === undefined) ran++
      }
      expect(ran).toBeGreaterThan(1_000)
      expect((await judged.gateway.query(state)).rows).toEqual(before)
    })
  })
})
