/**
 * Shows a diagnosis to a person at a terminal, by object.
 */
import type { SortedFindings } from '../doctor/baseline.ts'
import { type Finding, type Level, levels, type Rule } from '../doctor/finding.ts'
import type { Measurement } from '../doctor/measure.ts'
import type { Diagnosis } from '../doctor/run.ts'
import { bold, dim, type Io, red } from './io.ts'

const maxStatements = 4

/** The report; ends in a line that counts. */
export function renderDiagnosis(io: Io, diagnosis: Diagnosis, judged: SortedFindings): string {
  const objects = new Map<string, Finding[]>()
  for (const finding of judged.open) objects.set(finding.object, [...(objects.get(finding.object) ?? []), finding])
  const blocks = [...objects].map(([object, findings]) =>
    [bold(io, plain(object)), ...findings.flatMap((finding) => renderFinding(io, finding)), ''].join('\n'),
  )
  const stale = judged.stale.map((key) => `stale    ${plain(key)} is accepted, and is not a finding any more`)
  const measured = (diagnosis.measurements ?? []).map(renderMeasurement)
  const defaults = (diagnosis.platform?.defaults ?? []).map(({ says, findings }) =>
    dim(io, `${diagnosis.platform?.name.padEnd(8)} ${says} (${findings.length})`),
  )
  const proposals = judged.open.filter(({ fix }) => 'sql' in fix && fix.tried !== true).length
  const untried =
    proposals === 1
      ? '1 proposal was not tried: --fix tries it, and writes it if it breaks nothing'
      : `${proposals} proposals were not tried: --fix tries each, and writes those that break nothing`
  const notes = [...diagnosis.notes, ...(proposals === 0 ? [] : [untried])].map((note) =>
    dim(io, `note     ${plain(note)}`),
  )
  return [...blocks, ...measured, ...stale, ...defaults, ...notes, summarise(diagnosis, judged), ''].join('\n')
}

function renderFinding(io: Io, { level, code, says, evidence, key, fix }: Finding): string[] {
  const lines = [`  ${mark(io, level)} ${code} ${plain(says)}`, dim(io, `           ${plain(evidence)}`)]
  if ('person' in fix) lines.push(`           ${plain(fix.person)}`)
  else {
    const word = fix.tried === true ? 'fix' : 'proposal'
    lines.push(...fix.sql.slice(0, maxStatements).map((each) => `           ${word}: ${plain(each)};`))
    if (fix.sql.length > maxStatements) lines.push(`           … and ${fix.sql.length - maxStatements} more: see --fix`)
  }
  return [...lines, dim(io, `           ${plain(key)}`)]
}

function mark(io: Io, level: Level): string {
  const text = level.padEnd(7)
  return level === 'error' ? red(io, text) : level === 'warning' ? bold(io, text) : dim(io, text)
}

function renderMeasurement({ key, beforeMs, afterMs, reason }: Measurement): string {
  const figure = (ms: number | undefined): string => (ms === undefined ? '—' : `${ms.toPrecision(3)} ms`)
  const ratio = beforeMs === undefined || afterMs === undefined ? '' : `, ${(beforeMs / afterMs).toPrecision(3)} times`
  return `measured ${plain(key)}: ${figure(beforeMs)} → ${figure(afterMs)}${ratio}${reason === undefined ? '' : ` (${reason})`}`
}

function summarise({ tables, policies, roles }: Diagnosis, { open, accepted }: SortedFindings): string {
  const counts = levels.map((level) => `${open.filter((each) => each.level === level).length} ${level}`)
  const scope = `${tables} tables, ${policies} policies, as ${roles.length === 0 ? 'nobody' : roles.map(plain).join(', ')}`
  return `${counts.join(', ')}${accepted.length === 0 ? '' : `, ${accepted.length} accepted`} (${scope})`
}

/** Names are of somebody's choice: nothing in them moves the cursor or ends the line. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '\uFFFD')
}

/** What a rule looks for, for a terminal. */
export function describeRule({ code, slug, level, title, why }: Omit<Rule, 'find'>): string {
  return `${code} ${slug} (${level})\n${title}\n\n${why}\n`
}
