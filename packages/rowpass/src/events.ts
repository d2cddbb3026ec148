/**
 * Every observable fact, in one union. The code reports facts; one listener turns them into log lines and metrics.
 * No member ever holds a token, SQL text, a parameter, a connection string or a secret.
 */
import type { FailureCode } from './errors.ts'

/** The check at which a token failed. Names are public: they are log fields and metric labels. */
export type RefusalReason =
  | 'missing'
  | 'size'
  | 'format'
  | 'encrypted'
  | 'header'
  | 'crit'
  | 'typ'
  | 'algorithm'
  | 'payload'
  | 'issuer'
  | 'key_unknown'
  | 'keys_unavailable'
  | 'signature'
  | 'audience'
  | 'claim'
  | 'subject'
  | 'time'
  | 'lifetime'
  | 'not_yet_valid'
  | 'expired'
  | 'token_id'
  | 'tenant'
  | 'role'
  | 'scope'

/** The step at which a JWKS could not be read. Names are public, as those of {@link RefusalReason}. */
export type KeyFetchReason = 'unreachable' | 'timeout' | 'status' | 'discovery' | 'too_large' | 'malformed' | 'too_many'

/** A token was refused. */
export interface TokenRefused {
  readonly type: 'token_refused'
  /** What the client is told. */
  readonly code: FailureCode
  /** What is true. */
  readonly reason: RefusalReason
  /** Set when the token names an issuer that is configured; absent otherwise, so that it is safe as a label. */
  readonly iss?: string
  /** The `kid` of the header where one could be read, at most 256 characters, chosen by the sender: not a label. */
  readonly kid?: string
}

/** The keys of an issuer were fetched. */
export interface KeysLoaded {
  readonly type: 'jwks_loaded'
  readonly iss: string
  /** How many keys can be used. */
  readonly keys: number
  /** How many members of the set were left out: for encryption, of an unknown type, too weak. */
  readonly skipped: number
  /** What is wrong with the set and with keys that were left out, in sentences; of many, the first twenty. */
  readonly problems: readonly string[]
  /** Whether the set differs from the one before; then verified tokens of this issuer are forgotten. */
  readonly changed: boolean
  readonly durationMs: number
}

/** The keys of an issuer could not be fetched; the ones before stay in use until `usableForMs` has passed. */
export interface KeysFailed {
  readonly type: 'jwks_failed'
  readonly iss: string
  readonly reason: KeyFetchReason
  /** The same in a sentence that says what was found instead. */
  readonly problem: string
  /** 0 when there are no keys to go on with: every token of this issuer is refused. */
  readonly usableForMs: number
  readonly durationMs: number
}

/** A connection to PostgreSQL is ready. */
export interface ConnectionOpened {
  readonly type: 'connection_opened'
  /** Host and port, as the URL has them. */
  readonly server: string
}

/** Of several servers of which one takes writes, another one does now; every connection is renewed. */
export interface ServerChanged {
  readonly type: 'server_changed'
  /** Host and port, as the URL has them. */
  readonly server: string
  /** The one that the connections led to until now. */
  readonly before: string
}

/** A connection to PostgreSQL is gone; another is opened in its place. */
export interface ConnectionClosed {
  readonly type: 'connection_closed'
  readonly cause: unknown
}

/** A replica takes reads now: at first, and when it is back. */
export interface ReplicaJoined {
  readonly type: 'replica_joined'
  /** Host and port, as the URL has them. */
  readonly server: string
}

/** A replica takes no reads, at first or any more; the primary takes them. It is tried again all the time. */
export interface ReplicaLost {
  readonly type: 'replica_lost'
  readonly server: string
  /**
   * `lag`: it is later than `ROWPASS_REPLICA_MAX_LAG_MS` allows. `no_standby`: it takes writes. `other_history`: it is no copy
   * of this primary, or has not followed it from the one before. `unprepared`: it lacks the seal key, a role, or what
   * `rowpass db migrate` brings. Names are public.
   */
  readonly reason: 'unreachable' | 'lag' | 'no_standby' | 'other_history' | 'unprepared'
  readonly cause?: unknown
}

/** PostgreSQL could not be connected to. */
export interface ConnectionFailed {
  readonly type: 'connection_failed'
  readonly cause: unknown
  readonly retryInMs: number
}

/**
 * A statement was cancelled and did not end. Its backend cannot be ended from outside, short of stopping PostgreSQL; the
 * request was answered, and nothing else of its owner runs before {@link BackendEnded}.
 */
export interface StatementStuck {
  readonly type: 'statement_stuck'
  readonly requestId: string
  readonly iss?: string | undefined
  readonly sub?: string | undefined
  readonly tenantId?: string
  /** Process id, as `pg_stat_activity` has it. */
  readonly backendPid: number
}

