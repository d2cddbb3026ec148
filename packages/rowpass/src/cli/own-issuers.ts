/**
 * Whose tokens the gateway of a project takes.
 */
import { parseIssuers } from '../gateway/issuers.ts'
import type { TrustedIssuer } from '../token/issuer-settings.ts'
import type { Project } from './project.ts'

/** The issuers that the gateway of a project trusts: those of ROWPASS_ISSUERS, else its own API. */
export function ownIssuers(project: Project, apiUrl: string): readonly TrustedIssuer[] {
  return parseIssuers(project.env.ROWPASS_ISSUERS ?? JSON.stringify([ownIssuer(project, apiUrl)]))
}

/** The API of a project as an issuer, as ROWPASS_ISSUERS takes it. */
export function ownIssuer(project: Project, apiUrl: string): Record<string, string> {
  return { iss: project.issuer, audience: project.audience, jwks_url: `${apiUrl}/.well-known/jwks.json` }
}
