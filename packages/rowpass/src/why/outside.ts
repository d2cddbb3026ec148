/**
 * Functions whose effects no rollback undoes: other servers, files, processes, locks of the session.
 */

/** In the text of a function. */
const bodies = '(dblink|http_|net\\.http|pg_background|lo_export|copy\\s.*\\s(to|from)\\s+program|cron\\.schedule)'

/** PostgreSQL's own, by name. `nextval` and `setval` are left out: they are told of in words. */
const names =
  '^(lo_(import|export)|pg_(terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile|pg_switch_wal|pg_promote' +
  '|pg_create_restore_point|pg_logical_emit_message|pg_file_\\w+|pg_stat_reset\\w*|pg_wal_replay_\\w+' +
  '|pg_(try_)?advisory_(un)?lock\\w*|dblink\\w*)$'

/** Extensions that are written in C for such a purpose. */
const extensions = "('dblink', 'http', 'pg_net', 'pg_background', 'file_fdw', 'adminpack', 'postgres_fdw', 'pg_cron')"

/**
 * SQL that is true for such a function.
 *
 * It goes by language, extension, name and text: a function that calls another one which does it is not found.
 *
 * @param proc alias of pg_proc
 * @param language alias of pg_language
 */
export function outsideSql(proc: string, language: string): string {
  return `(
    ${proc}.proname ~ '${names}'
    or (not ${language}.lanpltrusted and ${language}.lanname not in ('internal', 'c', 'sql'))
    or (${language}.lanname = 'c' and ${proc}.oid >= 16384 and not exists (
          select from pg_depend o join pg_extension x on x.oid = o.refobjid
           where o.classid = 'pg_proc'::regclass and o.objid = ${proc}.oid and o.deptype = 'e'
             and x.extname not in ${extensions}))
    or (${language}.lanname in ('sql', 'plpgsql') and ${proc}.prosrc ~* '${bodies}'))`
}
