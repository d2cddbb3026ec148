/**
 * `rowpass db seal-keys`: which seal keys the database accepts, and how one is taken out.
 */
import { Command } from 'commander'
import { withConnection } from '../../database/connect.ts'
import { Failure } from '../../errors.ts'
import { listSealKeys, removeSealKey } from '../../seal/keys.ts'
import type { Io } from '../io.ts'
import { openDatabase } from '../local-database.ts'
import { loadProject } from '../project.ts'

const help = `
To replace a key without refusing a request:

  1. add the new key behind the old one in ROWPASS_SEAL_KEYS, and run "rowpass db migrate": both are accepted
  2. put the new key first for every gateway, and send each SIGHUP: it seals with the new key
  3. rowpass db seal-keys --remove OLD: the old one is refused from the next statement on

Examples:
  $ npx rowpass db seal-keys
  $ npx rowpass db seal-keys --remove 2026-01`

interface Options {
  readonly remove?: string
  readonly json?: true
}

/** The shell side of the command. */
export function defineSealKeys(io: Io): Command {
  return new Command('seal-keys')
    .summary('list the seal keys that the database accepts, or take one out')
    .option('--remove <name>', 'refuse what is sealed with this key from now on')
    .option('--json', 'print the names as JSON')
    .addHelpText('after', help)
    .action((options: Options) => sealKeysCommand(io, options))
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
