/**
 * `rowpass db seal-keys`: which seal keys the database accepts, how one is made, and how one is taken out.
 */
import { Command, Option } from 'commander'
import { withConnection } from '../../database/connect.ts'
import { Failure } from '../../errors.ts'
import { formatSealKeys, generateSealKey, listSealKeys, removeSealKey } from '../../seal/keys.ts'
import type { Io } from '../io.ts'
import { loadProject } from '../project.ts'
import { openDatabase } from '../project-database.ts'

const help = `
To replace a key without refusing a request:

  1. make one with --new, add it behind the old one in ROWPASS_SEAL_KEYS, and run "rowpass db migrate" as at first: both
     are accepted
  2. put the new key first for every gateway, and send each SIGHUP: it seals with the new key
  3. rowpass db seal-keys --remove OLD: the old one is refused from the next statement on

Examples:
  $ npx rowpass db seal-keys --new main > seal-keys
  $ npx rowpass db seal-keys
  $ npx rowpass db seal-keys --remove 2026-01`

interface Options {
  readonly new?: string
  readonly remove?: string
  readonly json?: true
}

/** The shell side of the command. */
export function defineSealKeys(io: Io): Command {
  return new Command('seal-keys')
    .summary('list the seal keys that the database accepts, make one, or take one out')
    .addOption(
      new Option('--new <name>', 'print a new key for ROWPASS_SEAL_KEYS; no database is asked').conflicts('remove'),
    )
    .option('--remove <name>', 'refuse what is sealed with this key from now on')
    .option('--json', 'print the names as JSON')
    .addHelpText('after', help)
    .action((options: Options) => (options.new === undefined ? sealKeysCommand(io, options) : newKey(io, options.new)))
}

function newKey(io: Io, name: string): void {
  try {
    io.stdout(`${formatSealKeys([generateSealKey(name)])}\n`)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new Failure('input_invalid', { detail: error.message, cause: error })
  }
}

async function sealKeysCommand(io: Io, { remove, json }: Options): Promise<void> {
  const database = await openDatabase(loadProject(io), { onProgress: (text) => io.stderr(`${text}\n`) })
  try {
    const names = await withConnection(database.ownerUrl, async (client) => {
      if (remove !== undefined && !(await removeSealKey(client, remove))) {
        throw new Failure('seal_key_unknown', { detail: `The database has no seal key "${remove}"` })
      }
      return listSealKeys(client)
    })
    io.stdout(json === true ? `${JSON.stringify({ names })}\n` : names.map((name) => `${name}\n`).join(''))
  } finally {
    await database.stop()
  }
}
