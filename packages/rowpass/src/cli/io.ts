/**
 * What a command may touch of the process around it. Tests hand in their own.
 */

/** The world of one command. */
export interface Io {
  /** The project folder; commands read and write below it. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether standard output takes colours. */
  readonly colours: boolean
  /** Aborted when the command is asked to end. */
  readonly signal: AbortSignal
  /**
   * Calls the listener when the command is asked to read its settings again (SIGHUP). Without a listener that request
   * ends the command. Returns how to stop listening.
   */
  onReload(listener: () => void): () => void
  /** Results: what a program reads. */
  stdout(text: string): void
  /** Problems, and progress that is no result. */
  stderr(text: string): void
}

/** Exit codes, part of the interface. */
export const exitCodes = {
  done: 0,
  failed: 1,
  /** Unknown command, option or value. */
  usage: 2,
  /** Nothing runs in this folder. */
  notRunning: 3,
  /** The doctor could not examine the database; 1 means findings there. */
  unexamined: 4,
  /** Explained, but the explanation does not agree with what happened. */
  incomplete: 5,
} as const

/** How a command tells its exit code where that is not 0. */
export type SetExitCode = (code: number) => void

/** Bold text on a terminal, plain elsewhere. */
export function bold(io: Io, text: string): string {
  return io.colours ? `\u001b[1m${text}\u001b[22m` : text
}

/** Dim text on a terminal, plain elsewhere. */
export function dim(io: Io, text: string): string {
  return io.colours ? `\u001b[2m${text}\u001b[22m` : text
}

/** Red text on a terminal, plain elsewhere. */
export function red(io: Io, text: string): string {
  return io.colours ? `\u001b[31m${text}\u001b[39m` : text
}
