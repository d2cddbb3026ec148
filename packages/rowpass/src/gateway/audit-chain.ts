/**
 * Lines of the log that hang together: each has the hash of the one before, so that one that is missing, was edited, put in
 * or moved is noticed by whoever reads them.
 *
 * A chain is of one gateway, with all its workers. It begins with a line of its own and ends with `gateway_stopped`, if the
 * gateway ends in good order. There is no secret in it: who may write the whole file can write another chain. It shows what was done to a file
 * by whoever can reach a part of it, or once its newest hash is kept elsewhere.
 */
import { hash, randomBytes } from 'node:crypto'

/** What stands before the first line of a chain. */
const nothing = '0'.repeat(64)
/** Members of a line that hangs in a chain, the last ones that it has. */
const linkPattern = /,"chain":"([0-9a-f]{16})","seq":(\d{1,15}),"prev":"([0-9a-f]{64})"\}$/
const messagePattern = /"msg":"(\w+)"/g

/** Hangs lines together. */
export interface AuditChain {
  /** The line that names the beginning; the first of the chain. */
  begin(): string
  /** A line of JSON as it is to be written, with its newline; takes some 2 µs. */
  link(line: string): string
}

/** Begins a chain. */
export function createAuditChain(): AuditChain {
  const chain = randomBytes(8).toString('hex')
  let seq = 0
  let prev = nothing

  function link(line: string): string {
    const linked = `${line.slice(0, line.lastIndexOf('}'))},"chain":"${chain}","seq":${seq},"prev":"${prev}"}`
    seq++
    prev = hash('sha256', linked)
    return `${linked}\n`
  }

  return {
    begin: () => link(`{"level":30,"time":"${new Date().toISOString()}","pid":${process.pid},"msg":"audit_started"}\n`),
    link,
  }
}

/** What is wrong at a line. */
export interface ChainProblem {
  /** From 1. */
  readonly line: number
  readonly says: string
}

/** One chain, as far as it was read. */
export interface ChainState {
  readonly chain: string
  readonly lines: number
  /** Of the last line, from 0 for the one that begins the chain. */
  readonly seq: number
  /** Of the last line, from 1. */
  readonly line: number
  /** SHA-256 of the last line. */
  readonly head: string
  /** Whether it was ended in good order. */
  readonly ended: boolean
}

/** Reads a log and notices what is wrong with its chains. */
export interface ChainCheck {
  /** Takes the next line, without its newline. */
  read(line: string): void
  readonly problems: readonly ChainProblem[]
  readonly chains: readonly ChainState[]
  /** Whether a line with this SHA-256 was among them. */
  readonly headFound: boolean
}

/** Problems that are told; the rest of a file that is not what it was adds nothing. */
const maxProblems = 1_000

/**
 * Begins to read.
 *
 * Lines at the end that are missing are noticed only where a chain has ended in good order, or by a hash that was kept.
 *
 * @param head a hash that one of the lines is to have
 */
export function createChainCheck(head?: string): ChainCheck {
  const chains = new Map<string, ChainState>()
  const problems: ChainProblem[] = []
  let number = 0
  let headFound = false

  function report(says: string): void {
    if (problems.length < maxProblems) problems.push({ line: number, says })
  }

  function read(line: string): void {
    number++
    const message = [...line.matchAll(messagePattern)].at(-1)?.[1]
    const link = linkPattern.exec(line)
    if (link === null) {
      if (message === 'sql_answered') report('is of a request and in no chain: it was put in, or its end was edited')
      return
    }
    const [, chain = '', seqText, prev = ''] = link
    const seq = Number(seqText)
    const before = chains.get(chain)
    const digest = hash('sha256', line)
    if (digest === head) headFound = true
    checkPlace({ seq, prev, isBeginning: message === 'audit_started' }, before)
    if (before !== undefined && seq <= before.seq) return
    const ended = message === 'gateway_stopped'
    chains.set(chain, { chain, lines: (before?.lines ?? 0) + 1, seq, line: number, head: digest, ended })
  }

  function checkPlace(
    { seq, prev, isBeginning }: { seq: number; prev: string; isBeginning: boolean },
    before: ChainState | undefined,
  ): void {
    if (before === undefined) {
      if (seq > 0) report(`is number ${seq} of its chain, and the first of it here: the ones before it are missing`)
      else if (!isBeginning || prev !== nothing) report('does not begin its chain as a line that begins one')
    } else if (seq > before.seq + 1) {
      const missing = seq - before.seq - 1
      report(
        `follows line ${before.line}: ${missing} ${missing === 1 ? 'line' : 'lines'} in between ${missing === 1 ? 'is' : 'are'} missing, or stand elsewhere`,
      )
    } else if (seq <= before.seq) {
      report(
        `is number ${seq} of its chain behind number ${before.seq}, in line ${before.line}: it was moved or put in`,
      )
    } else if (prev !== before.head) {
      report(
        `has another hash of line ${before.line} than that line has: line ${before.line} was edited, or this one's "prev" was`,
      )
    }
  }

  return {
    read,
    problems,
    get chains() {
      return [...chains.values()]
    },
    get headFound() {
      return headFound
    },
  }
}
