/**
 * Which reads go to a replica, and to which: one that has replayed all that this request has to see.
 *
 * The primary is asked again and again where its log ends. Whoever has replayed that place has everything that was committed
 * before the question, so the newest place that a replica has passed tells from when on it is behind: no clock of another
 * machine is believed. An owner that has written since then, and everybody after a change of schema or keys, is served by the
 * primary. That the place was passed is checked once more by the server that runs the statement, in its transaction.
 *
 * Nothing is ever refused or failed by a replica: whatever goes wrong there is asked of the primary, as it only reads.
 */
import type { Emit, ReplicaLost } from '../../events.ts'
import type { Flight, Work } from '../../postgres/flight.ts'
import { Pool, type PoolOptions, type RunOptions } from '../../postgres/pool.ts'
import { unwatchedSchema } from '../../postgres/schema-version.ts'
import { placesOf } from '../../postgres/servers.ts'
import { namesSession } from '../../seal/form.ts'
import type { SealKey } from '../../seal/seal.ts'
import type { GatewayConfig } from '../config.ts'
import { type Expected, findLack } from '../preparation.ts'
import { type Position, PositionWatch } from './position.ts'
import { readSeen, writeSeen } from './seen.ts'
import { Writes } from './writes.ts'

/** What is needed. */
export interface ReplicaParts {
  readonly config: Pick<
    GatewayConfig,
    'databaseUrl' | 'replicaUrls' | 'replicaMaxLagMs' | 'connectTimeoutMs' | 'gateways' | 'sealKeys'
  >
  readonly primary: Pool
  /** Of the primary's pool, but for where it leads. */
  readonly poolOptions: PoolOptions
  /** What is expected of a database now. */
  readonly expected: () => Expected
  readonly emit: Emit
}

/** A request for {@link Replicas.run}. */
export interface ReadOptions extends RunOptions {
  /** The header `Rowpass-Seen`. */
  readonly seen: string | undefined
}

/** A place in the log, which the primary has passed by then. */
interface Place {
  readonly at: number
  readonly lsn: bigint
}

interface Replica {
  readonly server: string
  readonly pool: Pool
  readonly watch: PositionWatch
  position: Position | undefined
  /** The newest that it has replayed. */
  fresh: Place | undefined
  /** Undefined before it was looked at. */
  used: boolean | undefined
}

/** Of a log that nobody has: only the primary has seen it. */
const endOfTime = 2n ** 64n - 1n
/** An error of ours that would be the same at the primary, or comes too late for it. */
const final: ReadonlySet<string> = new Set(['timeout', 'response_too_large', 'answer_dropped'])

/** Leads each request to a replica or to the primary. */
export class Replicas {
  /** Reads that replicas have answered. */
  answered = 0
  /** Reads that the primary has answered because a replica had not. */
  askedAgain = 0
  readonly #parts: ReplicaParts
  readonly #replicas: readonly Replica[]
  readonly #watch: PositionWatch
  readonly #writes = new Writes()
  /** Not older than the lag limit, the oldest first; all of one history. */
  #samples: Place[] = []
  #history = ''
  /** All have to see what was committed before. */
  #changedAt = performance.now()
  /** Others may have taken the writes of the same client: it has to say what it has seen. */
  readonly #several: boolean
  #sealKeys: readonly SealKey[]
  #turn = 0

