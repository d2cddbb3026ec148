/**
 * The work that takes long: how fast it goes is up to what a client sends, and it must not be done where everybody waits.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Failure, type FailureCode } from '../../errors.ts'
import { createClassifier, type Verdict } from '../../statement/classify.ts'
import { type FunctionFactRow, parseFunctionFacts } from '../../statement/facts.ts'
import type { Parser } from '../../statement/parser.ts'
import { parseSqlBody, type SqlHeaders } from '../contract/request.ts'

/** What a thread is asked to do. Each is answered by one {@link Reply}. */
export type Job =
  /** Judge a text: a `Verdict`. */
  | { readonly kind: 'judge'; readonly sql: string }
  /** Read a request body, as `parseSqlBody` does. */
  | { readonly kind: 'body'; readonly bytes: Uint8Array; readonly headers: SqlHeaders; readonly maxBatch: number }

/** What a thread is told, without a reply. */
export interface News {
  readonly kind: 'facts'
  readonly facts: readonly FunctionFactRow[]
  readonly allowExplain: boolean
  readonly maxLength: number
}

/** How a job ended; `ready` once, when the thread takes the first. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly code: FailureCode; readonly options: { readonly detail?: string } }
  | { readonly kind: 'broken'; readonly message: string }

/** What a thread sends back. */
export interface Report {
  readonly reply: Reply
  /** Milliseconds of the thread that the job took, without those for which the machine had no processor for it. */
  readonly usedMs: number
  /** Bytes that its heap has by now. */
  readonly heapBytes: number
}

/** Does what a thread is asked. */
export type Perform = (message: Job | News) => Promise<Reply | undefined>

/** A parser that was broken twice has another instance after a few of these milliseconds. */
const parserRetryMs = 5
const maxParserRetries = 100

/** Makes the side of the thread. */
export function createPerform(parser: Parser): Perform {
  let classify: ((sql: string) => Verdict) | undefined

  async function judge(sql: string): Promise<Verdict> {
    if (classify === undefined) throw new Failure('catalog_unread')
    for (let retry = 0; ; retry++) {
      try {
        const verdict = classify(sql)
        // The fingerprint is computed when it is asked for: here, and not where the verdict goes.
        return verdict.kind === 'refused' ? verdict : { ...verdict, fingerprint: verdict.fingerprint }
      } catch (error) {
        if (!(error instanceof Failure) || retry === maxParserRetries) throw error
        await wait(parserRetryMs)
      }
    }
  }

  function run(job: Job): unknown {
    if (job.kind === 'judge') return judge(job.sql)
    const { buffer, byteOffset, byteLength } = job.bytes
    return parseSqlBody(Buffer.from(buffer, byteOffset, byteLength).toString(), job.headers, job.maxBatch)
  }

  return async (message) => {
    if (message.kind === 'facts') {
      const { facts, allowExplain, maxLength } = message
      // What was judged is kept where it is asked for.
      classify = createClassifier(parser, parseFunctionFacts(facts), {
        allowExplain,
        maxLength,
        cacheSize: 1,
        cacheLength: 1,
      })
      return undefined
    }
    try {
      return { kind: 'done', value: await run(message) }
    } catch (error) {
      if (!(error instanceof Failure)) return { kind: 'broken', message: String(error) }
      return { kind: 'failed', code: error.code, options: error.detail === undefined ? {} : { detail: error.detail } }
    }
  }
}
