/**
 * Renders a failure for a person at a terminal.
 */
import { Failure } from '../errors.ts'
import { ConfigError } from '../gateway/config.ts'
import { type Io, red } from './io.ts'

const maxCauses = 5

/**
 * Writes `error[code]: text`, the detail, the hint, and the messages of what caused it, to standard error.
 *
 * The reader operates this program, so causes are shown; stacks only with DEBUG set.
 */
export function renderError(io: Io, error: unknown): void {
  for (const line of toLines(error)) io.stderr(`${line.replace(/^error\[\w+\]/, (head) => red(io, head))}\n`)
  if (io.env.DEBUG && error instanceof Error) io.stderr(`${error.stack}\n`)
}

/** Whether it is what the caller wrote that is wrong, for an exit code. */
export function isWrongUsage(error: unknown): boolean {
  return error instanceof Failure && (error.code === 'input_invalid' || error.code === 'config_invalid')
}

function toLines(error: unknown): string[] {
  if (error instanceof ConfigError) {
    return [
      'error[config_invalid]: The configuration is wrong',
      ...error.problems.map((problem) => `  ${problem}`),
      'hint: docs/configuration.md has every setting with its form; "rowpass gateway --help" has an example.',
    ]
  }
  if (error instanceof Failure) {
    const { detail, spec } = error
    return [
      `error[${error.code}]: ${spec.says}${detail === undefined ? '' : `: ${detail}`}`,
      ...(spec.hint === undefined ? [] : [`hint: ${spec.hint}`]),
      ...(error.code === 'internal' ? causes(error.cause) : []),
    ]
  }
  return ['error[internal]: Something failed inside Rowpass', ...causes(error)]
}

function causes(error: unknown): string[] {
  const lines: string[] = []
  for (let each = error; each instanceof Error && lines.length < maxCauses; each = each.cause) {
    lines.push(`cause: ${each.name}: ${each.message}`)
  }
  return lines
}
