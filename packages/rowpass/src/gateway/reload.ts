/**
 * Whether another configuration can be put in force while requests come in: what it brings is tried on the database first.
 */
import { Failure } from '../errors.ts'
import type { ConfigRefused, Emit } from '../events.ts'
import type { GatewayConfig } from './config.ts'
import { askForLack, type Expected } from './preparation.ts'

/** What a gateway with this configuration expects of its database. */
export function expectedOf({ sealKeys, issuers }: Pick<GatewayConfig, 'sealKeys' | 'issuers'>): Expected {
  const roles = issuers.flatMap(({ role, roleClaim, roles }) => (roleClaim === undefined ? [role] : roles))
  return { sealKey: sealKeys[0], roles: [...new Set(roles)] }
}

/** What becomes of a configuration that is read again. */
export interface ReloadOptions {
  /** Puts it in force; what it brings has been tried. */
  apply(next: GatewayConfig): void | Promise<void>
  /** Is given `config_reloaded`, or `config_refused`; then nothing has changed. */
  readonly emit: Emit
}

/** Reads a configuration, tries it, and puts it in force. Never rejects; one reload comes after the other. */
export type Reload = (read: () => GatewayConfig) => Promise<void>

/** @param config the one that is in force */
export function createReload(config: GatewayConfig, { apply, emit }: ReloadOptions): Reload {
  let inForce = expectedOf(config)
  let last = Promise.resolve()

  async function reload(read: () => GatewayConfig): Promise<void> {
    const next = read()
    const expected = expectedOf(next)
    await tryExpected(config, inForce, expected)
    inForce = expected
    await apply(next)
    emit({ type: 'config_reloaded' })
  }

  function refuse(error: unknown): void {
    const { reason, cause } = error instanceof ReloadRefusal ? error : { reason: 'settings' as const, cause: error }
    emit({ type: 'config_refused', reason, cause })
  }

  return (read) => {
    last = last.then(() => reload(read)).catch(refuse)
    return last
  }
}

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
