/**
 * Work that takes long, for the thread that serves everybody: small and known things are done here, all else on other
 * threads. Short and long work have a thread each, so that an ordinary new statement never waits for a large one.
 */
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { tooComplex, tooLong, type Verdict } from '../../statement/classify.ts'
import type { FunctionFactRow } from '../../statement/facts.ts'
import { createVerdicts, type Verdicts } from '../../statement/verdicts.ts'
import type { GatewayConfig } from '../config.ts'
import { parseSqlBody, type SqlBody, type SqlHeaders } from '../contract/request.ts'
import { createJobThread, JobLost } from './job-thread.ts'

/** Work that takes long. An owner is who it counts against. */
export interface Heavy {
  /** Whether ordinary new statements are judged without a wait for the thread. */
  readonly ready: boolean
  /** Facts of the database that statements are judged by from now on; what was judged before is forgotten. */
  setFacts(facts: readonly FunctionFactRow[]): void
  /**
   * Judges a text; at once when it is known, or one of its shape.
   *
   * @throws Failure what `unread` says until there are facts; `overloaded`, rejected
   */
  judge(sql: string, owner: string): Verdict | Promise<Verdict>
  /** Reads a body, which is empty afterwards. @throws Failure `request_invalid`; `overloaded` */
  parseBody(body: Buffer, headers: SqlHeaders, owner: string): SqlBody | Promise<SqlBody>
  close(): Promise<void>
}

type HeavyConfig = Pick<GatewayConfig, 'allowExplain' | 'maxBatch' | 'maxStatementLength' | 'requestTimeoutMs'>

/** The slowest JSON takes 0.13 ms a KiB: `npm run bench:floods`. */
const maxBodyBytesHere = 32 * 1024
/** UTF-16 units; the slowest statement of this length takes some 50 ms, but for those that are given up. */
const maxShortLength = 16 * 1024
/** The slowest job takes some 3 s of a thread. `maxRunMs` is generous: the machine may be busy with other things for most of it. */
const threadLimits = { maxWaiting: 1_000, budgetMs: 5_000, regainedMsPerSecond: 500, maxRunMs: 15_000 }
const maxLongIdleMs = 30_000
/** No text of {@link maxShortLength} that is allowed needs more than 16 MiB. */
const maxShortParserBytes = 24 * 1024 * 1024

/**
 * Starts the threads.
 * @param unread why there are no facts yet
 * @param limits of each thread
 */
export function createHeavy(config: HeavyConfig, emit: Emit, unread: () => Failure, limits = threadLimits): Heavy {
  const common = { ...limits, maxWaitMs: config.requestTimeoutMs }
  const short = createJobThread(
    { ...common, maxIdleMs: Number.POSITIVE_INFINITY, parser: { maxBytes: maxShortParserBytes } },
    emit,
  )
  const long = createJobThread({ ...common, maxIdleMs: maxLongIdleMs, parser: { spare: false } }, emit)
  let verdicts: Verdicts | undefined
  short.start()

  async function judgeNew(sql: string, owner: string, into: Verdicts): Promise<Verdict> {
    const thread = sql.length > maxShortLength ? long : short
    try {
      // A thread replies with what the job's kind says.
      return into.keep(sql, (await thread.run({ kind: 'judge', sql }, owner)) as Verdict)
    } catch (error) {
      // Not kept: what else the thread held is not known.
      if (error instanceof JobLost) return tooComplex
      throw error
    }
  }

  async function parseLarge(body: Buffer, headers: SqlHeaders, owner: string): Promise<SqlBody> {
    // One that came in a single piece is a part of what was read from the socket.
    const bytes = body.length === body.buffer.byteLength ? body : new Uint8Array(body)
    const job = { kind: 'body', bytes, headers: shapeHeaders(headers), maxBatch: config.maxBatch } as const
    try {
      return (await long.run(job, owner, [bytes.buffer as ArrayBuffer])) as SqlBody
    } catch (error) {
      if (!(error instanceof JobLost)) throw error
      const detail = 'could not parse the HTTP request body: it takes too much memory'
      throw new Failure('request_invalid', { detail, cause: error })
    }
  }

  return {
    get ready() {
      return short.ready
    },
    setFacts(facts) {
      verdicts = createVerdicts()
      const { allowExplain, maxStatementLength: maxLength } = config
      for (const thread of [short, long]) thread.tell({ kind: 'facts', facts, allowExplain, maxLength })
    },
    judge(sql, owner) {
      if (verdicts === undefined) throw unread()
      if (sql.length > config.maxStatementLength) return tooLong(config.maxStatementLength)
      return verdicts.get(sql) ?? judgeNew(sql, owner, verdicts)
    },
    parseBody(body, headers, owner) {
      if (body.length > maxBodyBytesHere) return parseLarge(body, headers, owner)
      return parseSqlBody(body.toString(), headers, config.maxBatch)
    },
    async close() {
      await Promise.all([short.close(), long.close()])
    },
  }
}

/** The headers that say what results look like; no other leaves this thread. */
function shapeHeaders(headers: SqlHeaders): SqlHeaders {
  const { 'neon-array-mode': arrayMode, 'neon-raw-text-output': rawText } = headers
  return {
    ...(arrayMode === undefined ? {} : { 'neon-array-mode': arrayMode }),
    ...(rawText === undefined ? {} : { 'neon-raw-text-output': rawText }),
  }
}
