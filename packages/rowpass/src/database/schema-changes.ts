/**
 * Has a database count the transactions that change its schema, so that no gateway binds a parameter by a type from before.
 */
import type pg from 'pg'
import { changeTriggers } from '../postgres/schema-version.ts'
import { readSql } from './sql-files.ts'

const setUp = readSql('database', 'schema_changes')
/** As `pg_proc.prosrc` has it. */
const countChange = /\bas \$\$(.*)\$\$/s.exec(setUp)?.[1]

/** Undoes {@link countChangesSql}. */
export const stopCountingSql = [
  ...Object.values(changeTriggers).map((name) => `drop event trigger if exists ${name}`),
  'drop schema if exists rowpass_ddl cascade',
].join('; ')

/** Has the database count, anew where half of it was there, as after a restore without event triggers. */
export const countChangesSql = `${stopCountingSql};\n${setUp}`

/** Whether a database counts, in the way of this version. */
export async function countsChanges(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ counts: boolean }>(
    `select count(*) = 2 and to_regclass('rowpass_ddl.changes') is not null as counts
       from pg_event_trigger e join pg_proc p on p.oid = e.evtfoid
      where e.evtname in ($1, $2) and e.evtenabled = 'A' and p.prosrc = $3`,
    [changeTriggers.end, changeTriggers.drop, countChange],
  )
  return rows[0]?.counts === true
}
