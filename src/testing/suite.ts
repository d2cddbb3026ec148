/**
 * The text of an isolation suite: a program of its own that people read and edit.
 */
import type { Outcome } from './outcome.ts'

/** One table of a suite. */
export interface SuiteTable {
  readonly name: string
  readonly lines: readonly {
    readonly statement: string
    /** Whether the roles get every privilege on the table before. */
    readonly granted: boolean
    /** In the order of the people. */
    readonly outcomes: readonly Outcome[]
  }[]
}

/** What a suite is made of. */
export interface SuiteFile {
  readonly runner: 'vitest' | 'node'
  readonly people: readonly {
    readonly name: string
    readonly role: string
    readonly claims: Readonly<Record<string, unknown>>
  }[]
  /** The roles that get every privilege where a line says so. */
  readonly roles: readonly string[]
  readonly tables: readonly SuiteTable[]
}

/** What each runner calls the same four things, and where they come from. */
const runners: Readonly<Record<SuiteFile['runner'], { module: string; names: string }>> = {
  vitest: { module: 'vitest', names: 'afterAll, beforeAll, describe, it' },
  node: { module: 'node:test', names: 'after as afterAll, before as beforeAll, describe, it' },
}

/** For node, which runs JavaScript, the same without the types. */
const checkFunction: Readonly<Record<SuiteFile['runner'], string>> = {
  vitest: writeCheck(
    'statement: string, outcomes: Record<keyof typeof people, Outcome>, grant?: ReturnType<typeof granted>',
    ' as keyof typeof people',
    ': void',
  ),
  node: writeCheck('statement, outcomes, grant', '', ''),
}

/** Writes the file: TypeScript for vitest, JavaScript for node. */
export function writeSuite({ runner, people, roles, tables }: SuiteFile): string {
  const names = people.map(({ name }) => name)
  return `// Written by "rowpass test generate" from what the database does; now it is yours. Read it: every number is rows that
// somebody reaches, 'grant' a missing privilege, 'policy' a row that a policy refuses, and 'conflict' one that only a
// constraint stops. DATABASE_URL names a database with the same rows; nothing is changed in it.
${importOf('strictEqual', 'node:assert')}
${importOf('env', 'node:process')}
${importOf(runners[runner].names, runners[runner].module)}
${importOf(`createTester, ${runner === 'vitest' ? 'type Outcome, ' : ''}outcomeOf`, 'rowpass/testing')}

const people = {
${people.map(({ name, role, claims }) => `  ${toKey(name)}: { role: ${toText(role)}, claims: ${toSource(claims)} },`).join('\n')}
}

const tester = createTester({ databaseUrl: env.DATABASE_URL ?? '' })
/** Gives every privilege first, for a while: then the policies alone decide. */
const granted = (table${runner === 'vitest' ? ': string' : ''}) => ({ table, roles: ${toText(roles.map(quote).join(', '))} })
beforeAll(async () => void (await tester))
afterAll(async () => (await tester).close())

${tables.map((table) => describeTable(table, names)).join('\n')}
${checkFunction[runner]}`
}

function importOf(names: string, module: string): string {
  return `import { ${names} } from ${toText(module)}`
}

function writeCheck(parameters: string, asName: string, returns: string): string {
  return `function check(${parameters})${returns} {
  for (const [name, { role, claims }] of Object.entries(people)) {
    it(\`\${name}: \${statement}\${grant ? ', with every privilege' : ''}\`, async () =>
      (await tester).run(async ({ asUser, owner }) => {
        if (grant) await owner.db.execute(\`grant all on \${grant.table} to \${grant.roles}\`)
        strictEqual(await outcomeOf(asUser(claims, { role }), statement), outcomes[name${asName}])
      }))
  }
}
`
}

function describeTable({ name, lines }: SuiteTable, names: readonly string[]): string {
  const checks = lines.map(({ statement, granted, outcomes }) => {
    const cells = outcomes.map(
      (outcome, at) => `${toKey(names[at] ?? '')}: ${typeof outcome === 'number' ? outcome : toText(outcome)}`,
    )
    return `  check(${toText(statement)}, {\n    ${cells.join(', ')},\n  }${granted ? `, granted(${toText(name)})` : ''})`
  })
  return `describe(${toText(name)}, () => {\n${checks.join('\n')}\n})\n`
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function toKey(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : toText(name)
}

/** In single quotes, or in backticks where that saves a reader the escapes. */
function toText(text: string): string {
  if (!/['\\\n]/.test(text)) return `'${text}'`
  return `\`${text.replaceAll(/[\\`]|\$\{/g, '\\$&')}\``
}

function toSource(claims: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(claims, null, 1).replaceAll(/\n\s*/g, ' ')
}
