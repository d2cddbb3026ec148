/**
 * A verified token as requests use it: the identity to run as, whom they count against, and what the log says of it.
 */
import { createHash } from 'node:crypto'
import type { GatewayIdentity } from '../postgres/flight.ts'
import { type SealKey, sealSession } from '../seal/seal.ts'
import type { Narrowing } from '../token/narrowing.ts'
import { sealedUntil, type VerifiedToken } from '../token/verified-token.ts'
import type { Who } from './audit.ts'

/** A verified token as requests use it. */
export interface Caller {
  readonly identity: GatewayIdentity
  /** Who its requests count against: its tenant where it has one, so that no tenant can keep the others waiting. */
  readonly owner: string
  /** For the log. */
  readonly who: Who
  /** Undefined for a token that is not narrowed. */
  readonly narrowing: Narrowing | undefined
}

/** Prepares each verified token once; that lasts for as long as the verifier keeps the token and the key is in force. */
export function createCallers(sealKey: () => SealKey): (token: VerifiedToken) => Caller {
  let key = sealKey()
  let callers = new WeakMap<VerifiedToken, Caller>()
  return (token) => {
    if (key !== sealKey()) {
      key = sealKey()
      callers = new WeakMap()
    }
    const known = callers.get(token)
    if (known !== undefined) return known
    const caller = toCaller(token, key)
    callers.set(token, caller)
    return caller
  }
}

function toCaller(token: VerifiedToken, key: SealKey): Caller {
  const { iss, sub, kid, role, jti, claims, tenant, narrowing } = token
  return {
    identity: { role, session: sealSession(key, { ...token, exp: sealedUntil(token), sid: claims.sid }) },
    narrowing,
    owner: JSON.stringify(tenant === undefined ? [iss, 'subject', sub] : [iss, 'tenant', tenant]),
    who: {
      auth: 'token',
      iss,
      sub,
      kid,
      role,
      ...(tenant === undefined ? {} : { tenantId: String(tenant) }),
      ...(narrowing?.actor === undefined ? {} : { actor: narrowing.actor }),
      ...(jti === undefined ? {} : { jtiHash: createHash('sha256').update(jti).digest('hex').slice(0, 16) }),
    },
  }
}
