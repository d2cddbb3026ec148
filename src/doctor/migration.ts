/**
 * The fixes of findings as one migration, to be read and run by a person.
 */
import type { Finding } from './finding.ts'

/** A migration and what it leaves. */
export interface Migration {
  readonly sql: string
  /** Findings that it fixes. */
  readonly fixed: readonly Finding[]
  /** Findings that need a person. */
  readonly left: readonly Finding[]
}

/**
 * Writes the fixes of findings, each statement once, in the order of the findings' codes.
 *
 * With `drizzle`, statements are parted as drizzle-kit parts them. Does NOT run anything.
 */
export function writeMigration(findings: readonly Finding[], options: { drizzle?: boolean } = {}): Migration {
  const fixed = findings
    .filter(({ fix }) => 'sql' in fix)
    .sort((a, b) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0))
  const seen = new Set<string>()
  const parts = fixed.flatMap((finding) => {
    const statements = 'sql' in finding.fix ? finding.fix.sql.filter((each) => !seen.has(each)) : []
    for (const each of statements) seen.add(each)
    return statements.map((each, index) => (index === 0 ? `${comment(finding)}\n${each};` : `${each};`))
  })
  const separator = options.drizzle === true ? '\n--> statement-breakpoint\n' : '\n\n'
  return {
    sql: parts.length === 0 ? '' : `${parts.join(separator)}\n`,
    fixed,
    left: findings.filter(({ fix }) => !('sql' in fix)),
  }
}

/** Names may hold line breaks; a comment ends at one. */
function comment({ key, title }: Finding): string {
  return `-- ${key}: ${title}`.replaceAll(/[\r\n\u2028\u2029]+/g, ' ')
}
