/**
 * Runs scripts in a database that is thrown away afterwards.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { fieldsOf, listOf, nodeOf, typed } from '../access/tree.ts'
import { sqlstateOf } from '../database/connect.ts'
import { applyPlatform } from '../database/platform.ts'
import { issuerRole, requestRoles } from '../database/roles.ts'
import { Failure } from '../errors.ts'
import { loadParser, type Parser, type TreeNode } from '../statement/parser.ts'
import { cutScript, type ScriptStatement } from './script.ts'
import type { Script } from './sources.ts'
import { extensionStubs, type Platform, supabase } from './stubs.ts'
import { rolesNeeded, type Treatment, treat } from './treatment.ts'

/** What came of it, besides the contents of the database. */
export interface LoadReport {
  /** What was made up, since the scripts take it for granted: one phrase each. */
  readonly stubbed: readonly string[]
  /** Statements that did not run, with their places and why. */
  readonly left: readonly string[]
  /** Statements that would have changed roles of another state as well, with their places. */
  readonly ofRoles: readonly string[]
}

/** One run of scripts; several may follow each other in one database. */
export interface Loader {
  /**
   * Runs scripts, one after the other, each statement by itself.
   *
   * @param options.keepRoles leaves roles that there are as they are, since another state is made with them. Default false
   * @throws Failure `script_failed` with the place and PostgreSQL's words
   * @throws Failure `input_invalid` see `cutScript`
   */
  run(client: pg.ClientBase, scripts: readonly Script[], options?: { keepRoles?: boolean }): Promise<void>
  report(): LoadReport
}

const maxBytesToParse = 1_000_000
const maxLeft = 40
/** The path is that of Supabase: what lies in `extensions` is found without its schema. */
const settings =
  'set statement_timeout = 300000; set client_min_messages = error; set search_path = "$user", public, extensions'

/**
 * Makes a loader.
 *
 * Roles that scripts name and that the server has not got are made, and so are those that scripts make: `made` gets the name
 * of each, as the server has them for all its databases. Roles that are there already are used and not changed.
 *
 * Statements run as the login: a script can do whatever it may do. Does NOT run what is about more than the database, or
 * reads and writes files of the server; `report` says what.
 *
 * @param made roles made so far, which go with the database
 * @param options.isFresh whether the database is empty and has nothing of a platform yet
 */
