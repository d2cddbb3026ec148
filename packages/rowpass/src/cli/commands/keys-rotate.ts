/**
 * `rowpass keys rotate`: the whole dance of a rotation, which can be left and taken up again at any time.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { RingStore } from '../../issuer/ring/ring-store.ts'
import { type KeyStep, type RotationState, rotate } from '../../issuer/ring/steps.ts'
import type { Algorithm } from '../../token/algorithms.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { type RingOptions, withRingStore } from '../key-ring.ts'
import { describeSteps, from } from '../keys-report.ts'
import { ringCommand, withNewKeyOptions } from './keys-ring.ts'

const help = `
Does what is safe now, and says when to run it again: it adds a key, lets it sign once every verifier has it, and takes the
old one out once its last token has expired. In an empty ring it makes the first key, which signs at once.
Run it daily from a scheduler, or once with --wait. Nothing is refused on the way.`

interface Options extends RingOptions {
  readonly alg: Algorithm
  readonly wait?: true
  readonly json?: true
}

/** Between two lines of progress. */
const progressMs = 30_000

/** The shell side of the command. */
export function defineRotate(io: Io, setExitCode: SetExitCode): Command {
  const command = ringCommand('rotate', 'replace the key that signs, step by step', ['rotate', 'rotate --wait'])
  return withNewKeyOptions(command)
    .option('--wait', 'wait for what is not safe yet, until the rotation is over')
    .addHelpText('before', `${help}\n`)
    .action((options: Options) =>
      withRingStore(io, options, async (store) => {
        const state = await runRotation(io, store, options)
        if (options.wait === true && state.next !== undefined) setExitCode(exitCodes.failed)
        if (options.json === true) io.stdout(`${JSON.stringify(toJson(state))}\n`)
        else if (state.next === undefined) io.stdout('the rotation is over\n')
        else
          io.stdout(`run this again: ${state.next.step} ${state.next.kid} is ${from(state.next.safeAt, state.nowMs)}\n`)
      }),
    )
}

async function runRotation(io: Io, store: RingStore, options: Options): Promise<RotationState> {
  const steps: KeyStep[] = []
  for (let begin = true; ; begin = false) {
    const state = await rotate(store, options.alg, begin)
    steps.push(...state.steps)
    if (options.json !== true) io.stdout(describeSteps(state.steps))
    const over = state.next === undefined || options.wait !== true || io.signal.aborted
    if (over || !(await wait(io, state.next, state.nowMs))) return { ...state, steps }
  }
}

/** The clock of the store counts, which may be another machine's. Returns false when the command is asked to end. */
async function wait(io: Io, next: NonNullable<RotationState['next']>, nowMs: number): Promise<boolean> {
  const offset = nowMs - Date.now()
  for (;;) {
    const now = Date.now() + offset
    if (now >= next.safeAt) return true
    io.stderr(`waiting: ${next.step} ${next.kid} is ${from(next.safeAt, now)}\n`)
    await delay(Math.min(progressMs, next.safeAt - now), undefined, { signal: io.signal }).catch((error) => {
      if (!io.signal.aborted) throw error
    })
    if (io.signal.aborted) return false
  }
}

function toJson({ steps, next }: RotationState): unknown {
  return { steps, next: next === undefined ? null : { ...next, safeAt: new Date(next.safeAt).toISOString() } }
}
