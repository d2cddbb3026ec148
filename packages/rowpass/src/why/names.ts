/**
 * Finds the relations that a statement names, as PostgreSQL would for one role.
 */
import type pg from 'pg'
import type { Use } from './usage.ts'

/** Where a name leads. */
export type Resolution =
  | { readonly kind: 'found'; readonly oid: number }
  /** There is one, in a schema that the role may not use: PostgreSQL says that it does not exist. */
  | { readonly kind: 'closed'; readonly oid: number; readonly schema: string }
  /** There is none on the search path; `elsewhere` are the schemas that have one. */
  | { readonly kind: 'missing'; readonly elsewhere: readonly string[] }

/**
 * Finds the relation of each use as the role would, on its own search path.
 *
 * A schema on the path that the role may not use is passed over, as PostgreSQL does.
 *
 * @param role that exists
 */
export async function resolveUses(
  client: pg.ClientBase,
  uses: readonly Use[],
  role: string,
): Promise<ReadonlyMap<Use, Resolution>> {
  const { rows: paths } = await client.query<{ path: string }>("select current_setting('search_path') as path")
  const path = ['pg_catalog', ...parseSearchPath(paths[0]?.path ?? '', role)]
  const { rows } = await client.query<{ oid: number; name: string; schema: string; usage: boolean }>(
    `select c.oid::int8::float8 as oid, c.relname::text as name, n.nspname::text as schema,
            pg_catalog.has_schema_privilege($2::name, n.oid, 'USAGE') as usage
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') order by n.nspname`,
    [uses.map(({ name }) => name), role],
  )
  return new Map(uses.map((use) => [use, choose(use)]))

  function choose(use: Use): Resolution {
    const named = rows.filter(({ name }) => name === use.name)
    const near = use.schema === undefined ? path : [use.schema]
    const inOrder = near.flatMap((schema) => named.filter((row) => row.schema === schema))
    const usable = inOrder.find(({ usage }) => usage)
    if (usable !== undefined) return { kind: 'found', oid: usable.oid }
    const [closed] = inOrder
    if (closed !== undefined) return { kind: 'closed', oid: closed.oid, schema: closed.schema }
    return { kind: 'missing', elsewhere: named.map(({ schema }) => schema) }
  }
}

/** The schemas of a `search_path`, in order; `"$user"` is the role. */
function parseSearchPath(text: string, role: string): string[] {
  const names = [...text.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '').toLowerCase() : quoted.replaceAll('""', '"'),
  )
  return names.map((name) => (name === '$user' ? role : name)).filter((name) => name !== '')
}
