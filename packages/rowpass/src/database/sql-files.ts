/**
 * The SQL that Rowpass installs, as it lies in `<room>/sql` of each room.
 *
 * Tables are in numbered files, which run once and in order. Functions are in files of the other kind: each is the whole
 * of what it names, and runs again when it has changed.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the rooms lie. */
export const sqlRoot = fileURLToPath(new URL('../', import.meta.url))

/** A folder of SQL. */
export interface SqlRoom {
  readonly name: string
  /** Names of the files of functions, each after those that it needs. */
  readonly functions: readonly string[]
}

/** What the gateway needs, in the order in which it is installed. */
export const platformRooms: readonly SqlRoom[] = [
  { name: 'database', functions: ['revision'] },
  {
    name: 'seal',
    functions: ['casts', 'claims', 'identities', 'auth', 'typed_claims', 'agents', 'revocation', 'gateway_contracts'],
  },
]

/** What our own issuer needs besides. */
export const issuerRoom: SqlRoom = {
  name: 'issuer',
  functions: ['signing_keys', 'sessions', 'attempts', 'clients', 'accounts', 'invites'],
}

/** One file. */
export interface SqlFile {
  /** `<room>/<file>`, as it is recorded. */
  readonly name: string
  readonly sql: string
  readonly sha256: string
  /** Whether it is numbered: it runs once, and never changes. */
  readonly numbered: boolean
  /** Not applied while this extension is installed: the line `-- unless-extension: <name>`. */
  readonly unlessExtension: string | undefined
  /** Not applied while the owner may not create in this schema: the line `-- needs-create-in: <name>`. */
  readonly needsCreateIn: string | undefined
}

/** The files of rooms, all tables before all functions. */
export function readSqlFiles(rooms: readonly SqlRoom[], root: string = sqlRoot): SqlFile[] {
  const tables = rooms.flatMap(({ name }) => {
    const files = readdirSync(join(root, name, 'sql')).filter((file) => /^\d{4}_\w+\.sql$/.test(file))
    return files.sort().map((file) => readSqlFile(name, file.slice(0, -4), root))
  })
  const functions = rooms.flatMap(({ name, functions }) => functions.map((file) => readSqlFile(name, file, root)))
  return [...tables, ...functions]
}

/** The text of one file. */
export function readSql(room: string, name: string, root: string = sqlRoot): string {
  // A checkout on Windows may turn line ends into CRLF; that is not a change.
  return readFileSync(join(root, room, 'sql', `${name}.sql`), 'utf8').replaceAll('\r\n', '\n')
}

/** The state that the files make, as a number that grows; see `database/sql/revision.sql`. */
export function readRevision(root: string = sqlRoot): number {
  return Number(/^ {2}return (\d+);$/m.exec(readSql('database', 'revision', root))?.[1])
}

function readSqlFile(room: string, name: string, root: string): SqlFile {
  const sql = readSql(room, name, root)
  return {
    name: `${room}/${name}.sql`,
    sql,
    sha256: createHash('sha256').update(sql).digest('hex'),
    numbered: /^\d/.test(name),
    unlessExtension: /^-- unless-extension: (\w+)/m.exec(sql)?.[1],
    needsCreateIn: /^-- needs-create-in: (\w+)/m.exec(sql)?.[1],
  }
}
