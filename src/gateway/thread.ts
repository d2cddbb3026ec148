/**
 * What runs in a thread of `lane.ts`.
 */
import { parentPort } from 'node:worker_threads'
import { loadParser } from '../sql/parser.ts'
import { createPerform, type Job, type News, type Reply } from './jobs.ts'

const perform = createPerform(await loadParser())
parentPort?.postMessage({ kind: 'ready' } satisfies Reply)
parentPort?.on('message', (message: Job | News) => {
  void perform(message).then((reply) => reply !== undefined && parentPort?.postMessage(reply))
})
