/**
 * Shows a review: to a person at a terminal, as Markdown for a pull request, as JSON for programs.
 */
import type { Style } from '../access/style.ts'
import { type AccessReview, type FindingChange, isGain, isNeutral } from './review.ts'
import type { RightShift } from './rights.ts'
import type { RowShift } from './row-changes.ts'

/** How names and figures are marked. */
interface Marks {
  name(text: string): string
  strong(text: string): string
}

/** Version of the form of {@link reviewJson}; members may be added under the same one. */
const jsonSchema = 1
/** A comment of GitHub's has 65,536 characters at most. */
const maxMarkdownLines = 150
const maxFindings = 50

/** The review for a terminal; ends in a line that sums it up. */
export function renderReview(review: AccessReview, style: Style): string {
  const marks: Marks = { name: oneLine, strong: style.bold }
  const lines = [
    ...review.rows.flatMap((each) => [
      mark(style, each.gained > 0, rowLine(each, marks)),
      ...keyLines(each).map((line) => style.dim(`    ${line}`)),
    ]),
    ...review.rights.map((each) => mark(style, each.gained, rightLine(each, marks))),
    ...review.uncompared.map((each) => mark(style, true, uncomparedLine(each, marks))),
    ...tableLines(review, marks),
    ...findingLines(review, marks),
  ]
  const notes = review.notes.map((note) => style.dim(`note  ${oneLine(note)}`))
  return `${[...lines, ...(lines.length > 0 ? [''] : []), ...notes, summarise(review)].join('\n')}\n`
}

/** The same as a comment. Names are those of whoever made the change: nothing in them is taken for Markdown. */
export function reviewMarkdown(review: AccessReview): string {
  const marks: Marks = { name: code, strong: (text) => `**${text}**` }
  const list = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0
      ? []
      : ['', `### ${title}`, '', ...lines.slice(0, maxMarkdownLines).map((line) => `- ${line}`), ...more(lines)]
  const access = [
    ...review.rows.map((each) => rowLine(each, marks)),
    ...review.rights.map((each) => rightLine(each, marks)),
    ...review.uncompared.map((each) => uncomparedLine(each, marks)),
    ...tableLines(review, marks),
  ]
  return [
    `## Access: ${summarise(review)}`,
    ...list('Who gains and loses what', access),
    ...list('What the doctor says', findingLines(review, marks)),
    ...list(
      'Notes',
      review.notes.map((note) => code(note)),
    ),
    '',
  ].join('\n')
}

/** The document for programs; names in snake_case. */
export function reviewJson(review: AccessReview): unknown {
  const { subjects, rows, rights, findings, newTables, droppedTables, notes, tables, seconds } = review
  return {
    schema: jsonSchema,
    change: isGain(review) ? 'gain' : isNeutral(review) ? 'none' : 'other',
    identities: subjects.map(({ name, role }) => ({ name, role })),
    tables,
    has_rows: review.hasRows,
    rows: rows.map(({ stoppedBy, subject, command, ...rest }) => ({
      identity: subject,
      command: command.toUpperCase(),
      ...rest,
      stopped_by: stoppedBy,
    })),
    rights: rights.map(({ subject, command, ...rest }) => ({
      identity: subject,
      command: command.toUpperCase(),
      ...rest,
    })),
    findings,
    new_tables: newTables,
    dropped_tables: droppedTables,
    uncompared: review.uncompared,
    notes,
    seconds,
  }
}

function mark(style: Style, isGained: boolean, line: string): string {
  return isGained ? `${style.red('gain')}  ${line}` : `      ${line}`
}

