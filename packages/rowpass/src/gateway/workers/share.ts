/**
 * What part of the settings of a gateway each of its workers has.
 */
import type { GatewayConfig } from '../config.ts'

/**
 * The configuration of one worker, which is a gateway with a part of what the whole may have where others have to do with
 * it: connections to PostgreSQL, and wrong passwords. All else holds for each worker; docs/configuration.md says so.
 */
export function shareOf(config: GatewayConfig): GatewayConfig {
  const part = (whole: number): number => Math.max(1, Math.floor(whole / config.workers))
  return Object.freeze({
    ...config,
    workers: 1,
    poolSize: part(config.poolSize),
    // Each counts as a gateway where the CONNECTION LIMIT of the login is compared with what they need.
    gateways: config.gateways * config.workers,
    passwordSessions: part(config.passwordSessions),
    passwordPairFailures: part(config.passwordPairFailures),
    passwordAddressFailures: part(config.passwordAddressFailures),
    passwordUserFailures: part(config.passwordUserFailures),
    // The primary does these for all of them.
    metricsPort: 0,
    auditChain: false,
    drainSeconds: 0,
  })
}
