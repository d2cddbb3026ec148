/**
 * Settings of logins with a password.
 */
import { flag, integer, set, text } from '../setting-kinds.ts'

/** Parts of the table in `gateway/settings.ts`. */
export const passwordSettings = {
  passwordMode: flag({
    default: false,
    says: 'Whether database users may log in with their own password, over HTTP and WebSocket, and run any statement.',
  }),
  passwordUsers: text({
    form: 'a list',
    default: '',
    parse: set,
    says: 'The only database users who may log in with a password, separated by commas; all of them when empty. An issuer in production needs `rowpass_issuer` alone.',
  }),
  passwordSessions: integer({
    unit: 'sessions',
    default: 24,
    min: 1,
    max: 10_000,
    says: 'Sessions with a password that may be open at once, over HTTP and WebSocket together; one address (of IPv6 the /64) leaves a sixth of them to others. A client that asks for another one waits, with the limits of `ROWPASS_QUEUE_LIMIT` and `ROWPASS_QUEUE_TIMEOUT_MS`.',
  }),
  passwordIdleTimeoutMs: integer({
    unit: 'milliseconds',
    default: 600_000,
    min: 0,
    max: 86_400_000,
    says: 'Milliseconds a session over WebSocket may sit idle, in a transaction or not; 0 for no limit.',
  }),
  passwordFailureSeconds: integer({
    unit: 'seconds',
    default: 300,
    min: 1,
    max: 86_400,
    says: 'The time for the next three settings. What they count is forgotten one by one, at even intervals.',
  }),
  passwordPairFailures: integer({
    unit: 'failures',
    default: 10,
    min: 1,
    max: 10_000,
    says: 'Wrong passwords of one user from one address in that time: by default ten at once, then one each 30 s.',
  }),
  passwordAddressFailures: integer({
    unit: 'failures',
    default: 50,
    min: 1,
    max: 10_000,
    says: 'Wrong passwords from one address (of IPv6 the /64) in that time, for whichever users.',
  }),
  passwordUserFailures: integer({
    unit: 'failures',
    default: 100,
    min: 1,
    max: 10_000,
    says: 'Wrong passwords of one user from everywhere in that time. This limit and the one before do not apply to a user at an address where they have logged in within a day.',
  }),
} as const
