/**
 * `rowpass env`: where the system that runs in this folder can be reached.
 */
import { Command } from 'commander'
import { Failure } from '../../errors.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { renderError } from '../render-error.ts'
import { readRunning } from '../running.ts'

const help = `
OWNER_DATABASE_URL holds a password. Exit code 3 when nothing runs in this folder.

Examples:
  $ npx rowpass env
  $ eval "$(npx rowpass env)"
  $ npx rowpass env --json`

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('env')
    .option('--json', 'print the URLs as JSON')
    .addHelpText('after', help)
    .action((options: { json?: true }) => {
      const urls = readUrls(io.cwd)
      if (urls === undefined) {
        renderError(io, new Failure('not_running'))
        return setExitCode(exitCodes.notRunning)
      }
      io.stdout(options.json === true ? `${JSON.stringify(urls)}\n` : toDotenv(urls))
    })
}

/** URLs by the name of their variable; undefined when nothing runs, or is not ready yet. */
export function readUrls(directory: string): Readonly<Record<string, string>> | undefined {
  const running = readRunning(directory)
  if (running?.ready !== true) return undefined
  return {
    OWNER_DATABASE_URL: running.ownerUrl,
    DATABASE_URL: running.databaseUrl,
    GATEWAY_URL: running.gatewayUrl,
    API_URL: running.apiUrl,
  }
}

/** In single quotes both a shell and a dotenv reader take a URL as it is; a URL holds no single quote unescaped. */
function toDotenv(urls: Readonly<Record<string, string>>): string {
  return Object.entries(urls)
    .map(([name, url]) => `${name}='${url.replaceAll("'", '%27')}'\n`)
    .join('')
}
