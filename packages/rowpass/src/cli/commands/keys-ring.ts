/**
 * `rowpass keys list | add | activate | retire | prune | rewrap | revoke`: the key ring, step by step.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { Failure } from '../../errors.ts'
import type { RingStore } from '../../issuer/ring/ring-store.ts'
import {
  activate,
  addNewKey,
  type KeyStep,
  prune,
  reportKeys,
  reportRevocation,
  retire,
  revoke,
} from '../../issuer/ring/steps.ts'
import { type Algorithm, ownAlgorithms } from '../../token/algorithms.ts'
import type { Io } from '../io.ts'
import { type RingOptions, withRingStore } from '../key-ring.ts'
import { describeRevocation, describeRing, describeSteps } from '../keys-report.ts'

/** Where a ring is found; the end of the help of each command. */
const whereHelp = `
The ring is in the file of --file or KEY_RING_FILE, else in the database: OWNER_DATABASE_URL, or the one of this folder.
Private keys in the database are encrypted under KEY_ENCRYPTION_KEYS (default: the key in .rowpass/secrets.json).
A key may be named by the beginning of its kid, 4 characters or more.`

interface Options extends RingOptions {
  readonly alg: Algorithm
  readonly force?: true
  readonly json?: true
}

/** The options that say where the ring is. */
export function ringCommand(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name)
    .summary(summary)
    .option('--file <path>', 'the ring file')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `${whereHelp}\n\nExamples:\n${examples.map((line) => `  $ npx rowpass keys ${line}`).join('\n')}`,
    )
}

/** The algorithm of a key that is made, and the timing of a ring that is made with it. */
export function withNewKeyOptions(command: Command): Command {
  return command
    .addOption(new Option('--alg <name>', 'algorithm of a new key').choices(ownAlgorithms).default('ES256'))
    .option('--max-age <seconds>', 'new ring: how long others may keep the published keys (default 300)', toSeconds)
    .option('--lag <seconds>', 'new ring: how long an instance may use its copy (default 5)', toSeconds)
}

/** The shell side of the commands. */
export function defineRing(io: Io): Command[] {
  const run = (options: RingOptions, work: (store: RingStore) => Promise<void>) => withRingStore(io, options, work)
  const tell = (options: Options, steps: readonly KeyStep[]): void =>
    io.stdout(options.json === true ? `${JSON.stringify({ steps })}\n` : describeSteps(steps))
  const force = '--force'
  return [
    ringCommand('list', 'show the keys, what may happen next, and when', ['list', 'list --json']).action(
      (options: Options) => run(options, (store) => list(io, store, options)),
    ),
    withNewKeyOptions(
      ringCommand('add', 'publish a new key, which does not sign yet', ['add', 'add --alg EdDSA']),
    ).action((options: Options) => run(options, async (store) => tell(options, [await addNewKey(store, options.alg)]))),
    ringCommand('activate', 'sign with a published key from now on', ['activate NzbL'])
      .argument('<kid>')
      .option(force, 'also before it is safe')
      .action((kid: string, options: Options) =>
        run(options, async (store) => tell(options, await activate(store, await find(store, kid), options))),
      ),
    ringCommand('retire', 'take a key out of use without replacing it', ['retire NzbL'])
      .argument('<kid>')
      .option(force, 'also the key that signs; nothing can be signed then')
      .action((kid: string, options: Options) =>
        run(options, async (store) => tell(options, [await retire(store, await find(store, kid), options)])),
      ),
    ringCommand('prune', 'stop publishing retired keys, and destroy their private halves', ['prune', 'prune NzbL'])
      .argument('[kid]', 'one key; without it, all for which it is safe')
      .option(force, 'also before it is safe')
      .action((kid: string | undefined, options: Options) =>
        run(options, async (store) => {
          const steps = await prune(store, kid && (await find(store, kid)), options)
          tell(options, steps)
          if (steps.length === 0) io.stderr('no retired key is safe to prune: "rowpass keys list" says from when on\n')
        }),
      ),
    ringCommand('rewrap', 'encrypt the private keys under the first of KEY_ENCRYPTION_KEYS', [
      'rewrap',
      'rewrap --json',
    ]).action((options: Options) => run(options, (store) => rewrap(io, store, options))),
    withNewKeyOptions(ringCommand('revoke', 'emergency: take a key out at once', ['revoke NzbL']))
      .argument('<kid>')
      .action((kid: string, options: Options) => run(options, (store) => revokeCommand(io, store, kid, options))),
  ]
}

async function list(io: Io, store: RingStore, options: Options): Promise<void> {
  const stored = await store.read()
  const { timing } = stored.ring
  const now = new Date(stored.nowMs).toISOString()
  if (options.json === true) io.stdout(`${JSON.stringify({ now, timing, keys: reportKeys(stored) })}\n`)
  else io.stdout(describeRing(io, stored, store.says))
}

async function rewrap(io: Io, store: RingStore, options: Options): Promise<void> {
  const kids = await store.rewrap()
  if (options.json === true) io.stdout(`${JSON.stringify({ rewrapped: kids })}\n`)
  else io.stdout(kids.length === 0 ? 'nothing to do\n' : kids.map((kid) => `rewrapped ${kid}\n`).join(''))
}

async function revokeCommand(io: Io, store: RingStore, name: string, options: Options): Promise<void> {
  const kid = await find(store, name)
  const { signs } = await revoke(store, kid, options.alg)
  const report = reportRevocation(await store.read(), kid, signs)
  if (options.json === true) io.stdout(`${JSON.stringify(report)}\n`)
  else io.stdout(describeRevocation(io, report, store.inFile))
}

/** The key that a person means. */
async function find(store: RingStore, name: string): Promise<string> {
  const { ring } = await store.read()
  const found = ring.keys.filter(({ kid }) => kid === name || (name.length >= 4 && kid.startsWith(name)))
  const [key] = found
  if (key === undefined) throw new Failure('key_unknown', { detail: name })
  if (found.length > 1) throw new Failure('key_unknown', { detail: `${name} is the beginning of ${found.length} keys` })
  return key.kid
}

function toSeconds(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 86_400) return Number(text)
  throw new InvalidArgumentError('It is not a whole number from 0 to 86400.')
}
