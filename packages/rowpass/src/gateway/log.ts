/**
 * Turns facts into JSON log lines. What may be logged is what events hold: no token, SQL text, parameter or password.
 */
import { type DestinationStream, pino } from 'pino'
import { Failure } from '../errors.ts'
import type { Emit, RowpassEvent } from '../events.ts'

const levels: Readonly<Record<RowpassEvent['type'], 'info' | 'warn' | 'error'>> = {
  backend_ended: 'info',
  catalog_failed: 'error',
  catalog_read: 'info',
  config_refused: 'error',
  config_reloaded: 'info',
  connection_closed: 'warn',
  connection_failed: 'error',
  connection_opened: 'info',
  database_exposed: 'warn',
  database_unprepared: 'error',
  explain_allowed: 'warn',
  gateway_stopped: 'info',
  gateway_stopping: 'info',
  issuer_loosened: 'warn',
  jwks_failed: 'error',
  jwks_loaded: 'info',
  login_failed: 'warn',
  schema_unwatched: 'warn',
  session_closed: 'info',
  session_opened: 'info',
  session_refused: 'warn',
  sql_answered: 'info',
  statement_stuck: 'error',
  thread_replaced: 'warn',
  token_refused: 'warn',
}

/**
 * Makes the log. One line for each event; `msg` is its type.
 *
 * @example
 * const gateway = createGateway(parseGatewayConfig(process.env), { emit: createEventLog(process.stdout) })
 */
export function createEventLog(destination: DestinationStream): Emit {
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  return (event) => {
    const { type, ...fields } = event
    logger[levels[type]]('cause' in fields ? { ...fields, cause: describeCause(fields.cause) } : fields, type)
  }
}

/** A cause as text: the messages of the error and of what caused it, details of ours, and no other member of either. */
function describeCause(cause: unknown): string {
  const messages: string[] = []
  for (let error = cause; error instanceof Error && messages.length < 5; error = error.cause) {
    const detail = error instanceof Failure && error.detail !== undefined ? `: ${error.detail}` : ''
    messages.push(`${error.name}: ${error.message}${detail}`)
  }
  return messages.join(' ← ')
}
