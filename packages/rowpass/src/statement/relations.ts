/**
 * System relations by name: which may be read. An allow-list, so that views of sessions, statistics and secrets that a
 * later PostgreSQL brings stay closed. None may be written: updating `pg_settings` is `set_config` by another name.
 */

/**
 * Catalogs and views of `pg_catalog` that describe the schema and the caller's own session. Not `pg_class`: it counts the
 * rows and the pages of each table, and there are too many ways to read one column to close one.
 */
const readable = new Set(
  (
    'pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_available_extension_versions ' +
    'pg_available_extensions pg_cast pg_collation pg_constraint pg_conversion pg_database pg_default_acl ' +
    'pg_depend pg_description pg_enum pg_event_trigger pg_extension ' +
    'pg_index pg_indexes pg_inherits pg_init_privs pg_language pg_matviews pg_namespace pg_opclass ' +
    'pg_operator pg_opfamily pg_partitioned_table pg_policies pg_policy pg_proc pg_publication ' +
    'pg_publication_namespace pg_publication_rel pg_publication_tables pg_range pg_rewrite pg_rules ' +
    'pg_sequence pg_settings pg_shdepend pg_shdescription pg_statistic_ext ' +
    'pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger pg_ts_config ' +
    'pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_views'
  ).split(' '),
)

const statistics = /^pg_stat(_|s$|s_|io_|$)/

/** What to do instead of reading a closed relation. */
export function insteadOfReading(name: string): string {
  return name === 'pg_class' || statistics.test(name)
    ? 'It counts rows that the policies hide. Use information_schema.tables, and SELECT count(*), which obeys them.'
    : 'Use a login of your own.'
}

/** What a name in FROM or after INSERT INTO stands for. */
export type RelationKind = 'user' | 'readable' | 'closed'

/**
 * Tells system relations from the application's.
 *
 * An unqualified `pg_…` counts as a system relation even where a CTE or an application's table has that name:
 * PostgreSQL looks into `pg_catalog` first. Statistics views of extensions are closed in every schema.
 */
export function relationKind(schema: string | undefined, name: string): RelationKind {
  if (statistics.test(name)) return 'closed'
  if (schema === 'information_schema') return 'readable'
  if (schema === undefined ? name.startsWith('pg_') : schema === 'pg_catalog') {
    return readable.has(name) ? 'readable' : 'closed'
  }
  return schema?.startsWith('pg_') ? 'closed' : 'user'
}
