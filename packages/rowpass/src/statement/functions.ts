/**
 * Functions by name: those no token holder may call, and the volatile ones that were reviewed and are harmless.
 * Every other volatile function of PostgreSQL itself is refused; see `facts.ts` for how functions of others are graded.
 */

/** What to do instead of asking for statistics, sizes and the like. */
const hiddenRowsToo = 'It tells of rows that the policies hide. Count with SELECT count(*), which obeys them.'

/** Names that are refused in every schema, known or not; `*` at the end stands for any ending. Second: what to do instead. */
const refusedFunctions: readonly (readonly [names: string, instead: string])[] = [
  [
    'set_config setseed isn_weak jwt_session_init admit_identity',
    'Settings of the session belong to the gateway; the identity comes from the token.',
  ],
  ['pg_sleep*', 'Wait in the application.'],
  [
    'query_to_xml* table_to_xml* schema_to_xml* database_to_xml* cursor_to_xml* ts_stat ts_rewrite dblink* ' +
      'postgres_fdw_* run_command_on_*',
    'Send the inner query as a statement of its own.',
  ],
  ['crosstab*', 'Pivot with aggregates: sum(v) filter (where k = …).'],
  ['connectby*', 'Use WITH RECURSIVE.'],
  ['xpath_table', 'Use XMLTABLE.'],
  [
    'pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size pg_database_size pg_tablespace_size ' +
      'pg_sequence_last_value pg_get_sequence_data pg_column_toast_chunk_id ' +
      // PostGIS: what a column spans, by its statistics or its index.
      'st_estimatedextent st_estimated_extent _postgis_stats _postgis_selectivity _postgis_join_selectivity ' +
      '_postgis_index_extent ' +
      // TimescaleDB and Citus.
      'approximate_row_count hypertable_size hypertable_detailed_size hypertable_index_size hypertable_approximate_* ' +
      'hypertable_compression_stats hypertable_columnstore_stats chunk_compression_stats chunk_columnstore_stats ' +
      'chunks_detailed_size show_chunks citus_*',
    hiddenRowsToo,
  ],
  ['lo_* loread lowrite', 'Keep large values in a bytea column.'],
  [
    'pg_advisory_* pg_try_advisory_*',
    'Its keys, and the memory for locks, belong to everybody in this database. Lock rows with SELECT … FOR UPDATE in a ' +
      'transaction, or call a function of the owner that makes the key.',
  ],
  ['currval lastval setval', 'Use RETURNING to read the values of new rows.'],
  ['pg_notify', 'Notify from a trigger, or with a login of your own.'],
  [
    'pg_stat_* pg_lock_status pg_blocking_pids pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked ' +
      'pg_prepared_* pg_cursor pg_get_backend_memory_contexts pg_get_replication_slots pg_listening_channels',
    'Watch sessions with a login of your own.',
  ],
  [
    'pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile* pg_promote pg_switch_wal pg_switch_xlog ' +
      'pg_backup_* pg_start_backup pg_stop_backup pg_wal_replay_* pg_log_* pg_read_* pg_ls_* pg_file_* pg_logdir_ls ' +
      'pg_logical_* pg_replication_* pg_create_* pg_drop_* pg_copy_* pg_sync_* pg_export_snapshot ' +
      'pg_import_system_collations pg_restore_* pg_clear_* pg_extension_config_dump binary_upgrade_*',
    'Administer the server with a login of your own.',
  ],
]

/** For a volatile function of PostgreSQL that was not reviewed as harmless. */
export const unreviewedFunction = 'It can read or change more than rows. Call it with a login of your own.'

/** Volatile functions of PostgreSQL that neither read nor leave anything in a session that others could see. */
const harmlessFunctions = new Set(
  (
    'clock_timestamp timeofday random random_normal gen_random_uuid uuidv4 uuidv7 array_shuffle array_sample ' +
    'nextval pg_is_in_recovery'
  ).split(' '),
)

/** The same for extensions that PostgreSQL ships. */
const harmlessExtensionFunctions: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    pgcrypto:
      'gen_random_uuid gen_random_bytes gen_salt pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea',
    'uuid-ossp': 'uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4',
    tablefunc: 'normal_rand',
  }).map(([extension, names]) => [extension, new Set(names.split(' '))]),
)

/**
 * Extensions that reach the network, files, pages, statistics, other sessions or a second SQL text: no function and no
 * relation of theirs is allowed, in whichever schema.
 */
const refusedExtensions = new Set(
  (
    'adminpack amcheck citus_columnar dblink file_fdw http hypopg old_snapshot pageinspect pg_background pg_buffercache ' +
    'pg_cron pg_dirtyread pg_freespacemap pg_logicalinspect pg_net pg_prewarm pg_qualstats pg_show_plans ' +
    'pg_stat_kcache pg_stat_monitor pg_stat_statements pg_surgery pg_visibility pg_wait_sampling pg_walinspect ' +
    'pgrowlocks pgstattuple plproxy postgres_fdw'
  ).split(' '),
)

const refusedByName = new Map<string, string>()
const refusedByPrefix: [prefix: string, instead: string][] = []
for (const [names, instead] of refusedFunctions) {
  for (const name of names.split(' ')) {
    if (name.endsWith('*')) refusedByPrefix.push([name.slice(0, -1), instead])
    else refusedByName.set(name, instead)
  }
}

/** What to do instead of calling a refused function; undefined for one that is not refused by its name. */
export function findRefusedFunction(name: string): string | undefined {
  return refusedByName.get(name) ?? refusedByPrefix.find(([prefix]) => name.startsWith(prefix))?.[1]
}

/** Whether a volatile function was reviewed as harmless; `extension` is undefined for one of PostgreSQL itself. */
export function isHarmlessFunction(name: string, extension?: string): boolean {
  const names = extension === undefined ? harmlessFunctions : harmlessExtensionFunctions.get(extension)
  return names?.has(name) === true
}

/** Whether no function of an extension may be called, and no relation read. */
export function isRefusedExtension(extension: string): boolean {
  return refusedExtensions.has(extension)
}

/** Whether calling a function changes data even though the statement reads: `nextval` is not undone by a rollback. */
export function isWritingFunction(name: string): boolean {
  return name === 'nextval'
}
