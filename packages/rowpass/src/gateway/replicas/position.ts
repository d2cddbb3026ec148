/**
 * Where a server is in the log, asked again and again over a connection of its own.
 */
import type { ServerClient } from '../../postgres/server-url.ts'
import { connectServer } from '../../postgres/servers.ts'

/** What a server says of itself. */
export interface Position {
  readonly standby: boolean
  /** Of the cluster that it is a copy of, and of its history: those of another are places in another log. */
  readonly history: string
  /** A primary: everything committed is before it. A standby: it has replayed everything before it. In bytes. */
  readonly lsn: bigint
}

/**
 * The place where the next record begins; at the start of a page it is behind the page's header, and the last record has
 * ended before that. So it is after `pg_switch_wal()`, perhaps for long.
 * @param lsn an expression
 */
export const endOfLog = (lsn: string): string => `(select lsn - case
    when mod(bytes, pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))) = 40 then 40
    when mod(bytes, pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_block_size'))) = 24 then 24
    else 0 end
  from (select lsn, lsn - '0/0'::pg_lsn as bytes from (select ${lsn} as lsn offset 0) as asked) as counted)`

/** A standby knows by its last restart point, or by what it has written since, which history it is in: both may be late. */
const positionSql = `select standby,
    (select system_identifier from pg_catalog.pg_control_system()) || '/' || case when standby
      then greatest((select timeline_id from pg_catalog.pg_control_checkpoint()),
                    (select min_recovery_end_timeline from pg_catalog.pg_control_recovery()))
      else ('x' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8))::bit(32)::int end as history,
    (case when standby then pg_catalog.pg_last_wal_replay_lsn()
      else ${endOfLog('pg_catalog.pg_current_wal_insert_lsn()')} end - '0/0'::pg_lsn)::text as lsn
  from (select pg_catalog.pg_is_in_recovery() as standby offset 0) as server`

const everyMs = 100
const retryMs = 250
/** For the answer to one question. */
const timeoutMs = 1_000

/** What comes of the questions. */
export interface PositionListener {
  /** @param askedAt milliseconds of the monotonic clock before the question was sent */
  onPosition(position: Position, askedAt: number): void
  /** The server could not be asked. It is tried again. */
  onFailed(cause: unknown): void
  /** Looks at a server over each new connection, before it is asked. @throws what is wrong with it */
  prepare?(client: ServerClient): Promise<void>
}

/** Asks one server, or the one of several that its URL leads to. */
export class PositionWatch {
  readonly #url: URL
  readonly #connectTimeoutMs: number
  readonly #listener: PositionListener
  #client: ServerClient | undefined
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<Position> | undefined
  #next: Promise<Position> | undefined
  #closed = false

  constructor(url: URL, connectTimeoutMs: number, listener: PositionListener) {
    this.#url = url
    this.#connectTimeoutMs = connectTimeoutMs
    this.#listener = listener
    void this.#goOn()
  }

  /**
   * By a question that is sent after this call, which several may share.
   * @throws the error of node-postgres
   */
  ask(): Promise<Position> {
    if (this.#asking === undefined) return this.#ask()
    this.#next ??= this.#asking
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        return this.#ask()
      })
    return this.#next
  }

  /** Leaves the connection: the URL may lead to another server now. */
  renew(): void {
    void this.#client?.end().catch(() => {})
    this.#client = undefined
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.renew()
  }

  async #goOn(): Promise<void> {
    const ok = await this.ask().then(
      () => true,
      () => false,
    )
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#goOn(), ok ? everyMs : retryMs)
    this.#timer.unref()
  }

  #ask(): Promise<Position> {
    const asking = this.#askOnce().finally(() => {
      this.#asking = undefined
    })
    this.#asking = asking
    return asking
  }

  async #askOnce(): Promise<Position> {
    let client = this.#client
    try {
      client ??= await this.#connect()
      const askedAt = performance.now()
      const { rows } = await client.query({ text: positionSql, ...{ query_timeout: timeoutMs } })
      const [{ standby, history, lsn }] = rows
      const position = { standby, history, lsn: BigInt(lsn ?? 0) }
      if (!this.#closed) this.#listener.onPosition(position, askedAt)
      return position
    } catch (error) {
      if (client === this.#client) this.renew()
      if (!this.#closed) this.#listener.onFailed(error)
      throw error
    }
  }

  async #connect(): Promise<ServerClient> {
    const client = await connectServer(this.#url, {
      connectionTimeoutMillis: this.#connectTimeoutMs,
      query_timeout: timeoutMs,
      application_name: 'rowpass position',
    })
    try {
      await this.#listener.prepare?.(client)
    } catch (error) {
      void client.end().catch(() => {})
      throw error
    }
    if (this.#closed) void client.end().catch(() => {})
    else this.#client = client
    return client
  }
}