/** A backend whose statement did not end when it was cancelled has ended now. */
export interface BackendEnded {
  readonly type: 'backend_ended'
  readonly backendPid: number
  /** Since it was given up. */
  readonly lingeredMs: number
}

/** A request to run SQL was answered: the audit record. */
export interface SqlAnswered {
  readonly type: 'sql_answered'
  readonly requestId: string
  /** W3C Trace Context of the request, where it is one. */
  readonly traceparent?: string
  readonly auth: 'token' | 'password' | 'none'
  readonly iss?: string
  readonly sub?: string
  readonly tenantId?: string
  readonly kid?: string
  /** SHA-256 of `jti`, its first 16 hexadecimal digits. */
  readonly jtiHash?: string
  /** Database role, or the user of a password. */
  readonly role?: string
  /** The tool that was called, of a request to `/mcp` that called one. */
  readonly tool?: string
  /** The agent that acted for the person, by its narrowed token. */
  readonly actor?: string
  /** Fingerprints of the statements: equal for statements that differ in literals only. */
  readonly fingerprints: readonly string[]
  /**
   * What statements that succeeded did with which tables and views, of a token that is narrowed: `select public.notes`. The
   * first twenty, as the statements named them.
   */
  readonly tables?: readonly string[]
  /** Rows returned or changed by all statements. */
  readonly rows: number
  readonly durationMs: number
  /** `ok`, a failure's code, or `postgres` for an error of PostgreSQL in the caller's SQL. */
  readonly outcome: 'ok' | 'postgres' | FailureCode
  readonly sqlstate?: string
  /** What really happened, for the log; never for the client. */
  readonly cause?: unknown
}

/** A database user logged in over WebSocket. */
export interface SessionOpened {
  readonly type: 'session_opened'
  /** A UUID of this session. */
  readonly sessionId: string
  /** The user of the password. */
  readonly role: string
}

/** A session over WebSocket is over. */
export interface SessionClosed {
  readonly type: 'session_closed'
  readonly sessionId: string
  readonly role: string
  readonly endedBy: 'client' | 'database' | 'gateway'
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly durationMs: number
}

/** A session over WebSocket was asked for and refused. */
export interface SessionRefused {
  readonly type: 'session_refused'
  /** A failure's code, or `postgres` for a refusal of the server that is not about the password. */
  readonly code: 'postgres' | FailureCode
  readonly sqlstate: string
  /** The user as the client named itself; absent when it did not get as far. */
  readonly role?: string
  readonly cause: unknown
}

/** A login with a password failed, over HTTP or over WebSocket. */
export interface LoginFailed {
  readonly type: 'login_failed'
  /** The user as the client named itself, on no list perhaps: not a label. */
  readonly role: string
  /** The client's, where it is known. */
  readonly address?: string
  /**
   * The password was wrong, or the user is not known or not allowed; or it was not looked at, because too many logins had
   * failed: of this user from this address, from this address, of this user. Names are public: they are metric labels.
   */
  readonly reason: 'password' | 'pair_limit' | 'address_limit' | 'user_limit'
}

/**
 * A thread for work that takes long was ended, because a job took too much time or memory, or ended by itself; another
 * takes its place. Somebody tries the limits, or the machine is very busy.
 */
export interface ThreadReplaced {
  readonly type: 'thread_replaced'
  readonly cause: unknown
}

/** A worker process of a gateway with several has ended, and another takes its place; requests that it had are lost. */
export interface WorkerReplaced {
  readonly type: 'worker_replaced'
  /** Its number, from 1, which the other one has too. */
  readonly worker: number
  /** null where a signal has ended it. */
  readonly exitCode: number | null
  /** Such as `SIGKILL`, also where the system had no memory left, or the worker said nothing for 30 s. */
  readonly signal: string | null
  /** 100 ms, and twice as much each time one ends within a minute, up to 5 s. */
  readonly retryInMs: number
}

/** The configuration was read again; what `Gateway.reload` lists is in force as it is now. */
export interface ConfigReloaded {
  readonly type: 'config_reloaded'
}

/** The configuration was read again and cannot be put in force; all that was in force stays so. */
export interface ConfigRefused {
  readonly type: 'config_refused'
  /**
   * `settings`: it is wrong by itself. `database`: what is new in it could not be tried. Else what the database lacks for
   * it. Names are public.
   */
  readonly reason: 'settings' | 'database' | Preparation
  readonly cause: unknown
}

/**
 * What a database leaves open that it need not. Names are public. `powers`: the gateway's login has rights of its own, or
 * could get them; one of the three walls is missing. `server_version`: the server has known faults in row-level security,
 * which a newer minor version has not. `connection_limit_…`: the gateway's login has no CONNECTION LIMIT, one that is less
 * than the gateways need (`ROWPASS_GATEWAYS`, `ROWPASS_WORKERS`, `ROWPASS_POOL_SIZE`), or one that leaves other logins nothing. The others are
 * steps of `rowpass db harden`.
 */
