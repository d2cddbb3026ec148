/**
 * Runs a page of docs/ as a reader would: every block fenced as ```sh, in order, in one shell, on a server of its own.
 * A block fenced as ```text right after one is what it prints, with `…` for what is left out.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { openForServer } from '../../../local/src/postgres/data-folder.ts'
import { startEmbeddedPostgres } from '../../../local/src/postgres/embedded.ts'
import { freePort } from '../../../local/src/postgres/server.ts'
import { withConnection } from '../../src/database/connect.ts'
import { formatSealKeys, generateSealKey } from '../../src/seal/keys.ts'
import { repository } from './pg.ts'

/** An empty database for what is run inside, as demo/README.md offers one for a rehearsal. */
export const emptyDatabase = [
  process.execPath,
  join(repository, 'packages/local/bin/rowpass-local.js'),
  '--empty',
  '--',
]

/** One block of commands. */
export interface Block {
  readonly commands: string
  /** Lines that the page says it prints, in their order; empty when the page says nothing. */
  readonly expected: readonly string[]
  /** What it printed, both streams. */
  readonly output: string
}

/** What came of a page. */
export interface PageRun {
  readonly blocks: readonly Block[]
  readonly code: number
}

const mark = '::: block'

/** Functions of the shell: `npx rowpass` is that of this repository, or ROWPASS_PROGRAM; `doctor` answers with 1 to findings, `review` to a gain. */
const prelude = `
set -euo pipefail
psql() { node "$REPOSITORY/packages/rowpass/test/support/psql.mjs" "$@"; }
npx() {
  local name=$1 code=0
  shift
  if [ "$name" = tsx ]; then node --import "$TSX" "$@"; return; fi
  if [ "$name" = wrangler ]; then node "$REPOSITORY/node_modules/wrangler/bin/wrangler.js" "$@"; return; fi
  if [ "$name" = rowpass-local ]; then PATH="$REPOSITORY/node_modules/.bin:$PATH" node "$REPOSITORY/packages/local/bin/rowpass-local.js" "$@"; return; fi
  node "\${ROWPASS_PROGRAM:-$REPOSITORY/packages/rowpass/bin/rowpass.js}" "$@" || code=$?
  [ $code = 0 ] || { { [ "$1" = doctor ] || [ "$1" = review ]; } && [ $code = 1 ]; }
}
background() {
  local log; log=$(mktemp -p "$PWD")
  "$@" >"$log" 2>&1 &
  local pid=$!
  for _ in $(seq 300); do
    grep -qE 'ready|Ready on|listening' "$log" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$log"; echo "it did not start: $*"; exit 1
}
`

/** Runs one page, such as `docs/from-supabase.md`, with a database `app`, and `moved` on another server where it moves. */
export async function runPage(path: string): Promise<PageRun> {
  const directory = mkdtempSync(join(tmpdir(), 'rowpass-walk-'))
  openForServer(directory)
  // As in the demo, where `drizzle/` holds its tables: a page must not bring them into the reader's database.
  for (const path of ['demo/drizzle', 'examples']) symlinkSync(join(repository, path), join(directory, basename(path)))
  const page = readFileSync(join(repository, path), 'utf8')
  const server = await startEmbeddedPostgres({ directory, durable: false })
  // Roles belong to a server: what a page leaves behind is not where it moves to.
  const target = mkdtempSync(join(tmpdir(), 'rowpass-walk-moved-'))
  openForServer(target)
  const moved = page.includes('MOVED_') ? await startEmbeddedPostgres({ directory: target, durable: false }) : server
  try {
    await withConnection(server.superuserUrl, (client) => client.query('create database app'))
    await withConnection(moved.superuserUrl, (client) => client.query('create database moved'))
    return await runBlocks(page, directory, await settings(server.superuserUrl, moved.superuserUrl))
  } finally {
    if (moved !== server) await moved.stop()
    await server.stop()
    for (const each of [target, directory]) rmSync(each, { recursive: true, force: true })
  }
}

/**
 * Runs the blocks of a page in a folder, with these settings besides PATH and HOME.
 *
 * @param inside a command whose further arguments are the one to run; default: none
 */
