/**
 * Which triggers and defaults a write would run, and whether a rollback undoes all that they do.
 *
 * Judged from the text of the function, on the safe side: what is not known to be harmless is not run.
 */
import type pg from 'pg'
import { findRefusedFunction, isHarmlessFunction } from '../statement/functions.ts'
import type { Column, Table } from './catalog.ts'
import type { Command } from './cell.ts'

/** A trigger that a write on a table would fire, and what speaks against firing it; undefined where nothing does. */
export interface Trigger {
  readonly name: string
  readonly commands: readonly Command[]
  /** `before` and `instead` run before the policies are asked. */
  readonly when: 'before' | 'after' | 'instead'
  readonly level: 'row' | 'statement'
  readonly against: string | undefined
}

/** What is known of triggers, functions and event triggers of a database. */
export interface Effects {
  /** Triggers of everything that a statement on the table can reach. */
  triggersOf(table: Table): readonly Trigger[]
  /** Why a default must not be evaluated; undefined where nothing speaks against it. */
  againstDefault(column: Column): string | undefined
  /** Event triggers that CREATE VIEW, GRANT or ALTER TABLE would fire, and that a rollback may not undo. */
  readonly eventTriggers: readonly string[]
}

interface FunctionRow {
  readonly oid: number
  readonly name: string
  readonly language: string
  readonly extension: string | null
  readonly text: string
}

interface TriggerRow {
  readonly table: number
  readonly name: string
  readonly type: number
  readonly function: number
}

/** Trigger functions of extensions that PostgreSQL ships and that do nothing but change the row, or are transactional. */
const harmlessExtensions = new Set(['moddatetime', 'insert_username', 'tcn', 'lo'])

/** Notices are sent at COMMIT only; settings go with the transaction; the rest only tells. */
const transactional = new Set(['pg_notify', 'set_config', 'pg_event_trigger_ddl_commands'])

/** Words after which a statement writes rows that have triggers and defaults of their own, or leaves the transaction. */
const writing =
  /\b(insert\s+into|delete\s+from|merge\s+into|truncate|copy|call|execute|create|alter|drop|grant|revoke|load)\b/i

/** Reads it. */
export async function readEffects(client: pg.ClientBase): Promise<Effects> {
  const { rows } = await client.query<{
    functions: FunctionRow[]
    triggers: TriggerRow[]
    volatile: string[]
    event: { name: string; function: number }[]
  }>(effectsSql)
  const { functions = [], triggers = [], volatile = [], event = [] } = rows[0] ?? {}
  const judge = createJudge(functions, new Set(volatile))
  return {
    eventTriggers: event.filter((row) => judge.oid(row.function) !== undefined).map(({ name }) => name),
    againstDefault: ({ defaultSql }) => (defaultSql === null ? undefined : judge.text(defaultSql)),
    triggersOf: ({ reach }) =>
      triggers.filter(({ table }) => reach.includes(table)).map((row) => toTrigger(row, judge.oid(row.function))),
  }
}

/** Bits of `pg_trigger.tgtype`: ROW, BEFORE, INSERT, DELETE, UPDATE, TRUNCATE, INSTEAD. */
function toTrigger({ name, type }: TriggerRow, against: string | undefined): Trigger {
  const bits: readonly [number, Command][] = [
    [4, 'insert'],
    [8, 'delete'],
    [16, 'update'],
  ]
  return {
    name,
    commands: bits.filter(([bit]) => (type & bit) !== 0).map(([, command]) => command),
    when: (type & 64) !== 0 ? 'instead' : (type & 2) !== 0 ? 'before' : 'after',
    level: (type & 1) !== 0 ? 'row' : 'statement',
    against,
  }
}

