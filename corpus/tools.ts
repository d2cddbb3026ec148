/**
 * The tools that are scored: how each is run on a database, and what it said. README.md tells how another one is added.
 */
import { execFile } from 'node:child_process'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { writeMigration } from '../packages/rowpass/src/doctor/migration.ts'
import { runDoctor } from '../packages/rowpass/src/doctor/run.ts'
import { explain } from '../packages/rowpass/src/why/explain.ts'
import type { Level, Shape } from './cases.ts'
import type { Finding } from './judge.ts'

/** Statements that a tool would have run, and the rules whose findings they end. */
export interface Fixes {
  readonly sql: string
  readonly rules: readonly string[]
}

/** One of the tools. */
export interface Tool {
  /** Column of the table. */
  readonly title: string
  /** Whose rules it has: `rowpass`, `splinter`, or undefined for rules that the corpus does not know. */
  readonly family: string | undefined
  /** `url` is a superuser's; whether its rules are made for Supabase decides what is there while it works. */
  findings(url: string): Promise<Finding[]>
  /** What it would have run; undefined where it writes no SQL. */
  readonly fixes?: (url: string) => Promise<Fixes>
  /** What it says of a statement that somebody runs; undefined where it explains nothing. */
  readonly explain?: (url: string, question: Question) => Promise<string>
}

/** A statement, and who runs it. */
export interface Question {
  readonly sql: string
  readonly role: string
  /** JSON. */
  readonly claims: string
  readonly login: string | undefined
}

/** Packages of the two others, from npm. */
export const packages = { supabase: '2.117.0', '@postgres-language-server/cli': '0.25.5' } as const

const timeoutMs = 120_000
const maxOutputBytes = 16 * 1024 * 1024

/** The doctor and why of this repository's sources: what `rowpass doctor` and `rowpass why` print, without their processes. */
export function rowpass(version: string): Tool {
  return {
    title: `rowpass doctor ${version}`,
    family: 'rowpass',
    findings: async (url) => {
      const { findings } = await runDoctor({ databaseUrl: url })
      return findings.map((each) => ({ rule: each.code, level: each.level, text: JSON.stringify(each) }))
    },
    fixes: async (url) => {
      const { findings } = await runDoctor({ databaseUrl: url, fixes: {} })
      const { sql, fixed } = writeMigration(findings)
      return { sql, rules: fixed.map(({ code }) => code) }
    },
    explain: (url, { sql, role, claims, login }) =>
      withConnection(url, async (client) => {
        const identity = { role, claims: JSON.parse(claims) as Readonly<Record<string, unknown>> }
        const options = { identity, sql, timeoutMs: 1_000, ...(login !== undefined && { login }) }
        const { findings, notRun } = await explain(client, options)
        // What it takes for the reason; the report goes on with all that was looked at.
        return [...findings.flatMap(({ says, advice }) => [says, advice]), notRun].join('\n')
      }),
  }
}

