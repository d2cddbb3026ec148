/**
 * `rowpass audit`: who read what through which agent, by the log of a gateway; and whether the log is as it was written.
 */
import { createReadStream, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { Failure } from '../../errors.ts'
import { createChainCheck } from '../../gateway/audit-chain.ts'
import { type AuditFilter, createAuditReport, parseAuditLine } from '../audit-report.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'

const help = `
Reads what a gateway has logged, from files in the order of their lines, or "-" for standard input; without a file, the log of
the gateway that "npm start" runs. Each row is what one person had done through one agent (its narrowed token) with the same
tables or, where there are none, the same statement by its fingerprint. Lines of other events are passed over.

Examples:
  $ npx rowpass audit gateway.log
  $ npx rowpass audit --agent assistant --since 24h --json gateway.log
  $ npx rowpass audit verify gateway.log.1 gateway.log

Exit codes of "verify": 0 nothing is missing or edited, 1 something is, or the log has no chain.`

const verifyHelp = `
Checks lines that a gateway has written with ROWPASS_AUDIT_CHAIN=true: each has the hash of the one before. Says which line was
edited, is missing, was moved or put in. Give all files of a log that was split, the oldest first.

There is no secret in a chain: whoever can write the whole file can write another one, and lines at its end that are cut off
are noticed only where the gateway has ended in good order. Keep the "head" that is printed somewhere else: --head checks that
the line with it is still there, and so every line before it.`

/** UTF-16 units; a request has some hundreds, and a batch of a thousand statements 20,000. */
const maxLineLength = 4 * 1024 * 1024

interface AuditOptions {
  person?: string
  agent?: string
  since?: number
  json?: true
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  const verify = new Command('verify')
    .summary('whether lines are missing or were edited')
    .argument('[files...]', 'of the log, the oldest first; - for standard input')
    .option('--head <hash>', 'a head that was printed before: its line has to be there', parseHash)
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', verifyHelp)
    .action(async (files: string[], _: unknown, command: Command) => {
      // --json is an option of both, and counts as the outer one's wherever it stands.
      setExitCode((await verifyCommand(io, files, command.optsWithGlobals())) ? exitCodes.done : exitCodes.failed)
    })
  return new Command('audit')
    .argument('[files...]', 'of the log, the oldest first; - for standard input')
    .option('--person <sub>', 'only of this person, by "sub" of their tokens')
    .option('--agent <name>', 'only through this agent, by "sub" of "act"; "" for the people themselves')
    .option('--since <when>', 'only from then on: a time such as 2026-11-30T08:00Z, or 90m, 24h, 7d ago', parseSince)
    .option('--json', 'print the lines themselves')
    .addHelpText('after', help)
    .addCommand(verify)
    .action((files: string[], options: AuditOptions) => auditCommand(io, files, options))
}

async function auditCommand(io: Io, files: readonly string[], options: AuditOptions): Promise<void> {
  const filter: AuditFilter = { person: options.person, agent: options.agent, sinceMs: options.since }
  const report = createAuditReport()
  for await (const line of linesOf(io, files)) {
    const entry = parseAuditLine(line, filter)
    if (entry === undefined) continue
    if (options.json === true) io.stdout(`${line}\n`)
    else report.add(entry)
  }
  if (options.json !== true) io.stdout(report.text())
}

/** @returns whether nothing is wrong */
async function verifyCommand(
  io: Io,
  files: readonly string[],
  { head, json }: { head?: string; json?: true },
): Promise<boolean> {
  const check = createChainCheck(head)
  for await (const line of linesOf(io, files)) check.read(line)
  const { problems, chains, headFound } = check
  const headMissing = head !== undefined && !headFound
  if (json === true)
    io.stdout(`${JSON.stringify({ chains, problems, ...(head === undefined ? {} : { headFound }) })}\n`)
  else {
    for (const { line, says } of problems) io.stdout(`line ${line} ${says}\n`)
    if (headMissing) io.stdout(`no line has the hash ${head}: the end of the log is missing, or it is another log\n`)
    for (const { chain, lines, head: newest, ended } of chains) {
      const end = ended ? 'ended in good order' : 'without an end: lines after the last one would not be missed'
      io.stdout(`chain ${chain}: ${lines} lines, ${end}\n  head ${newest}\n`)
    }
    if (chains.length === 0) io.stdout('no line is in a chain: set ROWPASS_AUDIT_CHAIN=true for the gateway\n')
  }
  return problems.length === 0 && !headMissing && chains.length > 0
}

/** The lines of the files, one after the other. */
async function* linesOf(io: Io, files: readonly string[]): AsyncIterable<string> {
  const local = join('.rowpass', 'gateway.log')
  if (files.length === 0 && !existsSync(resolve(io.cwd, local))) {
    throw new Failure('input_invalid', { detail: `no file is named, and ${local} is not there` })
  }
  for (const file of files.length === 0 ? [local] : files) {
    const input = file === '-' ? process.stdin : createReadStream(resolve(io.cwd, file))
    yield* cutLines(input.setEncoding('utf8'), file)
  }
}

/** By newlines alone: others that Unicode has may stand within a line. */
async function* cutLines(input: AsyncIterable<string>, file: string): AsyncIterable<string> {
  let rest = ''
  try {
    for await (const chunk of input) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > maxLineLength) throw new Error('a line is too long')
      yield* lines
    }
  } catch (cause) {
    throw new Failure('input_invalid', { detail: `${file} cannot be read as a log`, cause })
  }
  if (rest !== '') yield rest
}

function parseHash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text
  throw new InvalidArgumentError('It is not the hash of a line, as "audit verify" prints it.')
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds since 1970. */
function parseSince(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const time = amount === undefined ? Date.parse(text) : Date.now() - Number(amount) * (unitMs[unit] ?? 0)
  if (Number.isFinite(time)) return time
  throw new InvalidArgumentError('It is neither a time nor an amount such as 90m, 24h or 7d.')
}
