/**
 * Writes the reference pages from the declarations that the program itself runs on. `npm run docs` writes them;
 * a test compares them.
 */
import { writeFileSync } from 'node:fs'
import { causes, remedyOf } from '../packages/rowpass/src/cli/causes.ts'
import { rules } from '../packages/rowpass/src/doctor/rules.ts'
import type { FailureCode } from '../packages/rowpass/src/errors.ts'
import { type FailureSpec, failures } from '../packages/rowpass/src/failures.ts'
import { type Setting, variableOf } from '../packages/rowpass/src/gateway/setting-kinds.ts'
import { settings } from '../packages/rowpass/src/gateway/settings.ts'
import { issuerSettings, toJsonName } from '../packages/rowpass/src/token/issuer-settings.ts'
import { cliPage } from './reference-cli.ts'
import { eventsPage } from './reference-events.ts'
import { issuersPage } from './reference-issuers.ts'
import { libraryPage } from './reference-library.ts'
import { llmsText } from './reference-llms.ts'
import { sqlPage } from './reference-sql.ts'

/** The pages by path. */
export async function referencePages(): Promise<Record<string, string>> {
  const pages = {
    'docs/cli.md': await cliPage(),
    'docs/configuration.md': configurationPage(),
    'docs/errors.md': errorsPage(),
    'docs/events.md': await eventsPage(),
    'docs/issuers.md': issuersPage(),
    'docs/library.md': libraryPage(),
    'docs/rules.md': rulesPage(),
    'docs/sql-functions.md': sqlPage(),
  }
  return { ...pages, 'llms.txt': llmsText(pages) }
}

function configurationPage(): string {
  const rows = Object.entries<Setting<unknown>>(settings).map(
    ([name, { default: value, secret, form, says }]) =>
      `| \`${variableOf(name)}\`${secret ? ' (secret)' : ''} | ${value === undefined ? 'required' : value === '' ? 'none' : `\`${value}\``} | ${form} | ${toCell(says)} |`,
  )
  const members = Object.entries<{ default?: unknown; says: string }>(issuerSettings).map(
    ([member, { default: value, says }]) =>
      `| \`${toJsonName(member)}\` | ${defaultOfMember(member, value)} | ${toCell(says)} |`,
  )
  return `# Configuration of the gateway

Environment variables, read once at start. Every problem is reported at once, and a name that begins with \`ROWPASS_\` and is
not in this table is one of them. Each setting may come from a file instead: \`<name>_FILE\` holds its path. At SIGHUP the
files of \`ROWPASS_ISSUERS\`, \`ROWPASS_SEAL_KEYS\`, \`ROWPASS_PASSWORD_MODE\` and \`ROWPASS_PASSWORD_USERS\` are read again. A seal
key and database roles that are new are tried on the database first; where one does not work, all stays as it was, and the
log has a \`config_refused\` line with the reason.
\`rowpass gateway --print-config\` prints what is in force, secrets as \`***\`.

| name | default | value | meaning |
|---|---|---|---|
${rows.join('\n')}

## Workers

With \`ROWPASS_WORKERS\`, or \`rowpass gateway --workers\`, several processes serve one port. A worker is a gateway of its own with a
part of what the whole may have:

| divided by the number of workers, rounded down, one at least | holds for each worker |
|---|---|
| \`ROWPASS_POOL_SIZE\` (two at least), \`ROWPASS_PASSWORD_SESSIONS\`, \`ROWPASS_PASSWORD_PAIR_FAILURES\`, \`ROWPASS_PASSWORD_ADDRESS_FAILURES\`, \`ROWPASS_PASSWORD_USER_FAILURES\` | all other limits: \`ROWPASS_QUEUE_LIMIT\`, \`ROWPASS_IDENTITY_LIMIT\`, \`ROWPASS_IDENTITY_BYTES_PER_SECOND\`, \`ROWPASS_SLOW_LIMIT\`, \`ROWPASS_MAX_HELD_BYTES\`, the time for new statements, the admissions of an owner, cached tokens, fetches of keys |

A client stays with one worker for as long as its connection lasts. A tenant with connections to all workers can have as many times the
limits of the right column under way as there are workers; what it takes from others in each of them is what it takes from
them in a gateway of one process, and the connections to PostgreSQL are no more. Memory is that of as many gateways:
\`ROWPASS_MAX_HELD_BYTES\` counts once for each worker.

## Issuers

\`ROWPASS_ISSUERS\` is a JSON array; [issuers.md](issuers.md) has presets for providers. One \`iss\` may have several entries, where
no token fits two of them by its audience or a claim. What a setting gives up is a line \`issuer_loosened\` in the log at
start, and in \`--print-config\`. Members of each:

| member | default | meaning |
|---|---|---|
${members.join('\n')}
`
}

function defaultOfMember(member: string, value: unknown): string {
  if (value === undefined)
    return member === 'iss' ? 'required' : member === 'audience' ? 'required, or `require`' : 'none'
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function errorsPage(): string {
  const all = Object.entries<FailureSpec>(failures)
  const rows = all.map(
    ([code, { status, sqlstate, says }]) =>
      `| [\`${code}\`](#${code}) | ${status} | \`${sqlstate}\` | ${toCell(says)} |`,
  )
  const sections = all.map(([code, spec]) => {
    const { cause } = causes[code as FailureCode]
    return toText(`## ${code}\n\n**${spec.says}.** ${cause}\n\n*Remedy*: ${remedyOf(code as FailureCode, spec)}`)
  })
  return `# Errors

Every failure that Rowpass itself reports, with what leads to it and what ends it. \`npx rowpass explain <code>\` prints the same.
Errors that PostgreSQL raises in the caller's own SQL pass through with their SQLSTATE.

- The API answers with the status and a problem document (RFC 9457) whose \`code\` is the code.
- The gateway answers \`POST /sql\` with 400, whatever the status here, because the Neon driver reads \`code\` and \`hint\` on 400
  only; sizes keep 413 and 507. \`code\` is the SQLSTATE, \`hint\` begins with the code of this table.
- The CLI prints \`error[code]\` and the hint.

| code | status | SQLSTATE | meaning |
|---|---|---|---|
${rows.join('\n')}

${sections.join('\n\n')}
`
}

function rulesPage(): string {
  const rows = rules.map(
    ({ code, slug, level, title }) => `| [${code}](#${code.toLowerCase()}-${slug}) | ${level} | ${toCell(title)} |`,
  )
  const sections = rules.map(
    ({ code, slug, level, title, why }) => `## ${code} ${slug}\n\n**${title}.** (${level})\n\n${why}`,
  )
  return `# Rules of the doctor

What \`rowpass doctor\` looks for; [doctor.md](doctor.md) says how to use it. Numbers are never reused. An *error* lets somebody
see or change what is not theirs, or makes statements fail; a *warning* is a fault that needs a second one, or costs time;
*info* is worth knowing and often wanted. A finding may have another level than its rule, where the object is worse or better
off than most. [past-policies.md](past-policies.md) goes through PostgreSQL feature by feature, and names the rule for each.

| rule | level | what is wrong |
|---|---|---|
${rows.join('\n')}

${sections.join('\n\n')}
`
}

/** What stands between angle brackets is no HTML. */
function toText(text: string): string {
  return text.replaceAll(/<(?=\w)/g, '\\<')
}

function toCell(text: string): string {
  return text.replaceAll('|', '\\|')
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, text] of Object.entries(await referencePages())) writeFileSync(path, text)
}
