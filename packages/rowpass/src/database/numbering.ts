/**
 * Takes over a database whose SQL came in the files `0001` to `0019`, before tables and functions were apart.
 */
import type pg from 'pg'
import { Failure } from '../errors.ts'
import { issuerRoom, platformRooms, readSqlFiles } from './sql-files.ts'

const numbered = [
  '0001_sealed_session.sql',
  '0004_signing_keys.sql',
  '0005_issuer.sql',
  '0006_revocation.sql',
  '0007_seeds.sql',
  '0008_issuer_functions.sql',
  '0010_seal_role.sql',
  '0011_issuer_repairs.sql',
  '0012_issuer_attempts.sql',
  '0013_end_session.sql',
  '0014_claim_casts.sql',
  '0017_forget_person.sql',
  '0018_refuse_ended_session.sql',
  '0019_hardening.sql',
]
/** They were left out where an extension or somebody else has the schema `auth`. */
const optional = [
  '0002_auth_functions.sql',
  '0003_typed_claims.sql',
  '0009_auth_subject.sql',
  '0015_claim_functions.sql',
  '0016_auth_uid.sql',
]
/** The files whose tables those files have made. */
const successors = [
  'database/0001_records.sql',
  'seal/0001_seal.sql',
  'issuer/0001_issuer.sql',
  'issuer/0002_signing_keys.sql',
]

const isNumbered = (name: string): boolean => /^\d{4}_\w+\.sql$/.test(name)

/** Whether files of the old numbering are among those that were applied. */
export function wasNumbered(applied: readonly string[]): boolean {
  return applied.some(isNumbered)
}

/**
 * Records the tables of the old numbering as those of today, which they are: nothing is moved. Functions are not recorded,
 * so each is replaced.
 *
 * @param client in the transaction that then applies the files
 * @throws Failure `database_newer` when there is a file that we do not know
 * @throws Failure `migration_failed` when the last of them were not applied
 */
export async function adoptNumbering(client: pg.ClientBase, sqlRoot?: string): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select name from rowpass.migrations')
  const applied = rows.map(({ name }) => name).filter(isNumbered)
  if (applied.length === 0) return
  const unknown = applied.find((name) => !numbered.includes(name) && !optional.includes(name))
  if (unknown !== undefined) throw newer(`it has ${unknown}`)
  const missing = numbered.find((name) => !applied.includes(name))
  if (missing !== undefined) {
    const detail = `this database has the SQL of before ${missing}: run "rowpass db migrate" of the last version with ${numbered.at(-1)} first`
    throw new Failure('migration_failed', { detail })
  }
  await client.query('delete from rowpass.migrations where name = any($1)', [applied])
  for (const { name, sha256 } of readSqlFiles([...platformRooms, issuerRoom], sqlRoot)) {
    if (!successors.includes(name)) continue
    await client.query('insert into rowpass.migrations (name, sha256) values ($1, $2)', [name, sha256])
  }
}

/** @param found what tells that it is newer */
export function newer(found: string): Failure {
  const detail = `${found}. Nothing was changed; use the version that has run "rowpass db migrate" here last, or a later one`
  return new Failure('database_newer', { detail })
}
