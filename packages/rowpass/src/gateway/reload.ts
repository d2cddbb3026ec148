/**
 * Whether another configuration can be put in force while requests come in: what it brings is tried on the database first.
 */
import { Failure } from '../errors.ts'
import type { ConfigRefused } from '../events.ts'
import type { GatewayConfig } from './config.ts'
import { askForLack, type Expected } from './preparation.ts'

/** Why a configuration is not put in force. */
export class ReloadRefusal extends Error {
  override readonly name = 'ReloadRefusal'
  readonly reason: ConfigRefused['reason']

  constructor(reason: ConfigRefused['reason'], cause: unknown) {
    super('the configuration is not put in force', { cause })
    this.reason = reason
  }
}

/**
 * Tries a seal key and database roles that were not in force before. What was before is not looked at, so that an issuer can
 * be taken away whatever state the database is in.
 *
 * @param config its database is asked, with the gateway's login
 * @throws ReloadRefusal whose cause says what to do
 */
export async function tryExpected(
  { databaseUrl, connectTimeoutMs }: Pick<GatewayConfig, 'databaseUrl' | 'connectTimeoutMs'>,
  before: Expected,
  next: Expected,
): Promise<void> {
  const roles = next.roles.filter((role) => !before.roles.includes(role))
  if (isSameKey(before, next) && roles.length === 0) return
  const lack = await askForLack(databaseUrl, connectTimeoutMs, next).catch((cause: unknown) => {
    throw new ReloadRefusal('database', cause)
  })
  if (lack.missing.includes('platform'))
    throw refusal('platform', 'the database lacks what "rowpass db migrate" brings')
  if (lack.missing.includes('gateway')) throw refusal('gateway', 'the database serves gateways of a later version only')
  if (!isSameKey(before, next) && lack.missing.includes('seal_key')) {
    const detail = `the database does not accept the seal key "${next.sealKey.name}": run "rowpass db migrate" with it first`
    throw refusal('seal_key', detail)
  }
  const lacking = roles.filter((role) => lack.roles.includes(role))
  if (lacking.length > 0) throw refusal('roles', `the gateway's login cannot take the roles: ${lacking.join(', ')}`)
}

function refusal(reason: ConfigRefused['reason'], detail: string): ReloadRefusal {
  return new ReloadRefusal(reason, new Failure('config_invalid', { detail }))
}

function isSameKey({ sealKey: one }: Expected, { sealKey: other }: Expected): boolean {
  return one.name === other.name && Buffer.from(one.secret).equals(other.secret)
}