export async function createLoader(made: Set<string>, { isFresh }: { isFresh: boolean }): Promise<Loader> {
  const parser = await loadParser()
  const stubbed: string[] = []
  const left: string[] = []
  const ofRoles: string[] = []
  const missing = new Set<string>()
  const cutTypes = new Set<string>()
  let roles: Set<string> = new Set()

  return {
    async run(client, scripts, { keepRoles = false } = {}) {
      await client.query(settings)
      roles = await readRoles(client)
      if (isFresh) await prepare(client, scripts)
      for (const script of scripts) {
        await client.query('discard all')
        await client.query(settings)
        for (const statement of cutScript(script.text, script.name)) await runOne(client, script, statement, keepRoles)
      }
      await client.query('discard all')
    },
    report: () => ({
      stubbed: [...(missing.size === 0 ? [] : [`the roles ${[...missing].join(', ')}`]), ...stubbed],
      left: left.length > maxLeft ? [...left.slice(0, maxLeft), `and ${left.length - maxLeft} more`] : left,
      ofRoles,
    }),
  }

  async function prepare(client: pg.ClientBase, scripts: readonly Script[]): Promise<void> {
    const { rows } = await client.query<{ name: string }>('select nspname as name from pg_namespace')
    const has = (schema: string) => rows.some(({ name }) => name === schema)
    const text = scripts.map((script) => script.text).join('\n')
    const makesAuth = /create\s+schema\s+(?:if\s+not\s+exists\s+)?"?auth"?\s*(?:;|authorization)/i.test(text)
    if (/\bauth\.(?:session|user_id|claim\w*)\s*\(|\browpass\.\w/.test(text) && !makesAuth && !has('rowpass')) {
      for (const name of requestRoles) await makeRole(client, name, 'nologin')
      await makeRole(client, issuerRole, 'login')
      await applyPlatform(client, { withIssuer: false })
      // Whoever is tried in here is sealed for it. Pads of no key will do: nothing else ever has to seal the same.
      const pads = [randomBytes(64), randomBytes(64)]
      await client.query(`insert into rowpass.seal_keys (name, inner_pad, outer_pad) values ('scratch', $1, $2)`, pads)
      stubbed.push("Rowpass's own schemas, with a seal key of this run")
    } else if (
      /\bto\s+"?(?:anon|service_role)\b|\bauth\.(?:uid|jwt|role|email|users)\b|\bstorage\.objects\b/i.test(text)
    ) {
      if (makesAuth) for (const role of supabase.roles) await makeRole(client, role.name, role.with, missing)
      else if (!has('auth')) await installPlatform(client, supabase)
    }
    // As Supabase has it: what lies in `extensions` is found without its schema.
    await client.query(
      `do $$ begin execute format('alter database %I set search_path = "$user", public, extensions', current_database()); end $$`,
    )
  }

  async function installPlatform(client: pg.ClientBase, platform: Platform): Promise<void> {
    for (const role of platform.roles) await makeRole(client, role.name, role.with)
    if (made.has('authenticator')) await client.query('grant anon, authenticated, service_role to authenticator')
    await client.query(platform.sql)
    stubbed.push(platform.says)
  }

  async function makeRole(client: pg.ClientBase, name: string, options: string, into?: Set<string>): Promise<void> {
    if (roles.has(name)) return
    try {
      await client.query(`create role ${pg.escapeIdentifier(name)} ${options}`)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== '42501') throw error
      const detail = `create the role ${name}: ${error.message}`
      throw new Failure('owner_powerless', { detail, cause: error })
    }
    roles.add(name)
    made.add(name)
    into?.add(name)
  }

  async function runOne(
    client: pg.ClientBase,
    script: Script,
    statement: ScriptStatement,
    keepRoles: boolean,
  ): Promise<void> {
    const place = `${script.name}:${statement.line}`
    const tree = parseOne(parser, statement.sql)
    const treatment = treat(tree, statement.sql, { roles, made })
    const leave = (why: string): void => void left.push(`${place} ${titleOf(statement.sql)}: ${why}`)
    const [type, fields] = typed(tree) ?? ['', {}]
    if (keepRoles && changesRoles(type, fields)) {
      if (!(await keepsRoles(client, statement.sql))) ofRoles.push(`${place} ${titleOf(statement.sql)}`)
      return
    }
    if (treatment.kind === 'passed') return
    if (treatment.kind === 'left') return leave(treatment.why)
    const isMakingRole = type === 'CreateRoleStmt'
    for (const role of rolesNeeded(tree)) {
      if (role.startsWith('pg_')) continue
      await makeRole(client, role, 'nologin', missing)
    }
    const sql = toRun(treatment, statement)
    try {
      await execute(client, sql, statement.data, mayMakeRoles(type)).catch(async (error: unknown) => {
        const owner = newOwner(type, fields)
        if (owner === undefined || sqlstateOf(error) !== '42501') throw error
        await asCreator(client, owner, () => client.query(sql))
      })
      if (isMakingRole) note(String(fields.role))
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error
      if (await excuse(client, { type, fields, error, leave })) return
      throw failed(script, statement, error)
    }
  }

  function toRun(treatment: Extract<Treatment, { kind: 'run' }>, statement: ScriptStatement): string {
    const sql = treatment.sql ?? statement.sql
    if (cutTypes.size === 0) return sql
    return sql.replace(new RegExp(`\\b(${[...cutTypes].join('|')})(\\s*)\\([^()]*\\)`, 'gi'), '$1$2')
  }

  /** Whether a statement that failed is left out, or has been replaced. */
  async function excuse(client: pg.ClientBase, { type, fields, error, leave }: Failing): Promise<boolean> {
    const { code = '', message } = error
    if (type === 'CreateExtensionStmt') {
      await stubExtension(client, String(fields.extname), schemaOf(fields))
      return true
    }
    if (type === 'CreateSchemaStmt' && code === '42P06') return true
    if (type === 'CreateRoleStmt' && code === '42501') {
      await makeRole(client, String(fields.role), 'nologin')
      leave(`${message}; the role was made without that`)
      return true
    }
    const isMinor =
      (type === 'VariableSetStmt' && ['42704', '42501', '22023'].includes(code)) ||
      // An index is no matter of who sees what.
      (type === 'IndexStmt' && ['42704', '42883', '0A000'].includes(code)) ||
      (code === '42501' && /^(Create|Alter)(Publication|Fdw|ForeignServer)Stmt$|^GrantRoleStmt$/.test(type)) ||
      (type === 'CommentStmt' && ['42704', '42501', '42883'].includes(code)) ||
      (type === 'AlterExtensionStmt' && code === '42704') ||
      (type === 'AlterObjectSchemaStmt' && fields.objectType === 'OBJECT_EXTENSION')
    if (isMinor) leave(message)
    return isMinor
  }

  async function stubExtension(client: pg.ClientBase, name: string, schema: string | undefined): Promise<void> {
    const stub = extensionStubs[name]
    const target = schema ?? 'public'
    const words = `the extension ${name}${stub === undefined ? ', of which nothing is there' : ''}`
    if (stubbed.includes(words)) return
    stubbed.push(words)
    await client.query(`create schema if not exists ${pg.escapeIdentifier(target)}`)
    if (stub === undefined) return
    await client.query(stub.sql.replaceAll('%s', pg.escapeIdentifier(target)))
    for (const type of stub.types) cutTypes.add(type)
  }

  /**
   * Runs one statement. What calls functions may make roles: the one transaction sees the roles of its start and its own,
   * and never those that somebody else makes meanwhile.
   */
  async function execute(
    client: pg.ClientBase,
    sql: string,
    data: string | undefined,
    watched: boolean,
  ): Promise<void> {
    if (data !== undefined) return copyIn(client, sql, data)
    if (!watched) return void (await client.query(sql))
    await client.query('begin isolation level repeatable read')
    try {
      await client.query('select 1 from pg_roles limit 1')
      await client.query(sql)
      for (const name of await readRoles(client)) if (!roles.has(name)) note(name)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  }

  function note(role: string): void {
    roles.add(role)
    made.add(role)
  }
}

/** What changes roles that there are, and their memberships. */
function changesRoles(type: string, { renameType }: TreeNode): boolean {
  return /^(AlterRole|AlterRoleSet|GrantRole|DropRole)Stmt$/.test(type) || renameType === 'OBJECT_ROLE'
}

/** Runs a statement for a trial: whether roles and memberships would be as they were. Nothing of it stays. */
async function keepsRoles(client: pg.ClientBase, sql: string): Promise<boolean> {
  const look = async (): Promise<string> => {
    const { rows } = await client.query<{ all: string }>(
      `select (select jsonb_agg(to_jsonb(r) - 'rolpassword' order by r.oid) from pg_roles r)::text ||
              coalesce((select jsonb_agg(to_jsonb(m) - 'oid' order by m.roleid, m.member) from pg_auth_members m)::text, '') ||
              coalesce((select jsonb_agg(to_jsonb(s)) from pg_db_role_setting s where setdatabase = 0)::text, '') as all`,
    )
    return rows[0]?.all ?? ''
  }
  await client.query('begin')
  try {
    const before = await look()
    await client.query(sql)
    const isSame = (await look()) === before
    await client.query('rollback')
    return isSame
  } catch (error) {
    await client.query('rollback')
    // What the login may not try counts as a change.
    if (error instanceof pg.DatabaseError) return false
    throw error
  }
}

interface Failing {
  readonly type: string
  readonly fields: TreeNode
  readonly error: pg.DatabaseError
  readonly leave: (why: string) => void
}

/**
 * An owner has to be allowed to make what it gets, unless a superuser gives it: for the moment it is.
 */
async function asCreator(client: pg.ClientBase, role: string, work: () => Promise<unknown>): Promise<void> {
  const { rows } = await client.query<{ place: string }>(
    `select format('schema %I', nspname) as place from pg_namespace
      where nspname !~ '^pg_' and nspname <> 'information_schema' and not has_schema_privilege($1, oid, 'CREATE')
     union all select format('database %I', current_database())
      where not has_database_privilege($1, current_database(), 'CREATE')`,
    [role],
  )
  const name = pg.escapeIdentifier(role)
  for (const { place } of rows) await client.query(`grant create on ${place} to ${name}`)
  await work()
  for (const { place } of rows) await client.query(`revoke create on ${place} from ${name}`)
}

/** The role that a statement gives something to. */
function newOwner(type: string, fields: TreeNode): string | undefined {
  const given =
    type === 'AlterTableStmt'
      ? listOf(fields.cmds).map((each) => fieldsOf(each, 'AlterTableCmd')?.newowner)
      : type === 'AlterOwnerStmt'
        ? [fields.newowner]
        : type === 'CreateSchemaStmt'
          ? [fields.authrole]
          : []
  return given.flatMap((each) => rolesNeeded(nodeOf(each)))[0]
}

async function readRoles(client: pg.ClientBase): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>('select rolname as name from pg_roles')
  return new Set(rows.map(({ name }) => name))
}

