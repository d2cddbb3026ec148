/**
 * What runs in a thread of `job-thread.ts`.
 */
import { setPriority } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { loadParser, type ParserLimits } from '../../statement/parser.ts'
import { createPerform, type Job, type News, type Reply, type Report } from './jobs.ts'

const niceness = 5

// On Linux it is this thread's alone. Where the machine is short of time, the thread that serves everybody goes first.
if (process.platform === 'linux') setPriority(niceness)

const perform = createPerform(await loadParser(workerData as ParserLimits))
const report = (reply: Reply): void =>
  parentPort?.postMessage({ reply, heapBytes: getHeapStatistics().total_heap_size } satisfies Report)
report({ kind: 'ready' })
parentPort?.on('message', (message: Job | News) => {
  void perform(message).then((reply) => reply !== undefined && report(reply))
})