  constructor(parts: ReplicaParts) {
    this.#parts = parts
    const { databaseUrl, connectTimeoutMs, replicaUrls, gateways, sealKeys } = parts.config
    this.#several = gateways > 1
    this.#sealKeys = sealKeys
    this.#watch = new PositionWatch(databaseUrl, connectTimeoutMs, {
      onPosition: (position, at) => this.#onPrimary(position, at),
      onFailed() {},
    })
    this.#replicas = replicaUrls.map((url) => this.#open(url))
  }

  /** Replicas that take reads now. */
  get used(): number {
    const after = this.#agedAt()
    return this.#replicas.filter(({ used, fresh }) => used === true && fresh !== undefined && fresh.at > after).length
  }

  /** Runs a request. Never rejects, as {@link Pool.run}. */
  async run(work: Work, { owner, signal, seen }: ReadOptions): Promise<Flight> {
    const asked: RunOptions = signal === undefined ? { owner } : { owner, signal }
    const replica = mayRead(work) ? this.#choose(owner, seen) : undefined
    if (replica?.fresh !== undefined) {
      const replayed = toLsn(replica.fresh.lsn)
      const flight = await replica.pool.run({ ...work, replayed }, { ...asked, quickOnly: true })
      if (isAnswer(flight)) {
        this.answered++
        return flight
      }
      if (flight.startedAt > 0) this.askedAgain++
    }
    const flight = await this.#parts.primary.run(work, asked)
    // Whatever came of it: this is before the client hears of it.
    if (work.readOnly !== true) this.#writes.mark(owner, performance.now())
    return flight
  }

  /** What a client that has written now sends with what it reads; undefined where this gateway knows by itself. */
  async seenBy(owner: string, key: SealKey): Promise<string | undefined> {
    if (!this.#several) return undefined
    const lsn = await this.#watch.ask().then(
      (position) => (position.standby ? endOfTime : position.lsn),
      () => endOfTime,
    )
    return writeSeen(key, owner, lsn)
  }

  /** The schema is another, or the keys are: nobody is served without them. */
  changed(sealKeys = this.#sealKeys): void {
    this.#sealKeys = sealKeys
    this.#changedAt = performance.now()
  }

  /** A connection to the primary was opened, perhaps to another server than before: what was known is of that one. */
  onPrimaryOpened(): void {
    this.changed()
    this.#samples = []
    this.#watch.renew()
  }

  async close(): Promise<void> {
    this.#watch.close()
    for (const { watch } of this.#replicas) watch.close()
    await Promise.all(this.#replicas.map(({ pool }) => pool.close()))
  }

  #open(url: URL): Replica {
    const { config, poolOptions, primary, expected } = this.#parts
    const pool = new Pool({
      ...poolOptions,
      server: url,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      onStandby: true,
      schemaVersion: unwatchedSchema,
      // What is slow has its places at the primary.
      slowLimit: 0,
      pace: primary.pace,
    })
    const watch = new PositionWatch(url, config.connectTimeoutMs, {
      onPosition: (position) => this.#onReplica(replica, position),
      onFailed: (cause) => this.#lose(replica, cause instanceof Unfit ? cause.reason : 'unreachable', cause),
      async prepare(client) {
        const { missing } = await findLack(client, expected())
        if (missing.length > 0) throw new Unfit('unprepared', `it lacks ${missing.join(', ')}`)
      },
    })
    const replica: Replica = {
      server: placesOf(url),
      pool,
      watch,
      position: undefined,
      fresh: undefined,
      used: undefined,
    }
    return replica
  }

  #choose(owner: string, seenText: string | undefined): Replica | undefined {
    const seen = this.#several ? readSeen(this.#sealKeys, owner, seenText) : 0n
    if (seen === undefined) return undefined
    const after = Math.max(this.#changedAt, this.#writes.latest(owner), this.#agedAt())
    let best: Replica | undefined
    this.#turn++
    for (let index = 0; index < this.#replicas.length; index++) {
      const replica = this.#replicas[(this.#turn + index) % this.#replicas.length] as Replica
      const { used, fresh, pool } = replica
      if (used !== true || fresh === undefined || fresh.at <= after || fresh.lsn < seen) continue
      if (best === undefined || pool.inFlight < best.pool.inFlight) best = replica
    }
    return best
  }

  /** What was seen then is too old now. */
  #agedAt(): number {
    return performance.now() - this.#parts.config.replicaMaxLagMs
  }

  #onPrimary({ standby, history, lsn }: Position, at: number): void {
    if (standby) return
    if (history !== this.#history) {
      this.#history = history
      this.#samples = []
      this.changed()
    }
    const oldest = at - this.#parts.config.replicaMaxLagMs
    this.#samples = [...this.#samples.filter((sample) => sample.at >= oldest), { at, lsn }]
    this.#writes.forget(oldest)
    for (const replica of this.#replicas) this.#look(replica)
  }

  #onReplica(replica: Replica, position: Position): void {
    replica.position = position
    this.#look(replica)
  }

  #look(replica: Replica): void {
    const { position } = replica
    const newest = this.#samples.at(-1)
    const halfLagMs = this.#parts.config.replicaMaxLagMs / 2
    replica.fresh = undefined
    if (position === undefined || newest === undefined) return
    const fresh = this.#samples.findLast(({ lsn }) => lsn <= position.lsn)
    if (!position.standby) this.#lose(replica, 'no_standby')
    else if (position.history !== this.#history) this.#lose(replica, 'other_history')
    else if (fresh === undefined) {
      // Of what the primary has said for a moment only, nothing follows.
      if (newest.at - (this.#samples[0]?.at ?? 0) >= halfLagMs) this.#lose(replica, 'lag')
    } else {
      replica.fresh = fresh
      // Not at the limit, where it would come and go.
      if (replica.used === true || fresh.at < newest.at - halfLagMs) return
      replica.used = true
      this.#parts.emit({ type: 'replica_joined', server: replica.server })
    }
  }

  #lose(replica: Replica, reason: ReplicaLost['reason'], cause?: unknown): void {
    const { server, used } = replica
    if (reason === 'unreachable' || reason === 'unprepared') replica.position = undefined
    replica.fresh = undefined
    replica.used = false
    if (used !== false)
      this.#parts.emit({ type: 'replica_lost', server, reason, ...(cause === undefined ? {} : { cause }) })
  }
}

/** A server that is not what it should be. */
class Unfit extends Error {
  override readonly name = 'Unfit'
  readonly reason: ReplicaLost['reason']

  constructor(reason: ReplicaLost['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * One statement that only reads, of a token that is neither narrowed nor of a session: that one was ended is to be seen at
 * once. Whether it is quick is for the pool to know.
 */
function mayRead({ readOnly, exclusive, begin, limits, identity, statements }: Work): boolean {
  if (readOnly !== true || exclusive || begin !== undefined || limits !== undefined) return false
  return identity !== undefined && statements.length === 1 && !namesSession(identity.session)
}

function isAnswer({ error }: Flight): boolean {
  return error === undefined || (error.kind === 'failure' && final.has(error.code))
}

/** As `pg_lsn` writes it. */
function toLsn(bytes: bigint): string {
  return `${(bytes >> 32n).toString(16)}/${(bytes & 0xffffffffn).toString(16)}`
}
