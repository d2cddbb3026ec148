/**
 * `rowpass mcp`: the door for an assistant on this machine that starts its servers itself.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { Failure } from '../../errors.ts'
import { runBridge } from '../../gateway/mcp/stdio.ts'
import { isLoopback } from '../../network.ts'
import type { Io } from '../io.ts'
import { tokenFromCommand, tokenFromFile } from '../token-source.ts'

const help = `
Speaks the Model Context Protocol on standard input and output, and passes each message to the gateway at --url, which has
ROWPASS_MCP=true, with your token. Nothing else is printed to standard output. The gateway decides, as it does for you.

The file is read for each message. The command is run by the shell, at first and when its token has expired or is refused,
and has a minute. Either gives a token, or JSON with "access_token". On the command line other users would see it.

Examples:
  $ npx rowpass mcp --url http://127.0.0.1:4444/mcp --token-file token.txt
  $ npx rowpass mcp --url https://sql.example.com/mcp --token-command "my-login --print-token"

In the file .mcp.json of a project:
  {"mcpServers":{"rowpass":{"command":"npx","args":["rowpass","mcp","--url","http://127.0.0.1:4444/mcp",
    "--token-file","token.txt"]}}}

Exit codes: 0 the input has ended, 1 failed, 2 wrong usage.`

interface McpOptions {
  url: URL
  tokenFile?: string
  tokenCommand?: string
}

/** The shell side of the command. */
export function define(io: Io): Command {
  return new Command('mcp')
    .requiredOption('--url <url>', 'where the gateway answers, with /mcp at its end', parseUrl)
    .addOption(new Option('--token-file <file>', 'a file that holds the token').conflicts('tokenCommand'))
    .option('--token-command <command>', 'a command that prints a token')
    .addHelpText('after', help)
    .action((options: McpOptions) => mcpCommand(io, options, process.stdin))
}

/** @param input standard input, but for tests */
export async function mcpCommand(io: Io, options: McpOptions, input: AsyncIterable<Buffer | string>): Promise<void> {
  const { url, tokenFile, tokenCommand } = options
  const token =
    tokenFile !== undefined
      ? tokenFromFile(io, tokenFile)
      : tokenCommand !== undefined
        ? tokenFromCommand(io, tokenCommand)
        : undefined
  if (token === undefined) throw new Failure('input_invalid', { detail: '--token-file or --token-command is missing' })
  await runBridge({ input, write: (line) => io.stdout(`${line}\n`), url, token, signal: io.signal })
}

/** Over plain HTTP anybody on the way would have the token. */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) throw new InvalidArgumentError('It is not a URL.')
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return url
  throw new InvalidArgumentError('It is neither https nor of this machine.')
}
