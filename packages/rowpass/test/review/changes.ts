/**
 * Schemas and changes of known effect, as data: SQL with comments that say what comes of it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AccessReview } from '../../src/review/review.ts'

/** One change of a schema. */
export interface KnownChange {
  readonly title: string
  /** Lines of {@link effectsOf}; none for a neutral change. */
  readonly effects: readonly string[]
  readonly sql: string
}

/** A schema with rows. */
export interface KnownSchema {
  readonly name: string
  readonly sql: string
  /** As `rowpass matrix --identities` takes them. */
  readonly identities: readonly { name: string; role: string; claims: Record<string, unknown> }[]
  readonly changes: readonly KnownChange[]
}

const folder = fileURLToPath(new URL('.', import.meta.url))

/** All schemas, by name. */
export function readSchemas(): KnownSchema[] {
  return readdirSync(`${folder}schemas`).map((file) => {
    const sql = readFileSync(`${folder}schemas/${file}`, 'utf8')
    const identities = [...sql.matchAll(/^-- identity: (.*)$/gm)].map(([, json]) => JSON.parse(json!))
    const changes = readFileSync(`${folder}changes/${file}`, 'utf8')
      .split(/^-- change: /m)
      .slice(1)
    return { name: basename(file, '.sql'), sql, identities, changes: changes.map(parseChange) }
  })
}

function parseChange(text: string): KnownChange {
  const [title = '', ...lines] = text.split('\n')
  const effects = lines.flatMap((line) => /^-- effect: (.*)$/.exec(line)?.[1] ?? [])
  return {
    title,
    effects: effects.filter((each) => each !== 'none'),
    sql: lines.filter((line) => !line.startsWith('--')).join('\n'),
  }
}

/** A review in the lines of the data, sorted. */
export function effectsOf({ rows, rights, uncompared }: AccessReview): string[] {
  return [
    ...rows.flatMap(({ subject, gained, lost, table, command, through, reason }) => {
      const rest = `${command.toUpperCase()} ${table} ${reason ?? through.join(' ')}`
      return [
        ...(gained > 0 ? [`${subject} +${gained} ${rest}`] : []),
        ...(lost > 0 ? [`${subject} -${lost} ${rest}`] : []),
      ]
    }),
    ...uncompared.map((statement) => `not compared: ${statement.replace(/^.*?:\d+ /, '')}`),
    ...rights.map(({ subject, gained, says, table }) => `${subject} ${gained ? '' : 'not '}${says} ${table}`),
  ].sort()
}
