/**
 * What the tools were worth, as tables.
 */
import { toTable } from '../bench/document.ts'
import type { Case } from './cases.ts'
import type { FixOutcome, Score } from './score.ts'
import type { Tool } from './tools.ts'

/** One case, and what each tool made of it, in the order of the tools. */
export interface Result {
  readonly case: Case
  readonly scores: readonly Score[]
}

type Count = (scores: readonly { readonly of: Case; readonly score: Score }[], tool: Tool) => string

/** The figures, for docs/doctor.md. */
export function summary(
  tools: readonly Tool[],
  results: readonly Result[],
  puzzles: readonly ({ right: number; of: number } | undefined)[],
  serverVersion: string,
): string {
  const faults = results.filter((each) => each.case.kind === 'fault')
  const sound = results.length - faults.length
  const row = (title: string, count: Count) => [
    title,
    ...tools.map((tool, index) => {
      const column = results.flatMap((each) => {
        const score = each.scores[index]
        return score === undefined ? [] : [{ of: each.case, score }]
      })
      return count(column, tool)
    }),
  ]
  const found: Count = (column) => `**${column.filter(({ score }) => score.judgement.found !== undefined).length}**`
  const fixed =
    (outcome: FixOutcome): Count =>
    (column, { fixes }) =>
      fixes === undefined ? '—' : `${column.filter(({ score }) => score.fix === outcome).length}`
  const written: Count = (column, { fixes }) =>
    fixes === undefined
      ? '—'
      : `${column.filter(({ score }) => score.fix !== undefined && score.fix !== 'asks').length}`
  const alarms =
    (kind: Case['kind'], perCase: boolean): Count =>
    (column) => {
      const lists = column.filter(({ of }) => of.kind === kind).map(({ score }) => score.judgement.falseAlarms)
      return `**${perCase ? lists.filter((list) => list.length > 0).length : lists.flat().length}**`
    }
  const right = [
    'puzzles of which all is said that has to be, and nothing wrong',
    ...puzzles.map((count) => (count === undefined ? '—' : `**${count.right}** of ${count.of}`)),
  ]
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}, PostgreSQL ${serverVersion}, by \`npm run corpus\`.`,
    '',
    toTable(
      ['', ...tools.map(({ title }) => title)],
      [
        row(`**faults found, of ${faults.length}**`, found),
        row(
          `**found at the level that they have, or above**`,
          (column) => `**${column.filter(({ score }) => score.judgement.loud).length}**`,
        ),
        row(`**false alarms: warnings and errors about ${sound} sound constructs**`, alarms('sound', false)),
        row('**sound constructs with a false alarm**', alarms('sound', true)),
        row(`**false alarms about the ${faults.length} schemas without their fault**`, alarms('fault', false)),
        row('**such schemas with a false alarm**', alarms('fault', true)),
        row(
          'notes (level info) about all of these',
          (column) => `${column.flatMap(({ score }) => score.judgement.notes).length}`,
        ),
        row('faults for which a fix was written; for the others it asks, or has none', written),
        row('**… the leak is gone, and what worked works**', fixed('holds')),
        row('… something that worked does not any more', fixed('breaks')),
        row('… the leak is still there, and the finding is gone', fixed('hides')),
        row('… nothing is better, and it says so', fixed('fails')),
        right,
      ],
    ),
  ].join('\n')
}

/** What each tool said of each case, for results.md. */
export function details(tools: readonly Tool[], results: readonly Result[]): string {
  const head = tools.map(({ title }) => title)
  const of = (kind: Case['kind'], cell: (score: Score, each: Case) => string) =>
    results
      .filter((each) => each.case.kind === kind)
      .map(({ case: each, scores }) => [
        `[${each.name}](${kind === 'fault' ? 'faults' : 'sound'}/${each.name}.sql): ${each.title}`,
        ...scores.map((score) => cell(score, each)),
      ])
  const fault = ({ judgement: { found, loud, falseAlarms }, fix }: Score, { level }: Case) =>
    [
      found === undefined ? '—' : `\`${found.rule}\`${loud ? '' : `, only ${found.level} for ${level}`}`,
      ...(fix === undefined || fix === 'asks' ? [] : [`fix ${fix}`]),
      ...list('without the fault: ', falseAlarms),
    ].join('; ')
  const construct = ({ judgement: { falseAlarms } }: Score) => list('', falseAlarms)[0] ?? '—'
  return [
    '## Faults',
    '',
    toTable(['fault', ...head], of('fault', fault)),
    '',
    '## Sound constructs',
    '',
    'Warnings and errors about them; a dash is right.',
    '',
    toTable(['construct', ...head], of('sound', construct)),
  ].join('\n')
}

function list(title: string, rules: readonly string[]): string[] {
  const once = [...new Set(rules)]
  return once.length === 0 ? [] : [`${title}${once.map((rule) => `\`${rule}\``).join(', ')}`]
}
