/** Writes docs/sql-functions.md from the files that install the functions. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../packages/rowpass/src/seal/sql', import.meta.url))

/** What policies and people call, in the order in which they meet it. What a file says of several at once is said here. */
const called: Readonly<Record<string, string | undefined>> = {
  'auth.session': undefined,
  'auth.jwt': 'The same as auth.session(), under the name that Supabase has for it.',
  'auth.user_id': 'The claim `sub` as text.',
  'auth.uid': 'The claim `sub` as uuid; NULL when it is none, so that a policy denies instead of failing.',
  'auth.role': undefined,
  'auth.claim_text': undefined,
  'auth.claim_uuid': 'A string that is a uuid.',
  'auth.claim_int': undefined,
  'auth.claim_bool': undefined,
  'auth.claim_uuids':
    'An array of uuids; one other element makes the whole of it NULL, so that a list of exceptions does not lose one.',
  'auth.claim_texts': undefined,
  'rowpass.session': 'All claims; NULL when there is no identity. What the functions of the schema `auth` read.',
  'rowpass.end_session': undefined,
  'rowpass.to_uuid': 'The text as uuid, in its usual form; NULL where it is none.',
  'rowpass.to_bigint': undefined,
}

interface SqlFunction {
  readonly name: string
  readonly signature: string
  readonly says: string
  readonly callers: string
}

/** The page. */
export function sqlPage(): string {
  const found = readFunctions()
  const forPolicies = Object.entries(called).map(([name, says]) => {
    const each = found.get(name)
    if (each === undefined) throw new TypeError(`no file has the function ${name}`)
    return says === undefined ? each : { ...each, says }
  })
  const others = [...found.values()].filter(({ name }) => !(name in called))
  return `# SQL functions

What \`rowpass db migrate\` installs for policies, in the schemas \`auth\` and \`rowpass\`. A policy asks for a claim inside of a
sub-select, \`tenant_id = (select auth.claim_uuid('tenant_id'))\`, so that it is read once for a statement and not for each row.
Without an identity each of them is NULL, and a policy that compares with NULL lets no row pass. From a program in TypeScript,
\`rowpass/policies\` writes these calls ([policies.md](policies.md#claims)).

Where the extension \`pg_session_jwt\` owns \`auth.session()\`, or the platform owns the schema \`auth\` (Supabase), policies ask
\`rowpass.session()\` instead. \`rowpass.end_session\` is described in [revocation.md](revocation.md).

${forPolicies.map(section).join('\n\n')}

## What the rest is

Installed for the functions above, and for gateways. No policy needs them; what each promises is in the file that installs it.

| function | who may call it |
|---|---|
${others.map(({ signature, callers }) => `| \`${signature}\` | ${callers} |`).join('\n')}
`
}

function section({ name, signature, says, callers }: SqlFunction): string {
  return `## ${name}\n\n\`\`\`sql\n${signature}\n\`\`\`\n\n${says}\n\nWho may call it: ${callers}.`
}

function readFunctions(): Map<string, SqlFunction> {
  const found = new Map<string, SqlFunction>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.sql'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    const declared =
      /((?:^-- ?.*\n)*)^create or replace function ([\w.]+)(\([^)]*(?:\(\)[^)]*)*\)) returns (\S+(?: \w+)*?)\n/gm
    for (const [, comment = '', name = '', parameters = '', type = ''] of text.matchAll(declared)) {
      const says = comment.replaceAll(/^-- ?/gm, '').replaceAll(/\s+/g, ' ').trim()
      found.set(name, { name, signature: `${name}${parameters} returns ${type}`, says, callers: callersOf(text, name) })
    }
  }
  return found
}

/** Every file takes the right from PUBLIC, or leaves it, and grants it by name. */
function callersOf(text: string, name: string): string {
  const grants = text.matchAll(/^grant execute on function ([\s\S]*?) to ([^;]*);/gm)
  const [, , roles] = [...grants].find(([, functions = '']) => functions.includes(`${name}(`)) ?? []
  if (roles === undefined) return 'the owner of the database'
  return roles === 'public'
    ? 'everybody'
    : roles
        .split(', ')
        .map((role) => `\`${role}\``)
        .join(' and ')
}
