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
 * Writes the fixes of findings, each statement once.
 *
 * With `drizzle`, statements are parted as drizzle-kit parts them. Does NOT run anything.
 *
 * @example
 * const { findings } = await runDoctor({ databaseUrl })
 * const { sql, left } = writeMigration(findings)
 * console.log(sql, left.map(({ title }) => title))
 */
export function writeMigration(findings: readonly Finding[], options: { drizzle?: boolean } = {}): Migration {
  const fixed = findings.filter(({ fix }) => 'sql' in fix).sort(byOrder)
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

/**
 * What writes a policy's expressions anew comes first, as what narrows them builds on that; what drops a policy comes last.
 */
function byOrder(a: Finding, b: Finding): number {
  const rank = ({ code, fix }: Finding): string => {
    const drops = 'sql' in fix && fix.sql.some((each) => each.startsWith('drop '))
    return `${drops ? 2 : /^RLS(019|03)/.test(code) ? 0 : 1}${code}`
  }
  return rank(a) < rank(b) ? -1 : 1
}