export type Exposure =
  | 'powers'
  | 'server_version'
  | 'temporary_tables'
  | 'schema_public'
  | 'temporary_files'
  | 'logged_parameters'
  | 'connection_limit_missing'
  | 'connection_limit_small'
  | 'connection_limit_large'

/** The gateway has looked at the database and found it more open than it need be. */
export interface DatabaseExposed {
  readonly type: 'database_exposed'
  readonly exposures: readonly Exposure[]
  /** The command that closes what can be closed, and where to read about the rest. */
  readonly remedy: string
}

/**
 * What a database lacks for this gateway. Names are public. `platform`: `rowpass db migrate` has not run in it, or the one
 * of a version before. `gateway`: it was prepared by a later version, which serves this gateway no more. `seal_key`: it
 * does not accept what this gateway seals, so that nobody has an identity. `roles`: roles of tokens that do not exist, or
 * that the gateway's login may not take. Without one of the first three, the gateway is not ready.
 */
export type Preparation = 'platform' | 'gateway' | 'seal_key' | 'roles'

/** The gateway has looked at the database, and requests will fail. */
export interface DatabaseUnprepared {
  readonly type: 'database_unprepared'
  readonly missing: readonly Preparation[]
  /** The roles of tokens that cannot be taken. */
  readonly roles: readonly string[]
  /** What to do. */
  readonly remedy: string
}

/**
 * PostgreSQL's clock and the gateway's differ by 5 s or more, or by so much less or more than was last told; 0 when they agree
 * again. Where the server is ahead, an identity ends that much sooner, a minute of grace aside: a token that lives no longer
 * is refused there with 28000 "the session has expired".
 */
export interface ClockDiffers {
  readonly type: 'clock_differs'
  /** Whole seconds; negative where PostgreSQL's clock is behind. */
  readonly aheadSeconds: number
  /** What to do. */
  readonly remedy: string
}

/** An issuer is trusted with settings that give up something that the defaults do not. */
export interface IssuerLoosened {
  readonly type: 'issuer_loosened'
  readonly iss: string
  /** What each setting gives up, by its name in `ROWPASS_ISSUERS`. */
  readonly givesUp: Readonly<Record<string, string>>
}

/** The gateway has started with `ROWPASS_ALLOW_EXPLAIN`: whoever holds a token can find out rows that the policies hide. */
export interface ExplainAllowed {
  readonly type: 'explain_allowed'
  /** What to do. */
  readonly remedy: string
}

/** The gateway takes no further request; those under way may end. */
export interface GatewayStopping {
  readonly type: 'gateway_stopping'
  /** Requests that PostgreSQL works on, or that wait for it. */
  readonly requests: number
  /** Sessions over WebSocket, which are ended. */
  readonly sessions: number
}

/** The gateway has ended; it emits nothing after that. */
export interface GatewayStopped {
  readonly type: 'gateway_stopped'
  /** Connections of clients whose requests did not end in time. */
  readonly cutOff: number
  readonly durationMs: number
}

/** The catalogs of the database were read: which functions there are, which types are arrays. */
export interface CatalogRead {
  readonly type: 'catalog_read'
  readonly durationMs: number
}

/**
 * The catalogs could not be read. What was read last stays in use; before the first reading every request is refused, as
 * `catalog_unread`, or as `database_unavailable` where there was no connection.
 */
export interface CatalogFailed {
  readonly type: 'catalog_failed'
  readonly cause: unknown
  readonly retryInMs: number
}

/**
 * The database does not count changes of its schema, so that statements with parameters are not kept prepared: nothing
 * would tell when the types of their parameters change.
 */
export interface SchemaUnwatched {
  readonly type: 'schema_unwatched'
  /** What to do. */
  readonly remedy: string
}

/** Everything that can be observed; told apart by `type`. */
export type RowpassEvent =
  | CatalogRead
  | ClockDiffers
  | CatalogFailed
  | SchemaUnwatched
  | TokenRefused
  | KeysLoaded
  | KeysFailed
  | ConnectionOpened
  | ServerChanged
  | ReplicaJoined
  | ReplicaLost
  | ConnectionClosed
  | ConnectionFailed
  | DatabaseExposed
  | DatabaseUnprepared
  | ExplainAllowed
  | IssuerLoosened
  | SqlAnswered
  | StatementStuck
  | BackendEnded
  | SessionOpened
  | SessionClosed
  | SessionRefused
  | LoginFailed
  | ThreadReplaced
  | WorkerReplaced
  | ConfigReloaded
  | ConfigRefused
  | GatewayStopping
  | GatewayStopped

/** Where facts go. Called synchronously, so it must be quick and must not throw. */
export type Emit = (event: RowpassEvent) => void
