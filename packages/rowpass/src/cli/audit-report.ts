/**
 * What `rowpass audit` makes of the lines of a log: a row for each person, agent, tool and what was done.
 */
import { isJsonObject } from '../token/strict-json.ts'

/** Which lines count. */
export interface AuditFilter {
  readonly person?: string | undefined
  /** Empty for the people themselves. */
  readonly agent?: string | undefined
  /** Milliseconds since 1970. */
  readonly sinceMs?: number | undefined
}

/** What is told of a request. */
export interface AuditEntry {
  readonly time: string
  readonly person: string
  readonly agent: string
  readonly tool: string
  /** Tables, or fingerprints of statements. */
  readonly what: string
  readonly outcome: string
  readonly rows: number
}

/** Reads a line; undefined for one of another event, of a request without a token, and one that the filter leaves out. */
export function parseAuditLine(line: string, { person, agent, sinceMs }: AuditFilter): AuditEntry | undefined {
  if (!line.includes('"msg":"sql_answered"')) return undefined
  const read = parseJson(line)
  if (read === undefined || read.msg !== 'sql_answered') return undefined
  const text = (name: string): string => (typeof read[name] === 'string' ? (read[name] as string) : '')
  const entry: AuditEntry = {
    time: text('time'),
    person: text('sub') === '' ? text('role') : text('sub'),
    agent: text('actor'),
    tool: text('tool'),
    what: listOf(read.tables) ?? listOf(read.fingerprints) ?? '',
    outcome: text('outcome'),
    rows: typeof read.rows === 'number' ? read.rows : 0,
  }
  if (person !== undefined && entry.person !== person) return undefined
  if (agent !== undefined && entry.agent !== agent) return undefined
  if (sinceMs !== undefined && !(Date.parse(entry.time) >= sinceMs)) return undefined
  return entry
}

function parseJson(line: string): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(line)
    return isJsonObject(read) ? read : undefined
  } catch {
    return undefined
  }
}

function listOf(value: unknown): string | undefined {
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : undefined
}

/** Gathers entries. */
export interface AuditReport {
  add(entry: AuditEntry): void
  /** A table, the newest first. */
  text(): string
}

/** Rows beyond it are counted together: each may be made by whoever sends statements. */
const maxRows = 10_000
const maxCell = 60

interface Row {
  readonly entry: AuditEntry
  requests: number
  rows: number
  lastTime: string
}

/** Makes an empty one. */
export function createAuditReport(): AuditReport {
  const gathered = new Map<string, Row>()
  let left = 0

  return {
    add(entry) {
      const { person, agent, tool, what, outcome } = entry
      const key = JSON.stringify([person, agent, tool, what, outcome])
      const row = gathered.get(key) ?? { entry, requests: 0, rows: 0, lastTime: '' }
      if (!gathered.has(key)) {
        if (gathered.size === maxRows) {
          left++
          return
        }
        gathered.set(key, row)
      }
      row.requests++
      row.rows += entry.rows
      if (entry.time > row.lastTime) row.lastTime = entry.time
    },
    text() {
      const rows = [...gathered.values()].sort((one, other) => (one.lastTime < other.lastTime ? 1 : -1)).map(toCells)
      const more =
        left === 0 ? '' : `and ${left} requests more of further kinds: narrow it with --person, --agent, --since\n`
      return rows.length === 0 ? 'no request is in the log\n' : `${toColumns([heads, ...rows])}${more}`
    },
  }
}

const heads = ['last', 'person', 'agent', 'tool', 'what', 'outcome', 'requests', 'rows']

function toCells({ entry, requests, rows, lastTime }: Row): string[] {
  const { person, agent, tool, what, outcome } = entry
  return [lastTime, person, agent, tool, what, outcome, String(requests), String(rows)].map(toCell)
}

/** What clients wrote is shown, and does nothing to a terminal. */
function toCell(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '�')
  return plain === '' ? '-' : plain.length > maxCell ? `${plain.slice(0, maxCell - 1)}…` : plain
}

function toColumns(rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