/** `supabase db advisors`, from `node_modules` of a folder. */
export function supabaseAdvisors(folder: string): Tool {
  return {
    title: `supabase db advisors ${packages.supabase}`,
    family: 'splinter',
    findings: async (url) => {
      const target = `${url}?sslmode=disable`
      const args = ['db', 'advisors', '--db-url', target, '--level', 'info', '--output-format', 'json']
      const env = { SUPABASE_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', HOME: folder }
      return readSupabase(await run(`${folder}/node_modules/.bin/supabase`, args, env))
    },
  }
}

/** `postgres-language-server dblint`, from `node_modules` of a folder. */
export function dblint(folder: string): Tool {
  return {
    title: `postgres-language-server dblint ${packages['@postgres-language-server/cli']}`,
    family: 'splinter',
    findings: async (url) => {
      const args = ['dblint', `--connection-string=${url}`, '--reporter=json', '--max-diagnostics=none']
      return readDblint(await run(`${folder}/node_modules/.bin/postgres-language-server`, args, { HOME: folder }))
    },
  }
}

/**
 * Any program that prints findings: `{url}` in the command is the database, and so is `DATABASE_URL`.
 *
 * @param command words parted by spaces; no shell reads them
 * @param format what it prints, default `sarif`
 */
export function anyProgram(command: string, format = 'sarif', family?: string): Tool {
  const read = formats.get(format)
  if (read === undefined) throw new TypeError(`${format} is no format: ${[...formats.keys()].join(', ')} are`)
  const [file = '', ...args] = command.split(' ')
  return {
    title: command.replace(' {url}', ''),
    family,
    findings: async (url) =>
      read(
        await run(
          file,
          args.map((arg) => arg.replace('{url}', url)),
          { DATABASE_URL: url },
        ),
      ),
  }
}

/** What programs print, and how it is read. */
const formats = new Map<string, (output: string) => Finding[]>([
  ['sarif', readSarif],
  ['rowpass', readRowpass],
  ['supabase', readSupabase],
  ['dblint', readDblint],
])

function readRowpass(output: string): Finding[] {
  const { findings } = JSON.parse(output) as { findings: { code: string; level: Level }[] }
  return findings.map((finding) => ({ rule: finding.code, level: finding.level, text: JSON.stringify(finding) }))
}

function readSupabase(output: string): Finding[] {
  const { results } = JSON.parse(output) as { results: { name: string; level: string }[] }
  return results.map((each) => ({ rule: each.name, level: toLevel(each.level), text: JSON.stringify(each) }))
}

function readDblint(output: string): Finding[] {
  const { diagnostics } = JSON.parse(output) as {
    diagnostics: { category: string; severity: string; message: string }[]
  }
  return diagnostics.map(({ category, severity, message }) => ({
    // `splinter/security/rlsDisabledInPublic` is `rls_disabled_in_public`, as splinter itself names it.
    rule: category.replace(/^.*\//, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    level: toLevel(severity),
    text: message,
  }))
}

/** SARIF 2.1.0: the level of a result is `warning` where it says none. Positions in files are no names. */
export function readSarif(output: string): Finding[] {
  const { runs } = JSON.parse(output) as { runs: { results?: SarifResult[] }[] }
  return runs
    .flatMap(({ results = [] }) => results)
    .map(({ ruleId = '', level = 'warning', ...rest }) => ({
      rule: ruleId,
      level: toLevel(level),
      text: JSON.stringify(rest),
    }))
}

interface SarifResult {
  readonly ruleId?: string
  readonly level?: string
}

function toLevel(text: string): Level {
  const word = text.toLowerCase()
  if (word === 'error' || word === 'fatal') return 'error'
  return word.startsWith('warn') ? 'warning' : 'info'
}

/**
 * The rules of splinter look at what Supabase's roles may do in the schemas of its API, and dblint leaves most of them out
 * where these roles are missing: while they work, the roles are there, with the rights of the shape's own.
 */
export async function actAsSupabase(url: string, shape: Shape, work: () => Promise<unknown>): Promise<void> {
  const roles = ['anon', 'authenticated', 'service_role']
  await withConnection(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'select rolname as name from pg_roles where rolname = any ($1)',
      [roles],
    )
    const missing = roles.filter((role) => !rows.some(({ name }) => name === role))
    for (const role of missing) {
      await client.query(`create role ${role}`)
      if (role === 'service_role') await client.query('alter role service_role bypassrls')
      else if (shape.requests.length > 0) await client.query(`grant ${shape.requests.join(', ')} to ${role}`)
    }
    await client.query(`do $$ begin
      execute format('alter database %I set pgrst.db_schemas = %L', current_database(), '${shape.schemas.join(', ')}');
    end $$`)
    await work()
    // The roles go with all others that were made for this schema.
  })
}

/** Standard output of a program, whatever its exit code: these say by it that there are findings. */
function run(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer: maxOutputBytes }
    execFile(file, args, options, (error, stdout, stderr) => {
      // A program that could not be started, was ended or printed nothing about a failure has said nothing at all.
      if (error !== null && (typeof error.code !== 'number' || (stdout === '' && stderr.includes('rror'))))
        reject(new Error(`${file} ${args[0]} failed: ${stderr.slice(-500)}`, { cause: error }))
      else resolve(stdout)
    })
  })
}
