/**
 * The door as a resource that OAuth protects: who may call it from where, which tokens are for it, and where clients learn
 * that.
 * @see RFC 9728 (metadata), RFC 8707 (audience), RFC 6750 §3 (challenge)
 */
import { Failure } from '../../errors.ts'
import { isHost } from '../../network.ts'
import { toChallenge } from '../../token/bearer.ts'
import type { TrustedIssuer } from '../../token/issuer-settings.ts'
import type { VerifiedToken } from '../../token/verified-token.ts'
import type { GatewayConfig } from '../config.ts'

/** Where the door is. */
export const mcpPath = '/mcp'
const metadataPath = '/.well-known/oauth-protected-resource'

/** The settings that the resource needs. */
export type ResourceSettings = Pick<GatewayConfig, 'hosts' | 'corsOrigins' | 'mcpResource'>

/** What is asked of a request before anything else of it is looked at. */
export interface Origins {
  /** Each name by which it was sent here. */
  readonly hosts: readonly string[]
  readonly origin: string | undefined
}

/** The resource. */
export interface ProtectedResource {
  /**
   * Unlike SQL over HTTP the door has no "any host": it answers loopback, `ROWPASS_HOSTS` and the host of its own URL.
   * @throws Failure `host_unknown`; `origin_refused`
   */
  admit(origins: Origins): void
  /** @throws Failure `token_invalid` for a token that was made for something else */
  checkAudience(token: Pick<VerifiedToken, 'iss' | 'claims'>): void
  /** The metadata, as a JSON text; undefined where the path is not one of theirs. */
  metadata(path: string, host: string): string | undefined
  /** `WWW-Authenticate` of a refusal; undefined where it is not about the token. */
  challenge(failure: Failure, host: string): string | undefined
}

/**
 * Makes it.
 * @param issuers those in force
 */
export function createProtectedResource(
  { hosts, corsOrigins, mcpResource }: ResourceSettings,
  issuers: () => readonly TrustedIssuer[],
): ProtectedResource {
  const names = new Set([...hosts, ...(mcpResource === undefined ? [] : [mcpResource.hostname])])
  const resourceAt = (host: string): URL => mcpResource ?? new URL(mcpPath, `http://${host}`)

  return {
    admit({ hosts: given, origin }) {
      if (given.length === 0 || !given.every((host) => isHost(host, names))) throw new Failure('host_unknown')
      if (origin !== undefined && !corsOrigins.has(origin)) throw new Failure('origin_refused')
    },
    checkAudience({ iss, claims }) {
      const given = [claims.aud].flat()
      const wanted =
        mcpResource === undefined
          ? issuers().flatMap((issuer) => (issuer.iss === iss ? issuer.audience || [] : []))
          : [mcpResource.href, mcpResource.href.replace(/\/$/, '')]
      if (given.some((audience) => typeof audience === 'string' && wanted.includes(audience))) return
      throw new Failure('token_invalid', { cause: new Error('"aud" does not name the door: see ROWPASS_MCP_RESOURCE') })
    },
    metadata(path, host) {
      const resource = resourceAt(host)
      if (path !== metadataPath && path !== `${metadataPath}${resource.pathname}`) return undefined
      return JSON.stringify({
        resource: resource.href,
        authorization_servers: [...new Set(issuers().map(({ iss }) => iss))].filter((iss) => URL.canParse(iss)),
        bearer_methods_supported: ['header'],
        resource_name: 'Rowpass',
      })
    },
    challenge({ code }, host) {
      const challenge = toChallenge(code)
      if (challenge === undefined) return undefined
      const { origin, pathname } = resourceAt(host)
      const separator = challenge.includes(' ') ? ', ' : ' '
      return `${challenge}${separator}resource_metadata="${origin}${metadataPath}${pathname}"`
    },
  }
}
