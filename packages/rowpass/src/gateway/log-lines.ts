/**
 * The lines of several processes in one log: each whole, and those of requests in one chain.
 */
import type { AuditChain } from './audit-chain.ts'

/** Cuts what a process writes at the ends of its lines. */
export interface LineCutter {
  /** @returns the lines that are whole now, each with its newline; what is behind them is kept for the next time */
  take(chunk: Buffer): string
}

const newline = 0x0a
/** A line has some kB; what is longer is no line of ours, and is not kept. */
const maxKeptBytes = 4 * 1024 * 1024

/** Begins at the beginning of a line. */
export function createLineCutter(): LineCutter {
  let kept: Buffer[] = []
  let keptBytes = 0
  return {
    take(chunk) {
      const end = chunk.lastIndexOf(newline) + 1
      const lines = end === 0 ? '' : Buffer.concat([...kept, chunk.subarray(0, end)]).toString()
      if (end > 0) {
        kept = []
        keptBytes = 0
      }
      const rest = chunk.subarray(end)
      if (rest.length > 0 && keptBytes + rest.length <= maxKeptBytes) {
        kept.push(rest)
        keptBytes += rest.length
      }
      return lines
    },
  }
}

/** A request, of whichever process; the end of the whole, which is no worker's. */
const hanging = /"msg":"sql_answered"\}$|(?<!,"worker":\d{1,3}),"msg":"gateway_stopped"\}$/

/** Hangs those of whole lines together that belong in the chain. */
export function linkLines(lines: string, chain: AuditChain): string {
  return lines
    .split('\n')
    .map((line) => (line === '' ? '' : hanging.test(line) ? chain.link(line) : `${line}\n`))
    .join('')
}
