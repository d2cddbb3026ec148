/**
 * What runs in a thread of `job-thread.ts`.
 */
import { setPriority } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { loadParser, type ParserLimits } from '../../statement/parser.ts'
import { createPerform, type Job, type News, type Reply, type Report } from './jobs.ts'
import { createMachineClock } from './machine-time.ts'

const niceness = 5

// On Linux it is this thread's alone. Where the machine is short of time, the thread that serves everybody goes first.
if (process.platform === 'linux') setPriority(niceness)

const perform = createPerform(await loadParser(workerData as ParserLimits))
const waitedMs = createMachineClock()
const report = (reply: Reply, usedMs: number): void =>
  parentPort?.postMessage({ reply, usedMs, heapBytes: getHeapStatistics().total_heap_size } satisfies Report)
report({ kind: 'ready' }, 0)
parentPort?.on('message', (message: Job | News) => {
  const startedAt = performance.now() - waitedMs()
  void perform(message).then(
    (reply) => reply !== undefined && report(reply, performance.now() - waitedMs() - startedAt),
  )
})
