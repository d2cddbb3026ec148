/** The kinds of issuers that everything is tested with. */
import { startBetterAuth } from './better-auth.ts'
import { startOidcProvider } from './oidc-provider.ts'
import { startOpenAuth } from './open-auth.ts'
import { startOwnIssuer } from './own-issuer.ts'
import type { RealIssuer } from './real-issuer.ts'

/** Every kind, by the function that starts it. */
export const kinds = [
  ['Better Auth', startBetterAuth],
  ['oidc-provider', startOidcProvider],
  ['our own', startOwnIssuer],
  ['OpenAuth', startOpenAuth],
] as const satisfies readonly (readonly [string, () => Promise<RealIssuer>])[]