function rowLine(change: RowShift, { name, strong }: Marks): string {
  const { subject, table, command, gained, lost, fresh, gone, exact, through, stoppedBy, reason } = change
  const least = exact ? '' : 'at least '
  const figures = [
    ...(gained > 0 ? [`${least}+${rowsOf(gained)}`] : []),
    ...(lost > 0 ? [`${least}−${rowsOf(lost)}`] : []),
    ...(fresh > 0 ? [`${rowsOf(fresh)} that ${fresh === 1 ? 'is' : 'are'} new`] : []),
    ...(gone > 0 ? [`without ${rowsOf(gone)} that ${gone === 1 ? 'is' : 'are'} gone`] : []),
  ]
  const isLoss = gained === 0 && lost > 0
  const list = through.map(name).join(', ')
  const way =
    reason !== undefined
      ? `, as ${oneLine(reason)}`
      : list === ''
        ? ''
        : isLoss
          ? `, reached through ${list} before`
          : ` through ${list}`
  const stop = stoppedBy.length === 0 ? '' : `, stopped by ${stoppedBy.map(name).join(', ')}`
  const text = figures.length === 0 ? 'other rows' : figures.join(', ')
  return `${name(subject)}  ${strong(text)} of ${name(short(table))} (${commandWord(command)})${way}${stop}`
}

function uncomparedLine(statement: string, { name, strong }: Marks): string {
  return `${strong('not compared')}: ${name(statement)} changes a role, and roles are of both states`
}

/** INSERT and `change` are of rows like those that are there. */
function commandWord(command: RowShift['command']): string {
  return command === 'change'
    ? 'UPDATE to such rows'
    : command === 'insert'
      ? 'INSERT of such rows'
      : command.toUpperCase()
}

function rightLine({ subject, table, command, gained, says, through }: RightShift, { name, strong }: Marks): string {
  const list = through.map(name).join(', ')
  const verb = gained ? 'now' : 'no longer'
  return `${name(subject)}  ${strong(verb)} ${says} in ${name(short(table))} (${command.toUpperCase()})${list === '' ? '' : gained ? ` through ${list}` : `, before through ${list}`}`
}

function tableLines({ newTables, droppedTables }: AccessReview, { name }: Marks): string[] {
  return [
    ...newTables.map((table) => `new table ${name(short(table))}`),
    ...droppedTables.map((table) => `table ${name(short(table))} is gone`),
  ]
}

function findingLines({ findings: { found, gone } }: AccessReview, { name, strong }: Marks): string[] {
  const line = (what: string) => (each: FindingChange) =>
    `${strong(what)} ${each.level} ${each.code}: ${name(each.says)}`
  const lines = [...found.map(line('new')), ...gone.map(line('gone'))]
  return lines.length > maxFindings ? [...lines.slice(0, maxFindings), `and ${lines.length - maxFindings} more`] : lines
}

function keyLines({ keys: { gained, lost } }: RowShift): string[] {
  const list = (sign: string, keys: RowShift['keys']['gained']): string[] =>
    keys.length === 0
      ? []
      : [`${sign} ${keys.map(({ hash, value }) => (value === undefined ? hash : oneLine(value))).join(' ')}`]
  return [...list('+', gained), ...list('−', lost)]
}

function summarise(review: AccessReview): string {
  const { rows, rights, subjects, tables, findings } = review
  const scope = `${subjects.length} identities, ${tables} tables`
  const gains = [...rows.filter(({ gained }) => gained > 0), ...rights.filter(({ gained }) => gained)].length
  const open = review.uncompared.length === 0 ? '' : `, ${review.uncompared.length} not compared`
  const losses = [...rows.filter(({ lost }) => lost > 0), ...rights.filter(({ gained }) => !gained)].length
  const { found, gone } = findings
  const access =
    !review.hasRows && gains + losses === 0
      ? 'no row to compare: give some with --rows or a seed'
      : isNeutral(review)
        ? 'no change of access'
        : `${gains} ${gains === 1 ? 'gain' : 'gains'}, ${losses} ${losses === 1 ? 'loss' : 'losses'} of access${open}`
  const doctor = found.length + gone.length === 0 ? '' : `; the doctor: ${found.length} new, ${gone.length} gone`
  return `${access}${doctor} (${scope})`
}

function more(lines: readonly string[]): string[] {
  return lines.length > maxMarkdownLines ? [`- and ${lines.length - maxMarkdownLines} more`] : []
}

function rowsOf(count: number): string {
  return count === 1 ? '1 row' : `${count} rows`
}

function short(table: string): string {
  return table.startsWith('public.') ? table.slice('public.'.length) : table
}

/** Names are of somebody's choice: nothing in them moves the cursor or ends the line. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '\uFFFD')
}

function code(text: string): string {
  return `\`${oneLine(text).replaceAll('`', "'")}\``
}
