/** A world in which a command can be asked for its help, and can do nothing. */
import type { Io } from '../packages/rowpass/src/cli/io.ts'

export const nowhere: Io = {
  cwd: '/nowhere',
  env: {},
  colours: false,
  signal: new AbortController().signal,
  onReload: () => () => undefined,
  stdout: () => undefined,
  stderr: () => undefined,
}
