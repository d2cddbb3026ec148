/**
 * `rowpass/gateway`: SQL over HTTP as the identity in a verified token, as a server or inside one of your own.
 */
export { Failure, type FailureCode } from '../errors.ts'
export type { Emit, RowpassEvent } from '../events.ts'
export { ConfigError, type GatewayConfig, parseGatewayConfig } from '../gateway/config.ts'
export { createEventLog, type EventLogOptions, type LogDestination } from '../gateway/log.ts'
export { nodeVerify } from '../gateway/node-verify.ts'
export { createGateway, type Gateway, type GatewayOptions } from '../gateway/server.ts'
