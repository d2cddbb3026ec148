/**
 * An issuer as it is run: it gives tokens the ordinary way, publishes its keys over HTTP, and rotates them as its
 * documentation says.
 */
import type { Host } from './host.ts'

/** An issuer with two principals: people, or programs. */
export interface RealIssuer {
  readonly name: string
  readonly host: Host
  readonly jwksPath: string
  /** Its entry in `ROWPASS_ISSUERS`, as `docs/issuers.md` gives it. */
  readonly trust: Readonly<Record<string, unknown>> & { readonly iss: string; readonly jwks_url: string }
  readonly principals: readonly [string, string]
  /** A new token for one of the principals, the first by default. */
  token(principal?: string): Promise<string>
  /** Puts a new signing key in place; the key before stays published. */
  rotate(): Promise<void>
}
