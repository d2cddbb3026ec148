/**
 * What is installed in a database, written down as SQL: packages/rowpass/test/database/snapshot.sql. `npm run sql:snapshot` writes that file,
 * and raises the revision where the SQL has changed since; a test compares it.
 */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { makeScratch } from '../bench/scratch.ts'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { createLocalDatabase } from '../packages/local/src/postgres/local-database.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { provision } from '../packages/rowpass/src/database/provision.ts'
import { countChangesSql } from '../packages/rowpass/src/database/schema-changes.ts'
import {
  issuerRoom,
  platformRooms,
  readRevision,
  readSql,
  readSqlFiles,
  sqlRoot,
} from '../packages/rowpass/src/database/sql-files.ts'

const snapshotFile = fileURLToPath(new URL('../packages/rowpass/test/database/snapshot.sql', import.meta.url))

/** The snapshot as it lies in git. */
export function readSnapshot(): string {
  return readFileSync(snapshotFile, 'utf8').replaceAll('\r\n', '\n')
}

/** The first lines of the snapshot: what it was made of. */
export function snapshotHeader(): string {
  return `-- What "rowpass db migrate" and "rowpass db harden" install, by revision ${readRevision()} of the SQL, whose SHA-256 is
-- ${digestOfSql()}
-- "npm run sql:snapshot" writes this file. Rights are those of others than the owner.

`
}

/** Everything in our schemas, in the words of the server; PostgreSQL 15 to 18 use the same. */
export async function dumpInstalled(client: pg.ClientBase): Promise<string> {
  const statements: string[] = []
  for (const sql of [schemasSql, tablesSql, functionsSql, eventTriggersSql]) {
    const { rows } = await client.query<{ sql: string }>(sql)
    statements.push(...rows.map((row) => `${row.sql}\n`))
  }
  return statements.join('\n')
}

/** Of all SQL but the revision. */
function digestOfSql(): string {
  const hash = createHash('sha256').update(readSql('database', 'schema_changes'))
  for (const { name, sql } of readSqlFiles([...platformRooms, issuerRoom])) {
    if (name !== 'database/revision.sql') hash.update(name).update(sql)
  }
  return hash.digest('hex')
}

const ours = "('rowpass', 'auth', 'issuer', 'rowpass_ddl')"

/** Lines `grant … on … to …;` of an object; what PostgreSQL gives to PUBLIC by itself is among them. */
const grants = (what: string, name: string, list: string, kind: string, owner: string) => `
  coalesce((select string_agg(e'\\n' || format('grant %s on ${what} %s to %s;', rights, ${name}, role), '' order by role)
    from (select string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as rights,
                 case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end as role
            from aclexplode(coalesce(${list}, acldefault('${kind}', ${owner}))) a
           where a.grantee <> ${owner} group by a.grantee) as granted), '')`

const schemasSql = `
  select 'create schema ' || nspname || ';' || ${grants('schema', 'nspname', 'nspacl', 'n', 'nspowner')} as sql
    from pg_namespace where nspname in ${ours} order by nspname`

const columnsSql = `
  (select string_agg('  ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
       || case when a.attnotnull then ' not null' else '' end
       || case when a.attidentity = 'a' then ' generated always as identity' else '' end
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''), e',\\n' order by a.attnum)
     from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)`

// PostgreSQL 18 keeps NOT NULL as constraints too.
const constraintsSql = `
  coalesce((select string_agg(e',\\n  constraint ' || conname || ' ' || pg_get_constraintdef(oid), '' order by conname)
     from pg_constraint where conrelid = c.oid and contype in ('p', 'u', 'c', 'f')), '')`

const indexesSql = `
  coalesce((select string_agg(e'\\n' || pg_get_indexdef(i.indexrelid) || ';', '' order by i.indexrelid::regclass::text)
     from pg_index i where i.indrelid = c.oid
      and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = c.oid)), '')`

const triggersSql = `
  coalesce((select string_agg(e'\\n' || pg_get_triggerdef(t.oid) || ';', '' order by t.tgname)
     from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal), '')`

const tablesSql = `
  select 'create ' || case c.relpersistence when 'u' then 'unlogged ' else '' end || 'table ' || c.oid::regclass
         || e' (\\n' || ${columnsSql} || ${constraintsSql} || e'\\n);' || ${indexesSql} || ${triggersSql}
         || ${grants('table', 'c.oid::regclass', 'c.relacl', 'r', 'c.relowner')} as sql
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ${ours} and c.relkind = 'r' order by n.nspname, c.relname`

const functionsSql = `
  select rtrim(pg_get_functiondef(p.oid), e'\\n') || ';'
         || ${grants('function', 'p.oid::regprocedure', 'p.proacl', 'f', 'p.proowner')} as sql
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where n.nspname in ${ours} order by n.nspname, p.proname, p.oid::regprocedure::text`

const eventTriggersSql = `
  select format('create event trigger %s on %s execute function %s(); -- %s', evtname, evtevent, evtfoid::regproc,
                case evtenabled when 'A' then 'enabled always' else evtenabled::text end) as sql
    from pg_event_trigger where evtfoid::regproc::text like 'rowpass%' order by evtname`

async function writeSnapshot(): Promise<void> {
  if (!readSnapshot().startsWith(snapshotHeader())) raiseRevision()
  const directory = makeScratch()
  const server = await startEmbeddedPostgres({ directory, durable: false })
  try {
    const ownerUrl = await createLocalDatabase(server.superuserUrl, 'owner-of-a-throw-away-database')
    await provision({ ownerUrl, withIssuer: true })
    const superuserUrl = new URL(new URL(ownerUrl).pathname, server.superuserUrl).href
    const text = await withConnection(superuserUrl, async (client) => {
      await client.query(countChangesSql)
      return dumpInstalled(client)
    })
    writeFileSync(snapshotFile, snapshotHeader() + text)
  } finally {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

function raiseRevision(): void {
  const file = join(sqlRoot, 'database/sql/revision.sql')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^ {2}return \d+;$/m, `  return ${readRevision() + 1};`))
}

if (process.argv[1] === import.meta.filename) await writeSnapshot()
