/**
 * Which database a gateway can work with.
 */

/**
 * The number of what a gateway sends to a database and calls there: the form of the seal, `rowpass.refuse_ended_session()`.
 * It grows when a database of before could not serve this gateway, or one of now would not serve the gateways of before;
 * `seal/sql/gateway_contracts.sql` says which numbers a database serves.
 */
export const gatewayContract = 1

/** What serves this gateway, or which of the two is too old. */
export type Contract = 'kept' | 'database_older' | 'gateway_older'

/** Compares. @param contracts what `rowpass.gateway_contracts()` returns, the oldest and the newest; undefined without it */
export function compareContracts(contracts: readonly number[] | undefined): Contract {
  const [oldest = 0, newest = 0] = contracts ?? []
  if (newest < gatewayContract) return 'database_older'
  return oldest > gatewayContract ? 'gateway_older' : 'kept'
}
