/**
 * The fixes of findings as one migration, to be read and run by a person.
 */
import type { Finding, Fix } from './finding.ts'

/** A migration and what it leaves. */
export interface Migration {
  /** Empty where there is nothing to say; comments alone where all of it needs a person. */
  readonly sql: string
  /** Findings that it fixes. */
  readonly fixed: readonly Finding[]
  /** Findings that need a person, and those whose fixes were not tried. */
  readonly left: readonly Finding[]
}

/**
 * Writes the fixes that were tried, each statement once, with who loses what by it. What has to be decided first is a
 * comment at the beginning, and so is what another role must run.
 *
 * With `drizzle`, statements are parted as drizzle-kit parts them. Does NOT run anything.
 *
 * @example
 * const { findings } = await runDoctor({ databaseUrl })
 * const { sql, left } = writeMigration(findings)
 * console.log(sql, left.map(({ title }) => title))
 */
export function writeMigration(findings: readonly Finding[], options: { drizzle?: boolean } = {}): Migration {
  const fixed = inOrder(findings).filter(({ fix }) => isTried(fix))
  const left = findings.filter(({ fix }) => !isTried(fix))
  const questions = left.flatMap(({ key, level, fix }) => {
    if (level === 'info') return []
    return [comment(`question ${key}: ${'sql' in fix ? 'the fix was not tried.' : fix.person}`)]
  })
  const seen = new Set<string>()
  const parts = fixed.flatMap((finding) => {
    const statements = 'sql' in finding.fix ? finding.fix.sql.filter((each) => !seen.has(each)) : []
    for (const each of statements) seen.add(each)
    return statements.map((each, index) => (index === 0 ? `${headOf(finding)}\n${each};` : `${each};`))
  })
  const separator = options.drizzle === true ? '\n--> statement-breakpoint\n' : '\n\n'
  const head = questions.length === 0 ? '' : `${questions.join('\n')}${parts.length === 0 ? '' : '\n\n'}`
  const sql = `${head}${parts.join(separator)}`
  return { sql: sql === '' ? '' : `${sql}\n`, fixed, left }
}

/**
 * Findings in the order in which their fixes have to run: what writes a policy's expressions anew comes first, as what
 * narrows them builds on that.
 */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const rank = ({ code }: Finding): string => `${/^RLS(019|03)/.test(code) ? 0 : 1}${code}`
  return findings.toSorted((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0))
}

function isTried(fix: Fix): boolean {
  return 'sql' in fix && fix.tried === true
}

function headOf({ key, title, fix }: Finding): string {
  const { loses = [], untried = [] } = 'sql' in fix ? fix : {}
  return [
    comment(`${key}: ${title}`),
    ...(loses.length === 0 ? ['nothing that was tried'] : loses).map((each) => comment(`loses: ${each}`)),
    ...untried.map((each) => comment(`not tried: ${each}`)),
  ].join('\n')
}

/** Names may hold line breaks; a comment ends at one. */
function comment(text: string): string {
  return `-- ${text}`.replaceAll(/[\r\n\u2028\u2029]+/g, ' ')
}
