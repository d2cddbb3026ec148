/**
 * `rowpass keys`: makes signing keys, and rotates them.
 */
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { writeKeyFiles } from '../../issuer/ring/key-files.ts'
import { isAlgorithm, ownAlgorithms } from '../../token/algorithms.ts'
import type { Io, SetExitCode } from '../io.ts'
import { defineRing } from './keys-ring.ts'
import { defineRotate } from './keys-rotate.ts'

const help = `
Writes privateKey.jwk.json (mode 0600, a secret) and publicKey.jwk.json, or neither. Never replaces a file.
One key for ever is the smallest case: "rowpass keys rotate" is for more than that.

Examples:
  $ npx rowpass keys generate
  $ npx rowpass keys generate --dir /etc/rowpass --alg EdDSA
  $ npx wrangler secret put PRIVATE_KEY < privateKey.jwk.json`

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  const keys = new Command('keys')
  keys
    .command('generate')
    .summary('write a new key pair to files')
    .option('--dir <folder>', 'where to write', '.')
    .addOption(new Option('--alg <name>', 'algorithm').choices(ownAlgorithms).default('ES256'))
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action((options: { dir: string; alg: string; json?: true }) => generateCommand(io, options))
  keys.addCommand(defineRotate(io, setExitCode))
  for (const command of defineRing(io)) keys.addCommand(command)
  return keys
}

async function generateCommand(io: Io, options: { dir: string; alg: string; json?: true }): Promise<void> {
  if (!isAlgorithm(options.alg)) throw new TypeError('commander let an unknown algorithm pass')
  const written = await writeKeyFiles(resolve(io.cwd, options.dir), options.alg)
  if (options.json === true) return io.stdout(`${JSON.stringify(written)}\n`)
  const { alg, kid, privatePath, publicPath } = written
  io.stdout(`${alg} key ${kid}\nprivate: ${privatePath} (keep it secret)\npublic:  ${publicPath}\n`)
}
