/**
 * `rowpass explain`: what a code means, what leads to it and what ends it.
 */
import { Command } from 'commander'
import type { Level, Rule } from '../../doctor/finding.ts'
import { rules } from '../../doctor/rules.ts'
import { Failure, type FailureCode } from '../../errors.ts'
import { type FailureSpec, failures } from '../../failures.ts'
import { causes, remedyOf } from '../causes.ts'
import { describeRule } from '../doctor-report.ts'
import { bold, exitCodes, type Io, type SetExitCode } from '../io.ts'
import { renderError } from '../render-error.ts'

const help = `
Takes the code of an error[code] line, of a problem document or of a hint, and the code of a finding of the doctor. Without
one it lists all of them. Exit code 2 for a code that is none; those that come near are named.

Examples:
  $ npx rowpass explain policy_refused
  $ npx rowpass explain RLS033
  $ npx rowpass explain token_invalid --json
  $ npx rowpass explain`

/** What is known of a code. */
type Entry =
  | {
      readonly kind: 'failure'
      readonly code: string
      readonly says: string
      readonly cause: string
      readonly remedy: string
      readonly status: number
      readonly sqlstate: string
    }
  | {
      readonly kind: 'rule'
      readonly code: Rule['code']
      readonly slug: string
      readonly says: string
      readonly level: Level
      readonly why: string
    }

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('explain')
    .argument('[code]', 'such as token_expired or RLS033')
    .option('--json', 'print as JSON')
    .addHelpText('after', help)
    .action((given: string | undefined, { json }: { json?: true }) => {
      const all = entries()
      if (given === undefined) return io.stdout(json === true ? `${JSON.stringify(all)}\n` : listed(all))
      const word = given.replace(/^error\[(\w+)\].*$/s, '$1').toLowerCase()
      const entry = all.find(({ code }) => code.toLowerCase() === word)
      if (entry !== undefined) return io.stdout(json === true ? `${JSON.stringify(entry)}\n` : explained(io, entry))
      const near = nearest(word, all)
      const detail = `there is no code ${JSON.stringify(given)}${near.length === 0 ? '' : `; near it: ${near.join(', ')}`}`
      renderError(io, new Failure('input_invalid', { detail }))
      setExitCode(exitCodes.usage)
    })
}

function entries(): Entry[] {
  const ofFailures = Object.entries<FailureSpec>(failures).map(([code, spec]): Entry => {
    const { says, status, sqlstate } = spec
    const { cause } = causes[code as FailureCode]
    return { kind: 'failure', code, says, cause, remedy: remedyOf(code as FailureCode, spec), status, sqlstate }
  })
  const ofRules = rules.map(
    ({ code, slug, title, level, why }): Entry => ({ kind: 'rule', code, slug, says: title, level, why }),
  )
  return [...ofFailures, ...ofRules]
}

function listed(all: readonly Entry[]): string {
  const width = Math.max(...all.map(({ code }) => code.length))
  return all.map(({ code, says }) => `${code.padEnd(width)}  ${says}\n`).join('')
}

function explained(io: Io, entry: Entry): string {
  const { code, says } = entry
  if (entry.kind === 'rule') return describeRule({ ...entry, title: says })
  return `${bold(io, code)}  ${says}

Cause   ${entry.cause}

Remedy  ${entry.remedy}

HTTP status ${entry.status}, SQLSTATE ${entry.sqlstate}
`
}

/** Codes that somebody may have meant: those of this SQLSTATE, else those that are written much alike, the nearest first. */
function nearest(word: string, all: readonly Entry[]): string[] {
  const ofState = all.filter((entry) => entry.kind === 'failure' && entry.sqlstate.toLowerCase() === word)
  if (ofState.length > 0) return ofState.map(({ code }) => code)
  return all
    .map(({ code }) => ({ code, likeness: likeness(word, code.toLowerCase()) }))
    .filter((each) => each.likeness >= 0.4)
    .sort((one, other) => other.likeness - one.likeness)
    .slice(0, 5)
    .map(({ code }) => code)
}

/** The part of their pairs of letters that two words share, from 0 to 1 (Dice, 1945). */
function likeness(one: string, other: string): number {
  const [pairs, others] = [pairsOf(one), pairsOf(other)]
  const shared = [...pairs].filter((pair) => others.has(pair)).length
  return (2 * shared) / Math.max(1, pairs.size + others.size)
}

function pairsOf(word: string): Set<string> {
  return new Set(Array.from({ length: Math.max(0, word.length - 1) }, (_, index) => word.slice(index, index + 2)))
}