/** DO blocks make roles where there are none yet; `select f()` may. */
function mayMakeRoles(type: string): boolean {
  return type === 'DoStmt' || type === 'CallStmt'
}

function parseOne(parser: Parser, sql: string): TreeNode | undefined {
  if (sql.length > maxBytesToParse) return undefined
  const parsed = parser.parse(sql)
  return parsed.kind === 'tree' ? parsed.statements[0] : undefined
}

function schemaOf(fields: TreeNode): string | undefined {
  const options = Array.isArray(fields.options) ? fields.options : []
  for (const option of options) {
    const [, { defname, arg } = {} as TreeNode] = typed(option) ?? []
    const [, name] = typed(arg) ?? []
    if (defname === 'schema' && typeof name?.sval === 'string') return name.sval
  }
  return undefined
}

/** The first words of a statement, for a list. */
function titleOf(sql: string): string {
  const words = sql.replaceAll(/\s+/g, ' ').split(' ', 6).join(' ')
  return words.length > 60 ? `${words.slice(0, 59)}…` : words
}

function failed(script: Script, statement: ScriptStatement, error: pg.DatabaseError): Failure {
  const before = statement.sql.slice(0, Number(error.position ?? 1) - 1)
  const line = statement.line + before.split('\n').length - 1
  const detail = `${script.name}:${line}: ${error.message} (${error.code})`
  return new Failure('script_failed', { detail, cause: error })
}

/** The part of the driver's query that its types do not say. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

async function copyIn(client: pg.ClientBase, sql: string, data: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const query = new pg.Query(sql)
    const sends = {
      callback: (error: Error | null) => (error ? reject(error) : resolve()),
      handleCopyInResponse(connection: CopyConnection): void {
        connection.sendCopyFromChunk(Buffer.from(data))
        connection.endCopyFrom()
      },
    }
    client.query(Object.assign(query, sends))
  })
}