function createJudge(functions: readonly FunctionRow[], volatile: ReadonlySet<string>) {
  const byOid = new Map(functions.map((each) => [each.oid, each]))
  const byName = new Map<string, FunctionRow[]>()
  for (const each of functions) byName.set(each.name, [...(byName.get(each.name) ?? []), each])
  const known = new Map<FunctionRow, string | undefined>()

  function ofFunction(found: FunctionRow): string | undefined {
    if (known.has(found)) return known.get(found)
    // Whatever a function that calls itself does is found on the way.
    known.set(found, undefined)
    const against = explain(found)
    known.set(found, against)
    return against
  }

  function explain({ name, language, extension, text }: FunctionRow): string | undefined {
    if (extension !== null) {
      return harmlessExtensions.has(extension) || isHarmlessFunction(name, extension)
        ? undefined
        : `${name} belongs to the extension ${extension}`
    }
    if (language !== 'sql' && language !== 'plpgsql') return `${name} is written in ${language}`
    const against = ofText(text)
    return against === undefined ? undefined : `${name}: ${against}`
  }

  function ofText(sql: string): string | undefined {
    const bare = withoutLiterals(sql)
    const [statement] = writing.exec(bare) ?? []
    if (statement !== undefined) return `contains ${statement.toUpperCase().replaceAll(/\s+/g, ' ')}`
    if (/(?<!\bfor\s+(?:no\s+key\s+)?)\bupdate\b(?!\s+of\b)/i.test(bare)) return 'contains UPDATE'
    for (const called of calledNames(bare)) {
      const against = ofCall(called)
      if (against !== undefined) return against
    }
    return undefined
  }

  function ofCall(name: string): string | undefined {
    if (transactional.has(name)) return undefined
    if (name === 'nextval' || name === 'setval') return `${name} is not undone by a rollback`
    for (const found of byName.get(name) ?? []) {
      const against = ofFunction(found)
      if (against !== undefined) return against
    }
    if (findRefusedFunction(name) !== undefined) return `calls ${name}`
    return volatile.has(name) && !isHarmlessFunction(name) ? `calls ${name}` : undefined
  }

  return {
    oid: (oid: number) => {
      const found = byOid.get(oid)
      return found === undefined ? undefined : ofFunction(found)
    },
    text: ofText,
  }
}

function withoutLiterals(sql: string): string {
  return sql.replaceAll(
    /--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_][\w]*)?\$[\s\S]*?\$\1\$|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'/g,
    (found) => (found.startsWith('-') || found.startsWith('/') ? ' ' : "''"),
  )
}

/** Names before a parenthesis; the last part of a qualified one. Folded as PostgreSQL folds them. */
function calledNames(bare: string): string[] {
  const found = bare.matchAll(/(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s*\(/g)
  return [...new Set([...found].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain.toLowerCase()))]
}

const effectsSql = `
  select
    (select coalesce(json_agg(json_build_object('oid', p.oid::int8, 'name', p.proname, 'language', l.lanname, 'extension', e.extname,
                                       'text', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc, ''))), '[]')
       from pg_proc p join pg_language l on l.oid = p.prolang
       left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
       left join pg_extension e on e.oid = d.refobjid
      where p.oid >= 16384 and p.prokind in ('f', 'p')) as functions,
    (select coalesce(json_agg(json_build_object('table', tgrelid::int8, 'name', tgname, 'type', tgtype, 'function', tgfoid::int8) order by tgname), '[]')
       from pg_trigger where not tgisinternal and tgenabled <> 'D') as triggers,
    (select coalesce(json_agg(distinct proname), '[]') from pg_proc where oid < 16384 and provolatile = 'v') as volatile,
    (select coalesce(json_agg(json_build_object('name', evtname, 'function', evtfoid::int8) order by evtname), '[]') from pg_event_trigger
      where evtenabled <> 'D' and evtevent in ('ddl_command_start', 'ddl_command_end')
        and (evttags is null or evttags && array['CREATE VIEW', 'CREATE FUNCTION', 'ALTER TABLE', 'GRANT'])) as event`
