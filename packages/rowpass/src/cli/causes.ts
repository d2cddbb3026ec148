/**
 * What leads to each failure and what ends it, for `rowpass explain` and docs/errors.md. It is more than a client is told,
 * and not in `failures.ts`, which goes into every bundle.
 */
import type { FailureCode } from '../errors.ts'
import type { FailureSpec, failures } from '../failures.ts'

/** For a person who has met the failure. */
export interface Cause {
  /** What leads to it, in whole sentences. */
  readonly cause: string
  /** What to do; left out where the hint of the failure says it. */
  readonly remedy?: string
}

/** A failure without a hint needs a remedy here. */
type Causes = {
  readonly [Code in FailureCode]: (typeof failures)[Code] extends { readonly hint: string } ? Cause : Required<Cause>
}

/** By code, in the order of `failures`. */
export const causes: Causes = {
  token_missing: {
    cause: 'The request has no Authorization header, or one that is not "Bearer" and a token.',
  },
  token_invalid: {
    cause:
      'A check of the token failed: its form, signature, algorithm, key, issuer, audience, type or a claim. Which one is not told to the client, so that nobody can search for a token that passes.',
    remedy:
      'Look for "token_refused" in the log of the gateway: "reason" names the check. "npx rowpass why --token -" says the same about a token that you paste, and docs/issuers.md has the entry for each issuer. The usual reasons are "audience" (the token was made for another service), "issuer" (a missing slash at the end counts) and "key_unknown".',
  },
  token_expired: {
    cause: 'The time of the claim "exp" is over. A clock that is wrong, here or at the issuer, does the same.',
    remedy:
      'Ask the issuer for a new token, before the old one expires. If new ones are refused too, compare the clocks.',
  },
  keys_unavailable: {
    cause:
      'The JWKS of the issuer could not be fetched, and no keys of before are left that may still be used. The log has "jwks_failed" with the reason.',
    remedy:
      '"npx rowpass issuer check <issuer>" fetches the keys the way the gateway does and says what it found. Check the URL, the DNS and the way out of the network.',
  },
  session_revoked: {
    cause:
      'The session that the token belongs to (claim "sid") has been ended: by signing out, by an administrator, or because a stolen refresh token was used.',
  },
  role_refused: {
    cause: 'The token names a database role that is not among those which its issuer may give.',
    remedy:
      'List the role in "roles" of the issuer’s entry in ROWPASS_ISSUERS, or have the issuer leave the claim out.',
  },
  password_refused: {
    cause: 'A client logged in with a password, and either it or the user is wrong. Which of the two is not told.',
    remedy: 'Check the connection string. Only the users of ROWPASS_PASSWORD_USERS may log in through a gateway.',
  },
  password_queue_full: {
    cause: 'Hashing a password takes long on purpose, and too many people sign in at once.',
    remedy:
      'Try again after the time of the Retry-After header. If it lasts, limit sign-ins for each address in front of the API.',
  },
  password_hash_invalid: {
    cause: 'A row of your store holds a hash of another program, or one that was cut off.',
    remedy:
      'Store what hashPassword returns as it is. Hashes of other programs cannot be compared: have these people set a new password.',
  },
  password_wrong: {
    cause: 'Somebody who is signed in wants to change the password, and the current one does not match.',
    remedy: 'Enter the current password again, or have a new invite sent.',
  },
  invite_invalid: {
    cause: 'The link was used already, has expired, or a later one was sent to the same person.',
  },
  attempts_exceeded: {
    cause: 'Too many logins have failed, from this address or for this user.',
    remedy:
      'Wait for the time that the answer names (Retry-After). Other people, and other addresses, are not held up.',
  },
  mail_failed: {
    cause:
      'The function of your application that hands messages over failed. What it failed with is the cause of this failure, for your log.',
    remedy: 'Correct that and ask for the message again; the next invite replaces this one.',
  },
  password_mode_off: {
    cause: 'A client opened a WebSocket or sent a password, and the gateway was started for tokens alone.',
  },
  database_unknown: {
    cause:
      'The path of the URL that the client was given is neither the database of the gateway nor one of its aliases.',
  },
  connection_string_invalid: {
    cause:
      'The client sends its connection string as a header, and it cannot be read as postgresql://user@host/database.',
    remedy:
      'Look at the URL that neon() was given: an empty variable, quotes around it, or an unescaped character in it.',
  },
  request_invalid: {
    cause:
      'The request cannot be read: its JSON, a parameter, two Authorization headers, or it broke off. The answer says which.',
    remedy: 'Compare the request with docs/compatibility.md, or send it with @neondatabase/serverless.',
  },
  headers_too_large: { cause: 'Large cookies, or a token with many claims, went over the limit for headers.' },
  request_too_large: {
    cause: 'The SQL text and its parameters are larger than the gateway takes.',
    remedy: 'Send less at once, such as rows in several requests, or raise ROWPASS_MAX_REQUEST_BYTES.',
  },
  response_too_large: {
    cause:
      'The rows of the result are larger than the gateway holds for one answer. The statement was cancelled, or undone.',
    remedy: 'Ask for fewer rows or columns ("limit", pages by a key), or raise ROWPASS_MAX_RESPONSE_BYTES.',
  },
  answer_dropped: { cause: 'A client asks faster than it reads, and the memory for its answers is used up.' },
  scope_refused: {
    cause:
      'The token is narrowed, by its claims "act" and "scope", and the statement needs more: to write, another table, a function that may read other tables. A token with "act" and neither sql:read nor sql:write may do nothing. A bare name that stands for another table than the scope means is refused as well.',
    remedy:
      'Do with what the message says that the token has, or ask for a token with more. Of another issuer, "scopes" in ROWPASS_ISSUERS says what its scopes stand for. docs/agents.md has them all.',
  },
  rows_exceeded: {
    cause:
      'The token has the scope rows:<number>, and the statements of the request would have returned or changed more rows. Nothing of it was kept.',
  },
  statement_refused: {
    cause:
      'The statement could change the session, leave something behind for the next caller, or do what a policy cannot decide: SET ROLE, COPY, LISTEN, a function that is not allowed, and others. The answer names the part and what to use in its place.',
    remedy:
      'Do as the answer says. docs/compatibility.md lists what differs. Migrations and maintenance belong to the owner’s connection, not to a token.',
  },
  change_differs: {
    cause:
      'Between the dry run of the tool "change" and its confirmation rows have come or gone, so that the statement would change another number of them.',
  },
  confirmation_invalid: {
    cause:
      'The confirmation that was sent to the tool "change" was made for another statement, other params or another person, was used before, is older than two minutes, or is from a gateway with other seal keys.',
  },
  origin_refused: {
    cause: 'A page in a browser has called "/mcp", and its origin is not in ROWPASS_CORS_ORIGINS.',
  },
  timeout: {
    cause: 'The statement ran for longer than ROWPASS_STATEMENT_TIMEOUT_MS, or the client went away while it ran.',
    remedy: '"npx rowpass doctor" names policies that no index serves, "npx rowpass why" shows what a statement does.',
  },
  overloaded: {
    cause:
      'A limit was reached that keeps one caller, or all of them, from taking everything: requests under way, bytes held, or work of the parser.',
  },
  database_unavailable: {
    cause:
      'PostgreSQL does not answer, refuses the login, or has no connection left. The log has "connection_failed" with the reason.',
    remedy:
      'Check that the server runs and that the URL, the password and TLS are right. Nothing of the request was run.',
  },
  outcome_unknown: {
    cause: 'The connection broke after a statement that writes had been sent, and before the answer came.',
  },
  catalog_unread: {
    cause:
      'The gateway has just started and has not read which functions and operators the database has, or reading them failed.',
  },
  grant_missing: {
    cause:
      'PostgreSQL said "permission denied": the role of the request lacks a privilege on the table, the column, the schema, the sequence or the function. Privileges are asked before policies.',
    remedy:
      '"npx rowpass why" names the privilege that is missing. "npx rowpass db grants" writes them for Drizzle tables; by hand: grant select (id, name) on notes to authenticated. drizzle-orm names every column in an INSERT: give it insertable(notes, …) of rowpass/policies where only some are granted.',
  },
  policy_refused: {
    cause:
      'PostgreSQL said "new row violates row-level security policy": the row that would be written satisfies no WITH CHECK of this role.',
    remedy:
      '"npx rowpass why --as … "insert …"" shows each policy with its value for this row. Often the tenant or owner in the row is not the one of the token, or RETURNING asks for a row that the caller may not see.',
  },
  not_found: {
    cause: 'No row has this key, or the policies hide it. Both look the same on purpose.',
    remedy: 'If you know that the row exists, "npx rowpass why" as this person says which policy hides it.',
  },
  path_unknown: {
    cause: 'The method or the path is not one that the API has.',
    remedy: 'Check the address, and the method: GET, POST, PATCH or DELETE.',
  },
  conflict: {
    cause:
      'A unique key has this value already, or a foreign key points to or from the row. A row that the caller cannot see counts too.',
    remedy: 'Choose another value, or remove what refers to the row first.',
  },
  host_unknown: {
    cause:
      'The Host header names something else than this machine. It is checked so that a page of another site cannot reach a server on your machine (DNS rebinding).',
  },
  content_type_unknown: { cause: 'A body was sent without a content type, or as a form.' },
  input_invalid: {
    cause:
      'A value, a file or an option is not what the command or the route takes. The text behind the message says which one.',
    remedy: 'Correct what the text names. "--help" of a command shows its forms with examples.',
  },
  gateway_unreachable: {
    cause: 'The API asked GATEWAY_URL, and nothing answered there, or something that is no gateway.',
    remedy:
      'Start the gateway and compare its port with GATEWAY_URL. "npx rowpass env" prints where the one of this folder listens. Where the API seals by itself and GATEWAY_URL is not set, the driver asks the endpoint that Neon has beside each host: a PostgreSQL elsewhere needs GATEWAY_URL, of a gateway with ROWPASS_PASSWORD_MODE=true.',
  },
  claims_invalid: { cause: 'The program passed claims to the issuer that no token can carry.' },
  key_missing: { cause: 'The issuer has no private key: it is not set, or no key of the ring is active.' },
  key_invalid: {
    cause:
      'A key, or a set of keys, cannot be read, is of the wrong kind, or is too weak. The text behind the message says which.',
    remedy:
      'Make a new one with "npx rowpass keys generate", or put the old file back. ES256 and RS256 from 2048 bits on are among what is taken.',
  },
  key_exists: { cause: '"keys generate" found a key file of before.' },
  key_unknown: { cause: 'No key of the ring has this kid, or the beginning that was given fits several.' },
  key_known: { cause: 'The key that is to be added has been in the ring before, perhaps as a revoked one.' },
  key_state_wrong: {
    cause: 'Keys go from next to active to retired to gone. The step was asked of a key in another state.',
  },
  key_too_early: {
    cause:
      'Verifiers keep a key set for a while. Until that time has passed, they do not know the new key, or still need the old one.',
  },
  key_ring_full: { cause: 'The ring has as many keys as it may have.' },
  key_ring_busy: { cause: 'Two commands, or a command and a rotation, work on the same ring.' },
  key_locked: {
    cause: 'The key was encrypted under a key that KEY_ENCRYPTION_KEYS does not have, or whose value has changed.',
  },
  lifetime_refused: {
    cause: 'A token was to live longer than the ring has noted for its key, so it could outlive the key.',
    remedy:
      'Ask for a lifetime up to the limit in the message. A ring in the database notes longer ones by itself; one in a file does not.',
  },
  config_invalid: {
    cause:
      'A setting is missing, is of the wrong form, contradicts another one, or is not known. Every problem is listed, without the values.',
    remedy:
      'Every setting, its form and its default: docs/configuration.md. Settings come from the environment, .dev.vars, or the file that <NAME>_FILE names.',
  },
  state_invalid: { cause: 'A file of .rowpass/ was changed by hand, cut off, or belongs to another user.' },
  already_running: { cause: 'Another terminal, or a process that was not ended, runs this folder.' },
  port_taken: {
    cause: 'Another program listens on the port that was asked for.',
    remedy:
      'End that program, or choose another port: PORT for the API, GATEWAY_PORT for the gateway of "rowpass dev", ROWPASS_PORT for "rowpass gateway".',
  },
  local_missing: { cause: 'The command needs a database. None was named, so it looked for the embedded one.' },
  embedded_unavailable: {
    cause:
      'There is no build of PostgreSQL for this machine (Alpine among others), or npm left it out (--omit=optional, --ignore-scripts).',
  },
  embedded_data_invalid: {
    cause: 'The data folder was made by another major version, is damaged, or belongs to another user.',
  },
  embedded_start_failed: { cause: 'PostgreSQL was started and ended again. The last lines of its log are shown.' },
  server_unsupported: { cause: 'The server is older than PostgreSQL 15, or newer than 18.' },
  migration_changed: { cause: 'The checksum of a migration that was applied is not that of its file any more.' },
  database_newer: {
    cause: 'The database was prepared by a later version of Rowpass than this one.',
    remedy:
      'Install that version, or a later one: npm install rowpass@latest. An older one never changes what a newer one made.',
  },
  migration_failed: { cause: 'PostgreSQL refused a statement of the migration. File and reason are shown.' },
  seed_failed: {
    cause: 'PostgreSQL refused a statement of seed.sql. File and reason are shown.',
    remedy:
      'Where a table is missing, run "rowpass db migrate" first. Correct the statement and run it again; all of the file is one transaction. Rows that are there already: "on conflict do nothing".',
  },
  seal_key_unknown: {
    cause: 'The database has no seal key of this name, or none at all because "db migrate" has not run.',
  },
  client_exists: {
    cause: 'A client of the issuer was to be added twice.',
    remedy: 'Choose another name, or give the one that exists a new secret: "npx rowpass clients --help".',
  },
  client_unknown: { cause: 'The issuer has no client of this name, or it is a public one, which has no secret.' },
  account_unknown: {
    cause: 'No person of the issuer has this e-mail address or id.',
    remedy:
      'Check the spelling, and the database: OWNER_DATABASE_URL may name another one. "npx rowpass users invite" adds a person.',
  },
  login_exists: {
    cause:
      'The login was made before, perhaps for another database of the server, and its password is not the one that is known here.',
  },
  not_running: { cause: 'The command asks what "rowpass dev" runs in this folder, and nothing does.' },
  worker_failed: {
    cause: 'The code of your API threw while it was loaded, or its process ended. The error is shown above.',
    remedy: 'Correct the error that is shown, and start it again where it has ended.',
  },
  embedded_ended: { cause: 'The server was ended from outside, ran out of memory, or its data folder is gone.' },
  role_unsafe: {
    cause:
      'The login of the gateway or of the issuer has rights of its own: a superuser, an owner of something, a member of another role. Then a fault of the gateway would be one of the database.',
    remedy: 'Take away what the message names, or give the gateway another name of a login in ROWPASS_DATABASE_URL.',
  },
  owner_powerless: {
    cause: 'The login of OWNER_DATABASE_URL may not do this step. What it lacks is in the text behind the message.',
    remedy:
      'Use the owner of the tables with CREATEROLE, or a superuser. Where roles were made by somebody else, that one has to grant them: grant authenticated to <owner> with admin option.',
  },
  database_in_use: {
    cause: 'A copy of the database is needed, and somebody is connected to it: an application, a pool, an open psql.',
  },
  scratch_busy: {
    cause: 'Two commands that need throw-away databases run on one server at the same time.',
    remedy: 'Wait for the other command to end, then run this one again.',
  },
  script_failed: {
    cause:
      'A script that makes the database was run on an empty one, and PostgreSQL refused a statement. File, line and reason are shown.',
    remedy:
      'Give all scripts, in the order in which they build on each other, or the folder of migrations. docs/review.md says what is made up and what is left out.',
  },
  tests_failed: {
    cause:
      '"rowpass test mutate" ran the tests on the database as it is, and they failed or were interrupted. So nothing can be said about what they notice.',
    remedy: 'Make the tests pass first. The last lines of their output are shown.',
  },
  internal: {
    cause:
      'Something happened that nobody foresaw. Clients are told nothing more; the log, and the lines "cause:" of a command, have it all.',
    remedy: 'Run it again with DEBUG=1 for the stack, and report it with the version and the lines that name causes.',
  },
}

/** What to do about a failure. */
export function remedyOf(code: FailureCode, { hint }: FailureSpec): string {
  return causes[code].remedy ?? hint ?? ''
}