export async function runBlocks(
  page: string,
  directory: string,
  given: Record<string, string>,
  inside: readonly string[] = [],
): Promise<PageRun> {
  const blocks = readBlocks(page)
  const { output, code } = await runShell([...inside, 'bash', '-c', script(blocks)], directory, given)
  const outputs = output.split(new RegExp(`^${mark}\\n`, 'm')).slice(1)
  return { blocks: blocks.map((block, index) => ({ ...block, output: outputs[index] ?? '' })), code }
}

/** Lines of the page that the output does not have, in this order; spaces count as one. */
export function missingLines({ expected, output }: Block): string[] {
  const lines = output.split('\n').map(squeeze)
  let from = 0
  return expected.filter((line) => {
    const at = lines.findIndex((printed, index) => index >= from && matches(printed, squeeze(line)))
    if (at >= 0) from = at + 1
    return at < 0
  })
}

function matches(printed: string, line: string): boolean {
  const [start = '', ...rest] = line.split('…')
  return rest.length === 0 ? printed === line : printed.startsWith(start) && printed.endsWith(rest.at(-1) ?? '')
}

function squeeze(line: string): string {
  return line.trim().replace(/\s+/g, ' ')
}

function readBlocks(page: string): Omit<Block, 'output'>[] {
  return [...page.matchAll(/^```sh\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?/gms)].map(
    ([, commands = '', text = '']) => ({
      commands,
      expected: text.split('\n').filter((line) => squeeze(line) !== '' && squeeze(line) !== '…'),
    }),
  )
}

function script(blocks: readonly Omit<Block, 'output'>[]): string {
  const body = blocks.map(({ commands }) => `echo '${mark}'\n${commands.replace(/^(.*) &$/gm, 'background $1')}`)
  return prelude + body.join('\n')
}

/** What the pages tell the reader to set, here with values of this run. */
async function settings(superuserUrl: string, movedUrl: string): Promise<Record<string, string>> {
  const url = (database: string, user?: string) => {
    const result = new URL(database === 'moved' ? movedUrl : superuserUrl)
    result.pathname = `/${database}`
    if (user !== undefined) Object.assign(result, { username: user, password: 'of-a-throw-away-database' })
    return result.href
  }
  const [keysPort, gatewayPort] = [await freePort(), await freePort()]
  const issuer = `http://127.0.0.1:${keysPort}`
  return {
    OWNER_DATABASE_URL: url('app'),
    MOVED_DATABASE_URL: url('moved'),
    ROWPASS_DATABASE_URL: url('app', 'rowpass_gateway'),
    MOVED_GATEWAY_URL: url('moved', 'rowpass_gateway'),
    ROWPASS_SEAL_KEYS: formatSealKeys([generateSealKey('walk')]),
    ROWPASS_ISSUERS: JSON.stringify([
      { iss: issuer, jwks_url: `${issuer}/.well-known/jwks.json`, audience: 'rowpass' },
    ]),
    ROWPASS_PORT: String(gatewayPort),
    ROWPASS_DATABASE_ALIASES: 'rowpass',
    GATEWAY_URL: `http://127.0.0.1:${gatewayPort}/sql`,
    PORT: String(keysPort),
  }
}

function runShell(
  [program = 'bash', ...argv]: readonly string[],
  cwd: string,
  given: Record<string, string>,
): Promise<{ output: string; code: number }> {
  const tsx = new URL('../../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href
  // The examples import the package by its name; here that is the source.
  const TSX_TSCONFIG_PATH = `${repository}tsconfig.json`
  const env = { PATH: process.env.PATH, HOME: cwd, REPOSITORY: repository, TSX: tsx, TSX_TSCONFIG_PATH, ...given }
  return new Promise((resolve) => {
    const shell = spawn(program, argv, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let output = ''
    for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    shell.on('close', (code) => {
      endGroup(shell.pid)
      resolve({ output, code: code ?? 1 })
    })
  })
}

/** What the page started in the background is a child of a subshell, in the group of the shell. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  } catch {
    // The group is empty.
  }
}
