/**
 * `describe`: the tables that this identity may use, told by the catalogs as it sees them.
 */
import * as z from 'zod'
import type { Narrowing } from '../../token/narrowing.ts'
import { nameOf } from '../narrowed.ts'
import { toRefusal } from './refusal.ts'
import { type Tool, type ToolSettings, toResult } from './tool.ts'

const input = z.strictObject({
  matching: z.string().max(100).optional().describe('a part of "schema.table"; without it: every table'),
})

const output = z.object({
  identity: z.object({ subject: z.string(), role: z.string(), tenant: z.string().optional() }),
  tables: z.array(
    z.object({
      table: z.string().describe('as SQL names it'),
      kind: z.string(),
      comment: z.string().nullable(),
      commands: z.array(z.string()).describe('what this identity may do with some column, as far as policies let it'),
      policed: z.boolean().describe('row-level security decides which rows there are for this identity'),
      columns: z.array(
        z.object({
          name: z.string(),
          type: z.string(),
          commands: z.array(z.string()),
          required: z.boolean().describe('INSERT has to give it a value'),
          comment: z.string().nullable(),
        }),
      ),
      policies: z.array(
        z.object({
          name: z.string(),
          command: z.string(),
          permissive: z.boolean(),
          using: z.string().nullable().describe('which rows; null also where it names what this identity may not use'),
          check: z.string().nullable().describe('which new rows; null as before'),
        }),
      ),
    }),
  ),
  truncated: z.boolean().describe('there are more tables: ask for a part of a name'),
})

/**
 * Runs as the identity, by the way of every statement; `$2` are the scopes of a narrowed token. `information_schema` shows nothing that the role has no right to. A
 * policy's condition is told only where every table, column and function in it may be used: it names them.
 */
const describeSql = `
select jsonb_build_object(
  'table', t.name,
  'kind', lower(t.table_type),
  'comment', obj_description(t.oid, 'pg_class'),
  'commands', array(
    select c from unnest(t.allowed) with ordinality u(c, n)
    where case when c = 'DELETE' then has_table_privilege(t.oid, c) else has_any_column_privilege(t.oid, c) end
    order by n),
  'policed', row_security_active(t.oid),
  'columns', (
    select coalesce(jsonb_agg(jsonb_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'commands', a.commands,
        'required', a.attnotnull and not a.atthasdef and a.attidentity = '' and 'INSERT' = any(a.commands),
        'comment', col_description(t.oid, a.attnum)) order by a.attnum), '[]')
    from (
      select *, array(
        select c from unnest(t.allowed) with ordinality u(c, n)
        where c <> 'DELETE' and has_column_privilege(t.oid, attnum, c) order by n) as commands
      from pg_catalog.pg_attribute where attrelid = t.oid and attnum > 0 and not attisdropped) a
    where a.commands <> '{}'),
  'policies', (
    select coalesce(jsonb_agg(jsonb_build_object(
        'name', p.polname,
        'command', case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE'
          else 'ALL' end,
        'permissive', p.polpermissive,
        'using', case when p.told then pg_get_expr(p.polqual, t.oid) end,
        'check', case when p.told then pg_get_expr(p.polwithcheck, t.oid) end) order by p.polname), '[]')
    from (
      select *, not exists (
        select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = pol.oid
          and not coalesce(case d.refclassid
            when 'pg_catalog.pg_class'::regclass then case
              when d.refobjsubid = 0 then d.refobjid = t.oid or has_table_privilege(d.refobjid, 'SELECT')
              else has_column_privilege(d.refobjid, d.refobjsubid::int2, 'SELECT') end
            when 'pg_catalog.pg_proc'::regclass then has_function_privilege(d.refobjid, 'EXECUTE')
            else true end, false)) as told
      from pg_catalog.pg_policy pol
      where pol.polrelid = t.oid
        and exists (select from unnest(pol.polroles) r where r = 0 or pg_has_role(r, 'USAGE'))) p)
) as described
from (
  select format('%I.%I', table_schema, table_name) as name, table_type,
    to_regclass(format('%I.%I', table_schema, table_name)) as oid
  from information_schema.tables
  where table_schema not in ('pg_catalog', 'information_schema')
    and has_schema_privilege(table_schema, 'USAGE')
    and strpos(lower(table_schema || '.' || table_name), lower($1)) > 0) u
cross join lateral (
  select u.*, array(
    select c from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) with ordinality v(c, n)
    where exists (
      select from jsonb_array_elements($2::jsonb) s
      where coalesce(to_regclass(s->>'table') = u.oid, s->>'table' is null) and s->'commands' @> to_jsonb(c))
    order by n) as allowed) t
where t.oid is not null and t.allowed <> '{}'
  and (has_any_column_privilege(t.oid, 'SELECT, INSERT, UPDATE') or has_table_privilege(t.oid, 'DELETE'))
order by t.name`

const maxTables = 100

/** What a token allows, as `$2` has it: commands on one table, or on any where none is named. */
function toScopes(narrowing: Narrowing | undefined): readonly { table?: string; commands: readonly string[] }[] {
  const all = narrowing?.access === 'read' ? ['SELECT'] : ['SELECT', 'INSERT', 'UPDATE', 'DELETE']
  if (narrowing?.tables === undefined) return [{ commands: all }]
  return narrowing.tables.map(({ schema, name, commands }) => ({
    table: nameOf({ schema, name }),
    commands: all.filter((command) => commands.some((each) => each.toUpperCase() === command)),
  }))
}

/** Makes it. */
export function createDescribe({ mcpMaxBytes }: ToolSettings): Tool<z.infer<typeof input>> {
  const bounds = { rows: maxTables, bytes: mcpMaxBytes, stops: true }
  return {
    input,
    output,
    about: {
      name: 'describe',
      title: 'See what there is',
      description:
        'Lists the tables and views that this identity may use: columns with types and comments, the commands that are ' +
        'granted, and the row-level security policies that decide which rows there are. What it may not use is not listed.',
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    async call({ matching = '' }, { guest, run }) {
      const scopes = JSON.stringify(toScopes(guest.turn.caller.narrowing))
      const ran = await run({ sql: describeSql, params: [matching, scopes] }, { readOnly: true, own: true, bounds })
      const { answered, body, truncated } = ran
      if (!ran.succeeded) return { answered, result: toRefusal(body) }
      const { sub = '', role = '', tenantId } = guest.turn.caller.who
      const identity = { subject: sub, role, ...(tenantId === undefined ? {} : { tenant: tenantId }) }
      const tables = body.rows.map(([described]: [unknown]) => described)
      return { answered, result: toResult({ identity, tables, truncated }) }
    },
  }
}
