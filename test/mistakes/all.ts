/** All mistakes, and how the documentation shows them. */
import { toTable } from '../../bench/document.ts'
import { agentMistakes } from './agents.ts'
import { databaseMistakes } from './database.ts'
import { gatewayMistakes } from './gateway.ts'
import { issuerMistakes } from './issuer.ts'
import type { Mistake } from './mistake.ts'
import { narrowedMistakes } from './narrowed.ts'
import { poolMistakes } from './pool.ts'
import { replicaMistakes } from './replicas.ts'
import { sealMistakes } from './seal.ts'
import { showcaseMistakes } from './showcase.ts'
import { sqlMistakes } from './sql.ts'
import { tokenMistakes } from './token.ts'

/** The page with the table, between the markers `mistakes`. */
export const mistakesPage = 'docs/security-testing.md'

export const mistakes: readonly Mistake[] = [
  ...tokenMistakes,
  ...sqlMistakes,
  ...sealMistakes,
  ...poolMistakes,
  ...replicaMistakes,
  ...gatewayMistakes,
  ...agentMistakes,
  ...databaseMistakes,
  ...issuerMistakes,
  ...narrowedMistakes,
  ...showcaseMistakes,
]

/**
 * Makes a mistake in the text of its file.
 * @throws TypeError when what it replaces is not there exactly once
 */
export function weaken({ file, from, to, weakens }: Mistake, text: string): string {
  const parts = text.split(from)
  if (parts.length !== 2)
    throw new TypeError(`${file}: "${weakens}" replaces a text that occurs ${parts.length - 1} times`)
  return parts.join(to)
}

/** The table. @param run when and for how long they were tried the last time */
export function mistakesTable(run: string): string {
  const survivors = mistakes.filter(({ survives }) => survives !== undefined)
  const head = `${mistakes.length} mistakes, ${mistakes.length - survivors.length} noticed, ${survivors.length} survive: ${run}.`
  return [
    head,
    '',
    rowsOf(mistakes.filter(({ survives }) => survives === undefined)),
    '',
    ...survivorsOf(survivors),
  ].join('\n')
}

function rowsOf(noticed: readonly Mistake[]): string {
  return toTable(
    ['with it', 'made in', 'noticed by'],
    noticed.map(({ weakens, file, test, title }) => [
      weakens,
      `\`${file}\``,
      `\`${test}\` ${title}`.replaceAll('|', '\\|'),
    ]),
  )
}

function survivorsOf(survivors: readonly Mistake[]): string[] {
  return survivors.map(({ weakens, file, survives }) => `- ${weakens} (\`${file}\`): ${survives}.`)
}
