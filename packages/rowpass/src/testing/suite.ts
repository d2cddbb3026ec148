/**
 * The text of an isolation suite: a program of its own that people read and edit.
 */
import type { Outcome } from './outcome.ts'
import type { SuitePreparation } from './suite-statements.ts'

/** One table of a suite. */
export interface SuiteTable {
  readonly name: string
  /** Statements that prepare a line. */
  readonly preparations: Readonly<Record<SuitePreparation, readonly string[]>>
  readonly lines: readonly {
    readonly statement: string
    readonly before: SuitePreparation
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
    'statement: string, outcomes: Record<keyof typeof people, Outcome>, before: string[] = []',
    ' as keyof typeof people',
    ': void',
  ),
  node: writeCheck('statement, outcomes, before = []', '', ''),
}

/** Writes the file: TypeScript for vitest, JavaScript for node. */
export function writeSuite({ runner, people, tables }: SuiteFile): string {
  const names = people.map(({ name }) => name)
  return `// Written by "rowpass test generate" from what the database does; now it is yours. Read it: every number is rows that
// somebody reaches, 'grant' a missing privilege, 'policy' a row that a policy refuses, and 'conflict' one that only a
// constraint stops. Where a line is prepared, the policies alone decide. DATABASE_URL names a database with the same rows;
// nothing is changed in it.
${importOf('strictEqual', 'node:assert')}
${importOf('env', 'node:process')}
${importOf(runners[runner].names, runners[runner].module)}
${importOf(`createTester, ${runner === 'vitest' ? 'type Outcome, ' : ''}outcomeOf`, 'rowpass/testing')}

const people = {
${people.map(({ name, role, claims }) => `  ${toKey(name)}: { role: ${toText(role)}, claims: ${toSource(claims)} },`).join('\n')}
}

const tester = createTester({ databaseUrl: env.DATABASE_URL ?? '' })
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
    it(\`\${name}: \${statement}\${before.length > 0 ? ', by policies alone' : ''}\`, async () =>
      (await tester).run(async ({ asUser, owner }) => {
        for (const each of before) await owner.db.execute(each)
        strictEqual(await outcomeOf(asUser(claims, { role }), statement), outcomes[name${asName}])
      }))
  }
}
`
}

function describeTable({ name, preparations, lines }: SuiteTable, names: readonly string[]): string {
  const checks = lines.map(({ statement, before, outcomes }) => {
    const cells = outcomes.map(
      (outcome, at) => `${toKey(names[at] ?? '')}: ${typeof outcome === 'number' ? outcome : toText(outcome)}`,
    )
    return `  check(${toText(statement)}, {\n    ${cells.join(', ')},\n  }${before === 'nothing' ? '' : `, ${before}`})`
  })
  const used = (['granted', 'freed'] as const).filter((each) => lines.some(({ before }) => before === each))
  const lists = used.map(
    (each) => `  const ${each} = [\n${preparations[each].map((sql) => `    ${toText(sql)},\n`).join('')}  ]`,
  )
  return `describe(${toText(name)}, () => {\n${[...lists, ...checks].join('\n')}\n})\n`
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
