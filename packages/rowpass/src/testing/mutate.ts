/**
 * Weakens the row-level security of a database, one slip at a time, and asks the tests whether they notice.
 */
import { setMaxListeners } from 'node:events'
import { withConnection } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { type CopyShop, openCopyShop } from './copies.ts'
import { runTests, type TestCommand, type TestRun } from './run-tests.ts'
import { listWeakenings, type Weakening } from './weakenings.ts'

/** A weakening that the tests were asked about. */
export interface TriedWeakening extends Weakening {
  /** `noticed` also when the tests did not end in time. */
  readonly outcome: 'noticed' | 'survived'
  readonly seconds: number
}

/** What came of it. */
export interface MutationReport {
  readonly weakenings: readonly TriedWeakening[]
  readonly noticed: number
  readonly survived: number
}

/** What to weaken and whom to ask. */
export interface MutateOptions {
  /** URL of the owner or a superuser. Its database is copied; it is never written to. */
  readonly databaseUrl: string
  /** Runs the tests against the database of the URL that it gets. */
  readonly command: Omit<TestCommand, 'url'>
  /** How many copies are tested at once, 1 to 16. Default 2. */
  readonly jobs?: number
  /** Only weakenings whose table or policy contains this text. */
  readonly only?: string
  /** Hears of each that was judged, and how many there are. */
  readonly onProgress?: (judged: TriedWeakening, done: number, total: number) => void
}

/**
 * Runs the tests once as things are, which must succeed, and once for each weakening, which should not.
 *
 * @throws Failure `tests_failed` when they fail on a copy that nothing was done to
 * @throws Failure `database_unavailable`, `owner_powerless`, `database_in_use` see `openCopyShop`
 */
export async function mutate(options: MutateOptions): Promise<MutationReport> {
  const { databaseUrl, command, jobs = 2, only = '', onProgress } = options
  // One listener for each copy that is tested.
  if (command.signal !== undefined) setMaxListeners(jobs + 1, command.signal)
  const all = await withConnection(databaseUrl, listWeakenings)
  const chosen = all.filter(({ table, policy = '' }) => table.includes(only) || policy.includes(only))
  const shop = await openCopyShop(databaseUrl)
  try {
    const first = await shop.withCopy([], (url) => runTests({ ...command, url }))
    if (!first.passed) throw new Failure('tests_failed', { detail: lastLines(first.output) })
    const judged = await judgeAll(shop, chosen, command, jobs, onProgress)
    const survived = judged.filter(({ outcome }) => outcome === 'survived').length
    return { weakenings: judged, noticed: judged.length - survived, survived }
  } finally {
    await shop.close()
  }
}

async function judgeAll(
  shop: CopyShop,
  weakenings: readonly Weakening[],
  command: Omit<TestCommand, 'url'>,
  jobs: number,
  onProgress: MutateOptions['onProgress'],
): Promise<TriedWeakening[]> {
  const judged: (TriedWeakening | undefined)[] = weakenings.map(() => undefined)
  const waiting = weakenings.entries()
  let done = 0
  const work = async (): Promise<void> => {
    // One iterator for all workers: each takes the next one.
    for (const [at, weakening] of waiting) {
      const started = performance.now()
      const run: TestRun = await shop.withCopy(weakening.sql, (url) => runTests({ ...command, url }))
      if (command.signal?.aborted) throw new Failure('tests_failed', { detail: 'interrupted' })
      const seconds = (performance.now() - started) / 1000
      const one: TriedWeakening = { ...weakening, outcome: run.passed ? 'survived' : 'noticed', seconds }
      judged[at] = one
      onProgress?.(one, ++done, weakenings.length)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: jobs }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return judged.filter((each) => each !== undefined)
}

function lastLines(output: string): string {
  return `they fail on an unchanged copy:\n${output.trim().split('\n').slice(-20).join('\n')}`
}
