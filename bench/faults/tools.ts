/**
 * The programs that are compared: how each is run on a database, and what it found.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'

/** What a program said of one object. */
export interface Finding {
  /** The program's own name of the rule. */
  readonly rule: string
  /** Whether the program itself calls it a mere note: its level `info`. */
  readonly note: boolean
  /** Everything that says what it is about. */
  readonly text: string
}

/** One of the programs. */
export interface Tool {
  /** Column of the table. */
  readonly title: string
  readonly version: string
  /** Whether its rules are those of splinter. */
  readonly splinter: boolean
  findings(url: string): Promise<Finding[]>
}

/** Packages of the two other programs. */
export const packages = { supabase: '2.117.0', '@postgres-language-server/cli': '0.25.5' } as const

const timeoutMs = 60_000
const maxOutputBytes = 16 * 1024 * 1024
const program = fileURLToPath(new URL('../../packages/rowpass/bin/rowpass.js', import.meta.url))

/** `rowpass doctor` of this folder, as a process. */
export function rowpassDoctor(version: string): Tool {
  return {
    title: 'rowpass doctor',
    version,
    splinter: false,
    async findings(url) {
      const output = await run(process.execPath, [program, 'doctor', '--json'], { OWNER_DATABASE_URL: url })
      const { findings } = JSON.parse(output) as { findings: { code: string; level: string }[] }
      return findings.map((finding) => ({
        rule: finding.code,
        note: finding.level === 'info',
        text: JSON.stringify(finding),
      }))
    },
  }
}

/** `supabase db advisors` from `node_modules` of a folder. */
export function supabaseAdvisors(folder: string): Tool {
  return {
    title: 'supabase db advisors',
    version: packages.supabase,
    splinter: true,
    async findings(url) {
      const target = `${url}?sslmode=disable`
      const output = await run(
        `${folder}/node_modules/.bin/supabase`,
        ['db', 'advisors', '--db-url', target, '--level', 'info', '--output-format', 'json'],
        { SUPABASE_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', HOME: folder },
      )
      const { results } = JSON.parse(output) as { results: { name: string; level: string }[] }
      return results.map((result) => ({
        rule: result.name,
        note: result.level === 'INFO',
        text: JSON.stringify(result),
      }))
    },
  }
}

/** `postgres-language-server dblint` from `node_modules` of a folder. */
export function dblint(folder: string): Tool {
  return {
    title: 'postgres-language-server dblint',
    version: packages['@postgres-language-server/cli'],
    splinter: true,
    async findings(url) {
      const output = await run(
        `${folder}/node_modules/.bin/postgres-language-server`,
        ['dblint', `--connection-string=${url}`, '--reporter=json', '--max-diagnostics=none'],
        { HOME: folder },
      )
      const { diagnostics } = JSON.parse(output) as {
        diagnostics: { category: string; severity: string; message: string }[]
      }
      return diagnostics.map(({ category, severity, message }) => ({
        rule: toSnakeCase(category),
        note: severity === 'info' || severity === 'information',
        text: message,
      }))
    },
  }
}

/** `splinter/security/rlsDisabledInPublic` is `rls_disabled_in_public`, as splinter itself names it. */
function toSnakeCase(category: string): string {
  return category.replace(/^.*\//, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/**
 * The rules of splinter look at what Supabase's roles may do in the schemas of its API, and dblint leaves most of them out
 * where these roles are missing: while they work, the roles are there and have the rights of ours.
 */
export async function actAsSupabase(url: string, work: () => Promise<unknown>): Promise<void> {
  await withConnection(url, async (client) => {
    await client.query(`
      create role anon;
      create role authenticated;
      create role service_role bypassrls;
      grant saas_api to anon, authenticated;
      do $$ begin execute format('alter database %I set pgrst.db_schemas = ' || quote_literal('public'), current_database()); end $$`)
    try {
      await work()
    } finally {
      await client.query('drop role anon, authenticated, service_role')
    }
  })
}

/** Standard output of a program, whatever its exit code: these programs say by it that there are findings. */
function run(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: timeoutMs, maxBuffer: maxOutputBytes }
    execFile(file, args, options, (error, stdout, stderr) => {
      if (stdout.trim().startsWith('{')) resolve(stdout)
      else reject(new Error(`${file} ${args[0]} ${args[1]} gave no JSON: ${stderr.slice(-500)}`, { cause: error }))
    })
  })
}
